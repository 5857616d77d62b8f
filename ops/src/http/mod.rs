//! The operations as an HTTP API: the routes under `/ops/`, for the command and the console. Needs the scope `ops`.
//!
//! The habits are the producer's: problems, strict parameters, limits, a time-out for each request. Listings are
//! `{"items": […], "next_cursor": …}`. Not for what the operations do; that is the crate around it.
//!
//! ```text
//! GET  /ops/status                             GET  /ops/runs[/{run}[/entries]]
//! GET  /ops/queues                             POST /ops/runs                     begin
//! GET  /ops/dead-letters?all=                  POST /ops/runs/{run}/replay        {items: [{message_id, body?}], force?}
//! GET  /ops/dead-letters/{queue}?cause=…       POST /ops/runs/{run}/resume
//! POST /ops/dead-letters/{queue}/dry-run       POST /ops/runs/{run}/drive         all of a replay; lines of JSON
//! GET  /ops/dead-letters/{queue}/redrive       POST /ops/runs/{run}/purge         {ids}
//! POST /ops/dead-letters/{queue}/redrive       POST /ops/runs/{run}/import        {letters}
//! GET  /ops/orders[/{id}]                      POST /ops/runs/{run}/repair        {order_id}
//! POST /ops/orders/{id}/{cancel,reveal}        POST /ops/runs/{run}/finish
//! GET  /ops/executions[/{name}[/history]]      GET  /ops/stuck?age_seconds=
//! POST /ops/executions/{name}/stop             GET  /ops/events?only=&after=      server-sent
//! POST /ops/executions/{name}/redrive          POST /ops/backup                   the database's bytes
//! ```

mod backup;
mod caller;
mod dead_letters;
mod driving;
pub mod events;
mod executions;
mod orders;
mod runs;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::{HeaderValue, header};
use axum::middleware::{from_extractor_with_state, from_fn};
use axum::routing::{MethodRouter, get, post};
use producer::auth::{Access, OpsScope, Require};
use producer::cursor::Cursors;
use producer::params;
use producer::problem::{self, Fault, Kind, Problem};
use producer::{REQUEST_TIMEOUT, guarded};
use tokio::sync::{Semaphore, watch};

use crate::{Ops, OpsError};

/// For what takes longer: compensations are waited for, and a dry run looks at every dead letter.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many may watch events at once.
const WATCHERS: usize = 100;

/// It could be done, but should not.
pub const REFUSED: Kind =
    Kind { status: axum::http::StatusCode::CONFLICT, slug: "refused", title: "This should not be done" };

/// What the handlers share.
#[derive(Clone)]
struct Api {
    ops: Ops,
    access: Access,
    cursors: Cursors,
    closing: watch::Receiver<bool>,
    watchers: Arc<Semaphore>,
}

impl FromRef<Api> for Access {
    fn from_ref(api: &Api) -> Self {
        api.access.clone()
    }
}

/// The routes, to be merged beside the producer's. Event streams end when `closing` turns true.
pub fn router(ops: Ops, access: Access, cursors: Cursors, closing: watch::Receiver<bool>) -> Router {
    let api = Api { ops, access: access.clone(), cursors, closing, watchers: Arc::new(Semaphore::new(WATCHERS)) };
    let without_query = |handlers: MethodRouter<Api>| handlers.route_layer(from_fn(params::none));
    let listing = |handlers: MethodRouter<Api>| guarded(handlers, REQUEST_TIMEOUT);
    let quick = |handlers: MethodRouter<Api>| listing(without_query(handlers));
    let patient = |handlers: MethodRouter<Api>| guarded(without_query(handlers), PATIENCE);
    let large = |handlers: MethodRouter<Api>| quick(handlers).layer(DefaultBodyLimit::max(wire::MAX_BYTES));
    Router::new()
        .route("/ops/status", quick(get(dead_letters::status)))
        .route("/ops/queues", quick(get(dead_letters::queues)))
        .route("/ops/dead-letters", listing(get(dead_letters::breakdowns)))
        .route("/ops/dead-letters/{queue}", listing(get(dead_letters::list)))
        .route("/ops/dead-letters/{queue}/dry-run", patient(post(driving::dry_run)))
        .route("/ops/dead-letters/{queue}/redrive", quick(get(dead_letters::last_move).post(dead_letters::redrive)))
        .route("/ops/runs", listing(get(runs::list).post(runs::begin)))
        .route("/ops/runs/{run}", quick(get(runs::read)))
        .route("/ops/runs/{run}/entries", listing(get(runs::entries)))
        .route("/ops/runs/{run}/replay", large(post(runs::replay)))
        .route("/ops/runs/{run}/drive", quick(post(driving::drive)))
        .route("/ops/runs/{run}/resume", quick(post(runs::resume)))
        .route("/ops/runs/{run}/purge", quick(post(runs::purge)))
        .route("/ops/runs/{run}/import", large(post(runs::import)))
        .route("/ops/runs/{run}/repair", patient(post(runs::repair)))
        .route("/ops/runs/{run}/finish", quick(post(runs::finish)))
        .route("/ops/orders", listing(get(orders::list)))
        .route("/ops/orders/{id}", quick(get(orders::read)))
        .route("/ops/orders/{id}/cancel", quick(post(orders::cancel)))
        .route("/ops/orders/{id}/reveal", quick(post(orders::reveal)))
        .route("/ops/executions", listing(get(executions::list)))
        .route("/ops/executions/{name}", quick(get(executions::read)))
        .route("/ops/executions/{name}/history", quick(get(executions::history)))
        .route("/ops/executions/{name}/stop", patient(post(executions::stop)))
        .route("/ops/executions/{name}/redrive", quick(post(executions::redrive)))
        .route("/ops/stuck", listing(get(orders::stuck)))
        .route("/ops/backup", patient(post(backup::take)))
        .route("/ops/events", listing(get(events::stream)))
        .route_layer(from_extractor_with_state::<Require<OpsScope>, Access>(access))
        .with_state(api)
}

impl From<OpsError> for Problem {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::NotFound(_) => Problem::new(problem::NOT_FOUND, error),
            OpsError::Refused(why) => Problem::new(REFUSED, why),
            OpsError::Invalid { what, why } => Fault::in_parameter(what, why).into(),
            OpsError::NotAllowed(why) => Problem::new(problem::FORBIDDEN, why),
            OpsError::Unavailable(why) => Problem::try_again(problem::UNAVAILABLE, why, Duration::from_secs(1)),
        }
    }
}

/// The same, where what makes no sense is in the body.
fn in_body(error: OpsError) -> Problem {
    match error {
        OpsError::Invalid { what: "where", why } => Fault::at("/selection/where", why).into(),
        OpsError::Invalid { what: "body", why } => Fault::at("/items", why).into(),
        OpsError::Invalid { what, why } => Fault::at(format!("/{what}"), why).into(),
        other => other.into(),
    }
}

/// Nobody between us and the client keeps any of this.
const NO_STORE: [(header::HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
