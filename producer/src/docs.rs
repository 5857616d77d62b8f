//! `/openapi.json`: the description of this API.

use std::sync::LazyLock;

use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::openapi::refusals::{Foreign, Internal, Invalid, Unavailable};

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

/// It changes with the binary only.
pub(crate) const KEEP: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=60");
