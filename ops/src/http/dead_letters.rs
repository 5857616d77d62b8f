//! The queues, and what lies in the DLQs.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use orders::Queue;
use producer::body;
use producer::params::{Id, Query};
use producer::problem::{self, Problem};

use super::caller::Caller;
use super::wire::{Listed, Redrive};
use super::{Api, NO_STORE};
use crate::{Operations as _, Selection};

pub(super) async fn status(Caller(ops): Caller) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.status().await?)).into_response())
}

pub(super) async fn queues(Caller(ops): Caller) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.queues().await?)).into_response())
}

pub(super) async fn breakdowns(Caller(ops): Caller, uri: Uri) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let all = query.take("all", |text| text.parse::<bool>().map_err(|_| "it is true or false"));
    query.finish()?;
    Ok((NO_STORE, Json(ops.dead_letters(all.unwrap_or(false)).await?)).into_response())
}

pub(super) async fn list(
    State(api): State<Api>,
    Caller(ops): Caller,
    Id(queue): Id<Queue>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let selection = Selection {
        cause: query.take("cause", |text| Ok::<_, &str>(text.to_owned())),
        order: query.take("order", str::parse),
        since: query.take("since", |text| text.parse().map_err(|_| "it is a time, such as 2026-01-31T12:00:00Z")),
        before: query.take("before", |text| text.parse().map_err(|_| "it is a time, such as 2026-01-31T12:00:00Z")),
        expression: query.take("where", |text| Ok::<_, &str>(text.to_owned())),
    };
    let listing = query.listing(&api.cursors, None).await?;
    let page = listing.sealed(ops.letters(queue, &selection, &listing.page).await?)?;
    Ok((NO_STORE, Json(Listed::from(page))).into_response())
}

pub(super) async fn last_move(Caller(ops): Caller, Id(queue): Id<Queue>) -> Result<Response, Problem> {
    let last = ops.last_move(queue).await?;
    let last = last.ok_or_else(|| Problem::new(problem::NOT_FOUND, "No move of these dead letters was started."))?;
    Ok((NO_STORE, Json(last)).into_response())
}

pub(super) async fn redrive(
    Caller(ops): Caller,
    Id(queue): Id<Queue>,
    body::Json(redrive): body::Json<Redrive>,
) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.redrive(queue, redrive.per_second).await?)).into_response())
}
