//! Orders as ops see them, and the stuck ones.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use orders::ports::OrderFilter;
use orders::{OrderId, Status};
use producer::params::{Id, Query};
use producer::problem::Problem;

use super::caller::Caller;
use super::wire::Listed;
use super::{Api, NO_STORE};
use crate::{DEFAULT_AGE, Operations as _};

pub(super) async fn list(State(api): State<Api>, Caller(ops): Caller, uri: Uri) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let filter = OrderFilter {
        storefront: query.take("storefront", str::parse),
        status: query.take("status", str::parse::<Status>),
        customer: query.take("customer", str::parse),
    };
    let listing = query.listing(&api.cursors, None).await?;
    let page = listing.sealed(ops.orders(&filter, &listing.page).await?)?;
    Ok((NO_STORE, Json(Listed::from(page))).into_response())
}

pub(super) async fn read(Caller(ops): Caller, Id(id): Id<OrderId>) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.order(&id).await?)).into_response())
}

pub(super) async fn cancel(Caller(ops): Caller, Id(id): Id<OrderId>) -> Result<Response, Problem> {
    Ok((StatusCode::ACCEPTED, NO_STORE, Json(ops.cancel(&id).await?)).into_response())
}

pub(super) async fn reveal(Caller(ops): Caller, Id(id): Id<OrderId>) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.reveal(&id).await?)).into_response())
}

pub(super) async fn stuck(State(api): State<Api>, Caller(ops): Caller, uri: Uri) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let age = query.take("age_seconds", |text| {
        text.parse().map(Duration::from_secs).map_err(|_| "it is a whole number of seconds")
    });
    let listing = query.listing(&api.cursors, None).await?;
    let page = listing.sealed(ops.stuck(age.unwrap_or(DEFAULT_AGE), &listing.page).await?)?;
    Ok((NO_STORE, Json(Listed::from(page))).into_response())
}
