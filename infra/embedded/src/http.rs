//! What AWS has consoles and APIs of its own for, over HTTP: the mailbox (what the pipeline mailed, as it was rendered), the simulated
//! gateway's switch and ledger, and a way to put any message into a queue. Needs the `ops` scope.
//!
//! Only the embedded runtime has these, so this is not part of the API that AWS shares. It follows its rules.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{from_extractor_with_state, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use garde::Validate;
use orders::Queue;
use orders::ports::{Outgoing, Queues as _, SendError};
use producer::auth::{Access, OpsScope, Require};
use producer::body::{self, Text, WireBody};
use producer::cursor::Cursors;
use producer::params::{self, Id, Query};
use producer::problem::{self, Fault, Problem};
use producer::{REQUEST_TIMEOUT, guarded};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gateway::SimulatedGateway;
use crate::mailbox::{CapturedMail, Mailbox};
use crate::queue::SqliteQueues;

/// For routes without a query.
fn quick<S: Clone + Send + Sync + 'static>(handlers: MethodRouter<S>) -> MethodRouter<S> {
    guarded(handlers.route_layer(from_fn(params::none)), REQUEST_TIMEOUT)
}

/// `POST /ops/queues/{queue}/messages`: puts the request's body into a queue as a message, readable or not (SQS: `SendMessage`).
/// For drills: what a poison message does must be seen before the night it comes.
pub fn queue_router(queues: Arc<SqliteQueues>, access: Access) -> Router {
    Router::new()
        .route("/ops/queues/{queue}/messages", quick(post(send)))
        .route_layer(from_extractor_with_state::<Require<OpsScope>, Access>(access))
        .with_state(queues)
}

async fn send(
    State(queues): State<Arc<SqliteQueues>>,
    Id(queue): Id<Queue>,
    Text(body): Text,
) -> Result<Response, Problem> {
    tracing::warn!(%queue, bytes = body.len(), "ops put a message into a queue by hand");
    match queues.send(queue.into(), Outgoing { body, ..Outgoing::default() }).await {
        Ok(()) => Ok(StatusCode::ACCEPTED.into_response()),
        Err(SendError::Invalid(why)) => Err(Fault::at("", why).into()),
        Err(SendError::Unavailable(unavailable)) => Err(unavailable.into()),
    }
}

/// `GET` and `PUT /ops/gateway`: whether the simulated gateway is down, `{"down": true}`; and `GET /ops/gateway/ledger`: the money
/// that moved, newest first.
pub fn gateway_router(gateway: Arc<SimulatedGateway>, access: Access, cursors: Cursors) -> Router {
    Router::new()
        .route("/ops/gateway", quick(get(read_gateway).put(switch_gateway)))
        .route("/ops/gateway/ledger", guarded(get(ledger), REQUEST_TIMEOUT))
        .route_layer(from_extractor_with_state::<Require<OpsScope>, Access>(access))
        .with_state(Gateway { gateway, cursors })
}

/// The gateway, and what its ledger goes on with.
#[derive(Clone)]
struct Gateway {
    gateway: Arc<SimulatedGateway>,
    cursors: Cursors,
}

/// Whether the simulated gateway is down.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Outage {
    #[garde(skip)]
    down: bool,
}

impl WireBody for Outage {}

async fn read_gateway(State(Gateway { gateway, .. }): State<Gateway>) -> Response {
    ([NO_STORE], Json(Outage { down: gateway.is_down() })).into_response()
}

async fn switch_gateway(
    State(Gateway { gateway, .. }): State<Gateway>,
    body::Json(Outage { down }): body::Json<Outage>,
) -> Result<Response, Problem> {
    gateway.set_down(down).await?;
    tracing::warn!(down, "the simulated gateway was switched");
    Ok(([NO_STORE], Json(Outage { down })).into_response())
}

async fn ledger(State(Gateway { gateway, cursors }): State<Gateway>, uri: Uri) -> Result<Response, Problem> {
    let listing = Query::of(&uri).listing(&cursors, None).await?;
    let page = listing.sealed(gateway.list(&listing.page).await?)?;
    Ok(([NO_STORE], Json(json!({ "items": page.items, "next_cursor": page.next }))).into_response())
}

/// `GET /mailbox` (JSON, newest first; `captures` says whether mails come here or go elsewhere), `GET /mailbox/{id}` (as its reader
/// sees it) and `GET /mailbox/{id}/text`.
pub fn router(mailbox: Arc<Mailbox>, captures: bool, access: Access, cursors: Cursors) -> Router {
    Router::new()
        .route("/mailbox", guarded(get(list), REQUEST_TIMEOUT))
        .route("/mailbox/{id}", quick(get(html)))
        .route("/mailbox/{id}/text", quick(get(text)))
        .route_layer(from_extractor_with_state::<Require<OpsScope>, Access>(access))
        .with_state(Kept { mailbox, captures, cursors })
}

/// The mailbox, whether mails still come into it, and what its listing goes on with.
#[derive(Clone)]
struct Kept {
    mailbox: Arc<Mailbox>,
    captures: bool,
    cursors: Cursors,
}

const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

async fn list(State(Kept { mailbox, captures, cursors }): State<Kept>, uri: Uri) -> Result<Response, Problem> {
    let listing = Query::of(&uri).listing(&cursors, None).await?;
    let page = listing.sealed(mailbox.list(&listing.page).await?)?;
    let mails: Vec<Value> = page.items.iter().map(summary).collect();
    Ok(([NO_STORE], Json(json!({ "captures": captures, "mails": mails, "next_cursor": page.next }))).into_response())
}

fn summary(captured: &CapturedMail) -> Value {
    let mail = &captured.mail;
    json!({
        "id": captured.id, "sent_at": captured.sent_at, "order_id": mail.order_id, "kind": mail.kind, "to": mail.to,
        "subject": mail.subject, "html": format!("/mailbox/{}", captured.id), "text": format!("/mailbox/{}/text", captured.id),
    })
}

async fn html(State(Kept { mailbox, .. }): State<Kept>, Id(id): Id<String>) -> Result<Response, Problem> {
    // The mail's own text is a customer's: nothing in it may run. The console shows it in a frame.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox";
    let policy = (header::CONTENT_SECURITY_POLICY, policy);
    Ok(([policy, NO_STORE], Html(one(&mailbox, &id)?.mail.html)).into_response())
}

async fn text(State(Kept { mailbox, .. }): State<Kept>, Id(id): Id<String>) -> Result<Response, Problem> {
    Ok(([NO_STORE], one(&mailbox, &id)?.mail.text).into_response())
}

fn one(mailbox: &Mailbox, id: &str) -> Result<CapturedMail, Problem> {
    let found = id.parse().map_or(Ok(None), |id| mailbox.get(id))?;
    found.ok_or_else(|| Problem::new(problem::NOT_FOUND, "there is no such mail; GET /mailbox lists them"))
}
