//! The mailbox over HTTP, for people: what the pipeline mailed, as it was rendered. Needs the `ops` scope.
//!
//! Only the embedded runtime has a mailbox, so this is not part of the API that AWS shares.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::middleware::from_extractor_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use orders::ports::{ListError, PageRequest};
use producer::auth::{Access, OpsScope, Require};
use producer::problem::{self, Fault, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mailbox::{CapturedMail, Mailbox};

/// `GET /mailbox` (JSON, newest first), `GET /mailbox/{id}` (as its reader sees it) and `GET /mailbox/{id}/text`.
pub fn router(mailbox: Arc<Mailbox>, access: Access) -> Router {
    Router::new()
        .route("/mailbox", get(list))
        .route("/mailbox/{id}", get(html))
        .route("/mailbox/{id}/text", get(text))
        .route_layer(from_extractor_with_state::<Require<OpsScope>, Access>(access))
        .with_state(mailbox)
}

const PAGE: NonZeroU32 = NonZeroU32::new(50).expect("not zero");
const LARGEST_PAGE: NonZeroU32 = NonZeroU32::new(200).expect("not zero");

#[derive(Deserialize)]
struct Paging {
    limit: Option<NonZeroU32>,
    cursor: Option<String>,
}

async fn list(
    State(mailbox): State<Arc<Mailbox>>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(paging) = paging.map_err(|fault| Fault::in_parameter("limit", fault.body_text()))?;
    let limit = paging.limit.unwrap_or(PAGE).min(LARGEST_PAGE);
    let page = mailbox.list(&PageRequest { limit, cursor: paging.cursor }).await.map_err(|error| match error {
        ListError::InvalidCursor => Fault::in_parameter("cursor", error).into(),
        ListError::Unavailable(unavailable) => Problem::unavailable(&unavailable),
    })?;
    let mails: Vec<Value> = page.items.iter().map(summary).collect();
    Ok(Json(json!({ "mails": mails, "next": page.next })))
}

fn summary(captured: &CapturedMail) -> Value {
    let mail = &captured.mail;
    json!({
        "id": captured.id, "sent_at": captured.sent_at, "order_id": mail.order_id, "kind": mail.kind, "to": mail.to,
        "subject": mail.subject, "html": format!("/mailbox/{}", captured.id), "text": format!("/mailbox/{}/text", captured.id),
    })
}

type Id = Result<Path<i64>, PathRejection>;

async fn html(State(mailbox): State<Arc<Mailbox>>, id: Id) -> Result<Response, Problem> {
    // The mail's own text is a customer's: nothing in it may run.
    let policy = [(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox")];
    Ok((policy, Html(one(&mailbox, id)?.mail.html)).into_response())
}

async fn text(State(mailbox): State<Arc<Mailbox>>, id: Id) -> Result<Response, Problem> {
    Ok(one(&mailbox, id)?.mail.text.into_response())
}

fn one(mailbox: &Mailbox, id: Id) -> Result<CapturedMail, Problem> {
    let found = match id {
        Ok(Path(id)) => mailbox.get(id)?,
        Err(_) => None,
    };
    found.ok_or_else(|| Problem::new(problem::NOT_FOUND, "there is no such mail; GET /mailbox lists them"))
}
