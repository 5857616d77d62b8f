//! What was closed and why: counted as metrics, and logged now and then rather than each time.

use std::io;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

const OPEN: &str = "orderflow_http_connections";
const CLOSED: &str = "orderflow_http_connections_closed_total";
/// One line in this time, however much happens.
const EVERY: Duration = Duration::from_secs(10);

/// Why the service closed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// No further request came.
    Idle,
    /// A request's head did not arrive in time.
    Head,
    /// A request's body did not.
    Body,
    /// The client did not read what it asked for.
    Unread,
    /// The client did not close its end after ours.
    Lingered,
    /// Another needed its place.
    MadeRoom,
    /// Its address has too many.
    Refused,
}

impl Why {
    const fn name(self) -> &'static str {
        match self {
            Why::Idle => "idle",
            Why::Head => "head",
            Why::Body => "body",
            Why::Unread => "unread",
            Why::Lingered => "lingered",
            Why::MadeRoom => "made_room",
            Why::Refused => "refused",
        }
    }

    /// Whether it is the course of things.
    const fn is_usual(self) -> bool {
        matches!(self, Why::Idle | Why::Lingered)
    }
}

/// Says what the numbers mean.
pub(super) fn describe() {
    metrics::describe_gauge!(OPEN, "Open connections of HTTP clients.");
    metrics::describe_counter!(CLOSED, "Connections that the service closed, by why.");
}

/// Says how many connections are open.
pub(super) fn open(connections: usize) {
    metrics::gauge!(OPEN).set(connections as f64);
}

/// What is not logged yet.
pub(super) struct Tally(Mutex<Unsaid>);

struct Unsaid {
    since: Option<Instant>,
    closed: Vec<(Why, u64)>,
    not_accepted: u64,
    error: Option<io::ErrorKind>,
}

impl Tally {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Unsaid { since: None, closed: Vec::new(), not_accepted: 0, error: None }))
    }

    /// A connection is closed.
    pub(super) fn closed(&self, why: Why) {
        metrics::counter!(CLOSED, "why" => why.name()).increment(1);
        if why.is_usual() {
            return;
        }
        let mut unsaid = self.0.lock();
        match unsaid.closed.iter_mut().find(|(other, _)| *other == why) {
            Some((_, count)) => *count += 1,
            None => unsaid.closed.push((why, 1)),
        }
    }

    /// None could be accepted.
    pub(super) fn could_not_accept(&self, error: &io::Error) {
        let mut unsaid = self.0.lock();
        unsaid.not_accepted += 1;
        unsaid.error = Some(error.kind());
    }

    /// Logs what there is, unless it did a moment ago.
    pub(super) fn say(&self, now: Instant) {
        let mut unsaid = self.0.lock();
        let recently = unsaid.since.is_some_and(|said| now.saturating_duration_since(said) < EVERY);
        if recently || (unsaid.closed.is_empty() && unsaid.not_accepted == 0) {
            return;
        }
        let closed: Vec<_> = unsaid.closed.drain(..).map(|(why, count)| format!("{}: {count}", why.name())).collect();
        let (not_accepted, error) = (std::mem::take(&mut unsaid.not_accepted), unsaid.error.take());
        unsaid.since = Some(now);
        drop(unsaid);
        let error = error.map(tracing::field::debug);
        tracing::warn!(closed = closed.join(", "), not_accepted, error, "connections were closed or not accepted");
    }
}
