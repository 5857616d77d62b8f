//! `/docs`: Swagger UI to read `/openapi.json` with, from this binary alone.
//!
//! Not part of [`crate::router`]: its files are a third of a Lambda function's size, and a binary that does not ask for them
//! does not link them.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_swagger_ui::{Config, serve};

use crate::docs::KEEP;
use crate::params::Id;
use crate::problem::{self, Problem};
use crate::{REQUEST_TIMEOUT, guarded};

/// For [`crate::Settings::more`]. Open to everybody, as `/openapi.json` is.
pub fn router() -> Router {
    Router::new()
        .route("/docs", guarded(get(to_index), REQUEST_TIMEOUT))
        .route("/docs/", guarded(get(index), REQUEST_TIMEOUT))
        .route("/docs/{*path}", guarded(get(asset), REQUEST_TIMEOUT))
}

/// Nothing is fetched from elsewhere, whatever Swagger UI may come to want.
const SELF_ONLY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// Relative, so that it also works below a stage's prefix.
static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("../openapi.json").validator_url("none")));

/// `/docs` has its files beside it only with a slash at its end.
async fn to_index() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "docs/")]).into_response()
}

async fn index() -> Result<Response, Problem> {
    file("")
}

async fn asset(Id(path): Id<String>) -> Result<Response, Problem> {
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
