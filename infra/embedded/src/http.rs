//! The mailbox over HTTP, for people: what the pipeline mailed, as it was rendered; and the switch of the simulated gateway, which
//! can go down and come back. Needs the `ops` scope.
//!
//! Only the embedded runtime has these, so this is not part of the API that AWS shares. It follows its rules.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::middleware::from_extractor_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use orders::ports::ListError;
use producer::auth::{Access, OpsScope, Require};
use producer::params::{BAD_CURSOR, Query};
use producer::problem::{self, Fault, Problem};
use producer::{REQUEST_TIMEOUT, guarded};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gateway::SimulatedGateway;
use crate::mailbox::{CapturedMail, Mailbox};

/// `GET` and `PUT /ops/gateway`: whether the simulated gateway is down, `{"down": true}`.
pub fn gateway_router(gateway: Arc<SimulatedGateway>, access: Access) -> Router {
    Router::new()
        .route("/ops/gateway", guarded(get(read_gateway).put(switch_gateway), REQUEST_TIMEOUT))
        .route_layer(from_extractor_with_state::<Require<OpsScope>, Access>(access))
        .with_state(gateway)
}

/// Whether the simulated gateway is down.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outage {
    down: bool,
}

async fn read_gateway(State(gateway): State<Arc<SimulatedGateway>>) -> Response {
    ([NO_STORE], Json(Outage { down: gateway.is_down() })).into_response()
}

async fn switch_gateway(State(gateway): State<Arc<SimulatedGateway>>, body: String) -> Result<Response, Problem> {
    let Outage { down } = serde_json::from_str(&body).map_err(|error| Fault::at("", error))?;
    gateway.set_down(down).await?;
    tracing::warn!(down, "the simulated gateway was switched");
    Ok(([NO_STORE], Json(Outage { down })).into_response())
}

/// `GET /mailbox` (JSON, newest first), `GET /mailbox/{id}` (as its reader sees it) and `GET /mailbox/{id}/text`.
pub fn router(mailbox: Arc<Mailbox>, access: Access) -> Router {
    Router::new()
        .route("/mailbox", guarded(get(list), REQUEST_TIMEOUT))
        .route("/mailbox/{id}", guarded(get(html), REQUEST_TIMEOUT))
        .route("/mailbox/{id}/text", guarded(get(text), REQUEST_TIMEOUT))
        .route_layer(from_extractor_with_state::<Require<OpsScope>, Access>(access))
        .with_state(mailbox)
}

const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

async fn list(State(mailbox): State<Arc<Mailbox>>, uri: Uri) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let page = query.page();
    query.finish()?;
    let page = mailbox.list(&page).await.map_err(|error| match error {
        ListError::InvalidCursor => Fault::in_parameter("cursor", BAD_CURSOR).into(),
        ListError::Unavailable(unavailable) => Problem::unavailable(&unavailable),
    })?;
    let mails: Vec<Value> = page.items.iter().map(summary).collect();
    Ok(([NO_STORE], Json(json!({ "mails": mails, "next_cursor": page.next }))).into_response())
}

fn summary(captured: &CapturedMail) -> Value {
    let mail = &captured.mail;
    json!({
        "id": captured.id, "sent_at": captured.sent_at, "order_id": mail.order_id, "kind": mail.kind, "to": mail.to,
        "subject": mail.subject, "html": format!("/mailbox/{}", captured.id), "text": format!("/mailbox/{}/text", captured.id),
    })
}

async fn html(State(mailbox): State<Arc<Mailbox>>, Path(id): Path<String>) -> Result<Response, Problem> {
    // The mail's own text is a customer's: nothing in it may run.
    let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox");
    Ok(([policy, NO_STORE], Html(one(&mailbox, &id)?.mail.html)).into_response())
}

async fn text(State(mailbox): State<Arc<Mailbox>>, Path(id): Path<String>) -> Result<Response, Problem> {
    Ok(([NO_STORE], one(&mailbox, &id)?.mail.text).into_response())
}

fn one(mailbox: &Mailbox, id: &str) -> Result<CapturedMail, Problem> {
    let found = id.parse().map_or(Ok(None), |id| mailbox.get(id))?;
    found.ok_or_else(|| Problem::new(problem::NOT_FOUND, "there is no such mail; GET /mailbox lists them"))
}
