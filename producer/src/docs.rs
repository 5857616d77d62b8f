//! `/openapi.json` and `/docs`: the description of this API, and Swagger UI to read it with, from this binary alone.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa_swagger_ui::{Config, serve};

use crate::openapi::refusals::{Foreign, Internal, Invalid, Unavailable};
use crate::problem::{self, Problem};

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| serde_json::to_vec(&crate::openapi::document()).unwrap_or_default().into());

/// The description of this API
///
/// OpenAPI, generated from the types that the handlers read and write.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    operation_id = "openapi",
    responses((status = 200, description = "This document.", body = Object, content_type = "application/json"),
        (status = 400, response = Invalid), (status = 403, response = Foreign), (status = 500, response = Internal), (status = 503, response = Unavailable))
)]
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json"), KEEP], DOCUMENT.clone()).into_response()
}

const KEEP: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=60");

/// Nothing is fetched from elsewhere, whatever Swagger UI may come to want.
const SELF_ONLY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// Relative, so that it also works below a stage's prefix.
static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("../openapi.json").validator_url("none")));

/// `/docs` has its files beside it only with a slash at its end.
pub(crate) async fn to_index() -> Response {
    (axum::http::StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "docs/")]).into_response()
}

pub(crate) async fn index() -> Result<Response, Problem> {
    file("")
}

pub(crate) async fn asset(Path(path): Path<String>) -> Result<Response, Problem> {
    file(&path)
}

fn file(path: &str) -> Result<Response, Problem> {
    match serve(path, CONFIG.clone()) {
        Ok(Some(file)) => {
            let kind = (header::CONTENT_TYPE, file.content_type);
            Ok(([kind], [KEEP, SELF_ONLY], file.bytes).into_response())
        }
        Ok(None) => Err(Problem::new(problem::NOT_FOUND, "There is no such page.")),
        Err(error) => {
            tracing::error!(%error, "the documentation can't be rendered");
            Err(Problem::new(problem::INTERNAL, "The documentation can't be rendered."))
        }
    }
}
