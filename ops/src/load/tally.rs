//! Counts while the load runs: what was sent, answered and ended, and how long each took.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use hdrhistogram::Histogram;
use jiff::Timestamp;
use orders::ports::ops::{Change, ExecutionStatus, Stamped};
use orders::{OrderId, Status};

use super::mix::Kind;
use super::report::{Latency, Slice};
use super::timeline::Timeline;

/// An order that somebody placed, as far as it is known: the answer and the end come in any order.
#[derive(Default)]
pub(super) struct Known {
    /// Ours, and accepted.
    pub(super) placed: Option<Placed>,
    /// Its final status.
    pub(super) status: Option<Status>,
    /// Its execution's end, by the service's clock.
    over_at: Option<Timestamp>,
}

/// An order of this load that was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) kind: Kind,
    /// Which product it is for.
    pub(super) product: usize,
    /// When it was to be sent, after the start; nothing if it was only accepted when it was sent again.
    pub(super) due: Option<Duration>,
}

/// Where the load stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// Orders sent.
    pub sent: u64,
    /// Orders accepted.
    pub accepted: u64,
    /// Orders whose execution is over.
    pub over: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Milliseconds, so far.
    pub accept_p99: f64,
    /// Milliseconds, so far.
    pub end_to_end_p99: f64,
}

/// All that is counted.
pub(super) struct Tally {
    started_at: Timestamp,
    pub(super) sent: u64,
    pub(super) accepted: u64,
    pub(super) over: u64,
    pub(super) poison: u64,
    /// Keys that became two orders.
    pub(super) doubled: u64,
    pub(super) errors: BTreeMap<String, u64>,
    /// Requests that this machine had no file descriptor for.
    pub(super) no_descriptor: u64,
    pub(super) orders: HashMap<OrderId, Known>,
    accept: Histogram<u64>,
    ends: BTreeMap<Kind, Histogram<u64>>,
    timeline: Timeline,
    /// When the first order was due and the last one ended, after the start; without those that are slow on purpose.
    first_due: Option<Duration>,
    last_over: Duration,
    /// When the last order was due, and when it was sent, after the start.
    pub(super) last_due: Duration,
    pub(super) last_sent: Duration,
}

/// Microseconds at three digits, from one of them up to an hour.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds and the digits are in range")
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Tally {
    /// `started_at` is the start on this machine's clock, which the service's is compared with.
    pub(super) fn new(started_at: Timestamp) -> Self {
        Self {
            started_at,
            sent: 0,
            accepted: 0,
            over: 0,
            poison: 0,
            doubled: 0,
            errors: BTreeMap::new(),
            no_descriptor: 0,
            orders: HashMap::new(),
            accept: histogram(),
            ends: BTreeMap::new(),
            timeline: Timeline::default(),
            first_due: None,
            last_over: Duration::ZERO,
            last_due: Duration::ZERO,
            last_sent: Duration::ZERO,
        }
    }

    /// An order that was due then is sent now, both after the start.
    pub(super) fn sent(&mut self, due: Duration, now: Duration) {
        self.sent += 1;
        (self.last_due, self.last_sent) = (self.last_due.max(due), now);
        self.first_due.get_or_insert(due);
        self.timeline.at(due).sent += 1;
    }

    /// The service answered `202`, so long after the order was due.
    pub(super) fn accepted(&mut self, id: OrderId, placed: Placed, latency: Duration) {
        self.accepted += 1;
        if let Some(due) = placed.due {
            self.accept.saturating_record(micros(latency));
            self.timeline.at(due + latency).accepted(micros(latency));
        }
        let known = self.orders.entry(id).or_default();
        known.placed = Some(placed);
        if let Some(at) = known.over_at {
            self.ended(placed, at);
        }
    }

    pub(super) fn failed(&mut self, due: Duration, failure: impl Into<String>) {
        self.timeline.at(due).errors += 1;
        *self.errors.entry(failure.into()).or_default() += 1;
    }

    /// A key that was sent twice became another order.
    pub(super) fn another_order(&mut self, due: Duration) {
        self.doubled += 1;
        self.failed(due, "one key, two orders");
    }

    /// The service told of a change.
    pub(super) fn heard(&mut self, stamped: &Stamped) {
        match &stamped.change {
            // It can be told twice: the first counts.
            Change::OrderEnded { order_id, status } => {
                self.orders.entry(order_id.clone()).or_default().status.get_or_insert(*status);
            }
            Change::Execution { name, status, .. } if *status != ExecutionStatus::Running => {
                let known = self.orders.entry(name.clone()).or_default();
                let first = known.over_at.replace(stamped.at).is_none();
                if let Some(placed) = known.placed.filter(|_| first) {
                    self.ended(placed, stamped.at);
                }
            }
            _ => {}
        }
    }

    fn ended(&mut self, placed: Placed, at: Timestamp) {
        self.over += 1;
        let Some(due) = placed.due else { return };
        let at = Duration::try_from(at.duration_since(self.started_at)).unwrap_or_default();
        let latency = micros(at.saturating_sub(due));
        self.ends.entry(placed.kind).or_insert_with(histogram).saturating_record(latency);
        let slice = self.timeline.at(at);
        slice.ended += 1;
        if placed.kind != Kind::Flaky {
            slice.ended_after(latency);
            self.last_over = self.last_over.max(at);
        }
    }

    /// Grows with everything that the service does for this load.
    pub(super) fn moves(&self) -> u64 {
        self.accepted + self.over
    }

    /// How many accepted orders are still on their way, as far as was heard.
    pub(super) fn open(&self) -> u64 {
        self.accepted - self.over
    }

    pub(super) fn progress(&self, elapsed: Duration) -> Progress {
        let p99 = |histogram: &Histogram<u64>| histogram.value_at_quantile(0.99) as f64 / 1000.0;
        Progress {
            elapsed,
            sent: self.sent,
            accepted: self.accepted,
            over: self.over,
            errors: self.errors.values().sum(),
            accept_p99: p99(&self.accept),
            end_to_end_p99: self.ends.get(&Kind::Good).map_or(0.0, p99),
        }
    }

    pub(super) fn accept(&self) -> Latency {
        Latency::of(&self.accept)
    }

    /// Of every kind that was there; and of all together, but for those that are slow on purpose.
    pub(super) fn ends(&self) -> (Latency, BTreeMap<Kind, Latency>) {
        let mut all = histogram();
        for (_, of_kind) in self.ends.iter().filter(|(kind, _)| **kind != Kind::Flaky) {
            // Same bounds, so nothing is out of range.
            all.add(of_kind).ok();
        }
        (Latency::of(&all), self.ends.iter().map(|(kind, latency)| (*kind, Latency::of(latency))).collect())
    }

    pub(super) fn timeline(&self) -> Vec<Slice> {
        self.timeline.slices()
    }

    /// From the first order to the end of the last, but for those that are slow on purpose.
    pub(super) fn took(&self) -> Duration {
        self.last_over.saturating_sub(self.first_due.unwrap_or_default())
    }

    pub(super) fn started_at(&self) -> Timestamp {
        self.started_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(change: Change, at: Timestamp) -> Stamped {
        Stamped { id: "1-1".to_owned(), at, change }
    }

    fn execution(name: &OrderId, status: ExecutionStatus) -> Change {
        Change::Execution { name: name.clone(), status, states: Vec::new() }
    }

    #[test]
    fn an_order_is_over_once_whichever_of_answer_and_end_comes_first() {
        let start = Timestamp::now();
        let at = start + Duration::from_millis(8);
        let placed = Placed { kind: Kind::Good, product: 0, due: Some(Duration::from_millis(3)) };
        for answer_first in [true, false] {
            let (mut tally, id) =
                (Tally::new(start), OrderId::derive(&"shop".parse().unwrap(), &"key".parse().unwrap()));
            let end = stamped(execution(&id, ExecutionStatus::Succeeded), at);
            if answer_first {
                tally.accepted(id.clone(), placed, Duration::from_millis(1));
            }
            tally.heard(&stamped(execution(&id, ExecutionStatus::Running), start));
            tally.heard(&end);
            tally.heard(&end);
            if !answer_first {
                tally.accepted(id.clone(), placed, Duration::from_millis(1));
            }
            assert_eq!((tally.accepted, tally.over, tally.open()), (1, 1, 0));
            let (all, kinds) = tally.ends();
            assert_eq!((all.count, kinds[&Kind::Good].count), (1, 1));
            assert!((all.max - 5.0).abs() < 0.01, "from when it was due, not from its answer: {}", all.max);
        }
    }

    #[test]
    fn what_is_slow_on_purpose_has_a_row_of_its_own() {
        let start = Timestamp::now();
        let mut tally = Tally::new(start);
        for (key, kind, end) in [("a", Kind::Good, 5), ("b", Kind::Flaky, 3000)] {
            let id = OrderId::derive(&"shop".parse().unwrap(), &key.parse().unwrap());
            tally.accepted(id.clone(), Placed { kind, product: 0, due: Some(Duration::ZERO) }, Duration::ZERO);
            tally.heard(&stamped(execution(&id, ExecutionStatus::Succeeded), start + Duration::from_millis(end)));
        }
        let (all, kinds) = tally.ends();
        assert_eq!(all.count, 1);
        assert!(all.max < 6.0 && kinds[&Kind::Flaky].max > 2900.0);
    }
}
