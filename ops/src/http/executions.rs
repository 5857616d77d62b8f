//! Executions: reading, stopping, redriving.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use orders::OrderId;
use orders::ports::ops::ExecutionStatus;
use producer::body;
use producer::params::{Id, Query};
use producer::problem::Problem;

use super::caller::Caller;
use super::wire::Listed;
use super::{Api, NO_STORE};
use crate::{ExecutionFilter, Operations as _, StopRequest};

pub(super) async fn list(State(api): State<Api>, Caller(ops): Caller, uri: Uri) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let filter = ExecutionFilter {
        status: query.take("status", str::parse::<ExecutionStatus>),
        state: query.take("state", |text| Ok::<_, &str>(text.to_owned())),
        error: query.take("error", |text| Ok::<_, &str>(text.to_owned())),
        since: query.take("since", |text| text.parse().map_err(|_| "it is a time, such as 2026-01-31T12:00:00Z")),
        before: query.take("before", |text| text.parse().map_err(|_| "it is a time, such as 2026-01-31T12:00:00Z")),
    };
    let listing = query.listing(&api.cursors, None).await?;
    let page = listing.sealed(ops.executions(&filter, &listing.page).await?)?;
    Ok((NO_STORE, Json(Listed::from(page))).into_response())
}

pub(super) async fn read(Caller(ops): Caller, Id(name): Id<OrderId>) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.execution(&name).await?)).into_response())
}

pub(super) async fn history(Caller(ops): Caller, Id(name): Id<OrderId>) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.history(&name).await?)).into_response())
}

pub(super) async fn stop(
    Caller(ops): Caller,
    Id(name): Id<OrderId>,
    body::Json(request): body::Json<StopRequest>,
) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.stop(&name, &request).await?)).into_response())
}

pub(super) async fn redrive(Caller(ops): Caller, Id(name): Id<OrderId>) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.redrive_execution(&name).await?)).into_response())
}
