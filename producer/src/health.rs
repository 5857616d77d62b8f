//! Whether the process is up, whether it can do its work, and its numbers.

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use orders::ports::{PageRequest, Unavailable};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::auth::{OpsScope, Require};
use crate::openapi::refusals::{
    Forbidden, Foreign, Internal, Invalid, NotFound, Unauthenticated, Unavailable as Refused,
};
use crate::problem::{self, Problem};

/// Tells whether the process can do its work.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Fine, or what is missing.
    async fn check(&self) -> Result<(), Unavailable>;
}

/// The process is fine.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(pattern = "^ok$")]
    status: &'static str,
}

const OK: ([(HeaderName, &str); 1], Json<Health>) =
    ([(header::CACHE_CONTROL, "no-store")], Json(Health { status: "ok" }));

/// The process is up
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    operation_id = "health",
    responses((status = 200, description = "It is up.", body = Health), (status = 400, response = Invalid),
        (status = 403, response = Foreign), (status = 500, response = Internal), (status = 503, response = Refused))
)]
pub(crate) async fn health() -> Response {
    OK.into_response()
}

/// The process can do its work
#[utoipa::path(
    get,
    path = "/ready",
    tag = "operation",
    operation_id = "ready",
    responses((status = 200, description = "The store answers.", body = Health), (status = 400, response = Invalid),
        (status = 403, response = Foreign), (status = 500, response = Internal), (status = 503, response = Refused))
)]
pub(crate) async fn ready(State(api): State<Api>) -> Result<Response, Problem> {
    match &api.readiness {
        Some(readiness) => readiness.check().await?,
        None => store_answers(&api).await?,
    }
    Ok(OK.into_response())
}

async fn store_answers(api: &Api) -> Result<(), Unavailable> {
    let one = PageRequest { limit: std::num::NonZeroU32::MIN, cursor: None };
    match api.ports.catalogue.list(&one).await {
        Err(orders::ports::ListError::Unavailable(cause)) => Err(cause),
        Ok(_) | Err(orders::ports::ListError::InvalidCursor) => Ok(()),
    }
}

/// Its numbers
///
/// In the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    operation_id = "metrics",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The numbers.", body = String, content_type = "text/plain"),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Forbidden),
        (status = 404, response = NotFound),
        (status = 500, response = Internal),
        (status = 503, response = Refused),
    )
)]
pub(crate) async fn metrics(State(api): State<Api>, _caller: Require<OpsScope>) -> Result<Response, Problem> {
    let render = api.metrics.as_ref();
    let render = render.ok_or_else(|| Problem::new(problem::NOT_FOUND, "This process keeps no numbers here."))?;
    let head =
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((head, render()).into_response())
}
