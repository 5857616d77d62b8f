//! The runs: the audit log, and what is done under one.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use producer::body;
use producer::params::{Id, Query};
use producer::problem::Problem;

use super::caller::Caller;
use super::wire::{Ids, Letters, Listed, OrderRef};
use super::{Api, NO_STORE, in_body};
use crate::{NewRun, Operations as _, Replay};

pub(super) async fn list(State(api): State<Api>, Caller(ops): Caller, uri: Uri) -> Result<Response, Problem> {
    let listing = Query::of(&uri).listing(&api.cursors, None).await?;
    let page = listing.sealed(ops.runs(&listing.page).await?)?;
    Ok((NO_STORE, Json(Listed::from(page))).into_response())
}

pub(super) async fn begin(Caller(ops): Caller, body::Json(new): body::Json<NewRun>) -> Result<Response, Problem> {
    Ok((StatusCode::CREATED, NO_STORE, Json(ops.begin(&new).await.map_err(in_body)?)).into_response())
}

pub(super) async fn read(Caller(ops): Caller, Id(run): Id<String>) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.run(&run).await?)).into_response())
}

pub(super) async fn entries(
    State(api): State<Api>,
    Caller(ops): Caller,
    Id(run): Id<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let listing = Query::of(&uri).listing(&api.cursors, None).await?;
    let page = listing.sealed(ops.entries(&run, &listing.page).await?)?;
    Ok((NO_STORE, Json(Listed::from(page))).into_response())
}

pub(super) async fn replay(
    Caller(ops): Caller,
    Id(run): Id<String>,
    body::Json(replay): body::Json<Replay>,
) -> Result<Response, Problem> {
    // Seen through to its end even if the client goes away: a replay that was begun should not be left half done.
    let entries = tokio::spawn(async move { ops.replay(&run, &replay).await }).await;
    Ok((NO_STORE, Json(entries.map_err(broken)?.map_err(in_body)?)).into_response())
}

pub(super) async fn resume(Caller(ops): Caller, Id(run): Id<String>) -> Result<Response, Problem> {
    let entries = tokio::spawn(async move { ops.resume(&run).await }).await;
    Ok((NO_STORE, Json(entries.map_err(broken)??)).into_response())
}

pub(super) async fn purge(
    Caller(ops): Caller,
    Id(run): Id<String>,
    body::Json(Ids { ids }): body::Json<Ids>,
) -> Result<Response, Problem> {
    let entries = tokio::spawn(async move { ops.purge(&run, &ids).await }).await;
    Ok((NO_STORE, Json(entries.map_err(broken)??)).into_response())
}

pub(super) async fn import(
    Caller(ops): Caller,
    Id(run): Id<String>,
    body::Json(Letters { letters }): body::Json<Letters>,
) -> Result<Response, Problem> {
    let entries = tokio::spawn(async move { ops.import(&run, &letters).await }).await;
    Ok((NO_STORE, Json(entries.map_err(broken)?.map_err(in_body)?)).into_response())
}

pub(super) async fn repair(
    Caller(ops): Caller,
    Id(run): Id<String>,
    body::Json(OrderRef { order_id }): body::Json<OrderRef>,
) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.repair(&run, &order_id).await?)).into_response())
}

pub(super) async fn finish(Caller(ops): Caller, Id(run): Id<String>) -> Result<Response, Problem> {
    Ok((NO_STORE, Json(ops.finish(&run).await?)).into_response())
}

fn broken(error: tokio::task::JoinError) -> Problem {
    tracing::error!(%error, "an operation broke");
    Problem::new(producer::problem::INTERNAL, "This is a fault of the service, and it was logged.")
}
