//! What changes, as server-sent events (HTML Living Standard, "Server-sent events").
//!
//! | event | data | id |
//! |---|---|---|
//! | `snapshot` | [`crate::PipelineStatus`]: first, and whenever changes were missed | – |
//! | `change` | [`orders::ports::ops::Stamped`]: an order ended, an execution went on, a dead letter | yes |
//! | `queues` | the queues' depths, four times a second at most | – |
//! | `alive` | nothing: there was nothing else to tell for [`ALIVE_EVERY`] | – |
//!
//! `?only=ends` leaves out what most watchers need and a counting one doesn't: executions that go on, and depths.
//!
//! A client that comes back with `Last-Event-ID` (or `?after=`, which a browser's script can set) goes on where it was; if that
//! is too long ago (or was another process), it gets a snapshot. An order's end can be told twice: the first counts.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _};
use orders::ports::ops::{Change, ExecutionStatus, News, Stamped, Watch};
use producer::params::Query;
use producer::problem::{self, Problem};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::caller::Caller;
use super::{Api, NO_STORE};
use crate::{Operations as _, Ops};

/// Who hears nothing for much longer has lost the connection without being told. (A browser's script sees no comments.)
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// The depths are told so often at most.
const DEPTHS_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn stream(
    State(api): State<Api>,
    Caller(ops): Caller,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut query = Query::of(&uri);
    let only_ends = query.take("only", |text| if text == "ends" { Ok(true) } else { Err("it is `ends`") });
    let asked_after = query.take("after", |text| Ok::<_, &str>(text.to_owned()));
    query.finish()?;
    let Some(changes) = ops.ports.changes.clone() else {
        return Err(Problem::new(problem::NOT_FOUND, "This platform tells no changes."));
    };
    let full = |_| Problem::try_again(problem::UNAVAILABLE, "Too many watch already.", Duration::from_secs(5));
    let permit = api.watchers.clone().try_acquire_owned().map_err(full)?;
    // The header is the later of the two: a browser sends it when it reconnects to the address it was given.
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(asked_after.as_deref());
    let watch = changes.watch(after);
    let only_ends = only_ends.unwrap_or_default();
    let told = Told { ops, watch, only_ends, closing: api.closing.clone(), depths_due: None, _permit: permit };
    let alive = KeepAlive::new().interval(ALIVE_EVERY).event(Event::default().event("alive").data("null"));
    let sse = Sse::new(told.events()).keep_alive(alive);
    Ok((NO_STORE, sse).into_response())
}

/// What one watcher is told.
struct Told {
    ops: Ops,
    watch: Box<dyn Watch>,
    only_ends: bool,
    closing: watch::Receiver<bool>,
    /// The queues have changed; when their depths may be told.
    depths_due: Option<Instant>,
    _permit: OwnedSemaphorePermit,
}

impl Told {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let batches = futures::stream::unfold(self, |mut told| async move {
            let batch = told.next().await?;
            Some((batch, told))
        });
        batches.flat_map(|batch| futures::stream::iter(batch.into_iter().map(Ok)))
    }

    /// Waits for the next events; `None` when the service stops.
    async fn next(&mut self) -> Option<Vec<Event>> {
        let due = self.depths_due;
        let depths_due = async {
            match due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let news = tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => return None,
            news = self.watch.news() => Some(news),
            () = depths_due => None,
        };
        let Some(news) = news else {
            self.depths_due = None;
            return Some(depths(&self.ops).await);
        };
        let News { missed, changes, queues_changed } = news;
        if queues_changed && !self.only_ends {
            self.depths_due.get_or_insert_with(|| Instant::now() + DEPTHS_EVERY);
        }
        let mut events = if missed { snapshot(&self.ops).await } else { Vec::new() };
        let told = changes.iter().filter(|change| !self.only_ends || is_end(change));
        events.extend(told.filter_map(|change| Some(event("change", change)?.id(&change.id))));
        Some(events)
    }
}

/// Whether something is over with it.
fn is_end(stamped: &Stamped) -> bool {
    !matches!(stamped.change, Change::Execution { status: ExecutionStatus::Running, .. })
}

/// One that can't be taken now is left out: the client sees that none came, and the log says why.
async fn snapshot(ops: &Ops) -> Vec<Event> {
    match ops.status().await {
        Ok(status) => event("snapshot", &status).into_iter().collect(),
        Err(error) => {
            tracing::warn!(%error, "no snapshot for a watcher");
            Vec::new()
        }
    }
}

async fn depths(ops: &Ops) -> Vec<Event> {
    let depths = ops.queues().await.ok();
    depths.and_then(|depths| event("queues", &depths)).into_iter().collect()
}

fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}
