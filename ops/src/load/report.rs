//! What came of a load. As JSON it is for scripts: keep the names.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use jiff::Timestamp;
use serde::Serialize;

use super::assertion::Judged;
use super::mix::Kind;
use super::reconciliation::Check;

/// All that came of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// What was asked for, in a line.
    pub load: String,
    /// When it started, on this machine's clock.
    pub started_at: Timestamp,
    /// Seconds from when the first order was due to the end of the last that is not slow on purpose.
    pub seconds: f64,
    /// It was stopped before all was sent.
    pub stopped: bool,
    /// Orders that were sent.
    pub sent: u64,
    /// How fast they were sent; nothing at a closed loop, which asks for no rate.
    pub pace: Option<Pace>,
    /// Orders that were accepted.
    pub accepted: u64,
    /// Orders that ended confirmed.
    pub confirmed: u64,
    /// Orders that ended rejected.
    pub rejected: u64,
    /// Orders that have a dead letter and no end.
    pub dead_lettered: u64,
    /// Orders that ended within these seconds, a second.
    pub throughput: f64,
    /// From when an order was due to its `202`.
    pub accept: Latency,
    /// From when an order was due to the end of its execution, by the service's stamp. Without the orders that are slow on purpose.
    pub end_to_end: Latency,
    /// The same for each kind.
    pub by_kind: BTreeMap<Kind, Latency>,
    /// Requests that failed, by how.
    pub errors: BTreeMap<String, u64>,
    /// What happened when.
    pub timeline: Vec<Slice>,
    /// Whether the books balance.
    pub checks: Vec<Check>,
    /// What of them could not be checked, and why.
    pub unchecked: Vec<String>,
    /// Why the books could not be read. The checks are then of what was heard while the load ran.
    pub unread: Option<String>,
    /// The thresholds.
    pub assertions: Vec<Judged>,
}

impl Report {
    /// Whether the books could be read, and balance.
    pub fn reconciles(&self) -> bool {
        self.unread.is_none() && self.checks.iter().all(Check::holds)
    }

    /// How many requests failed.
    pub fn failures(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Whether every threshold holds.
    pub fn holds(&self) -> bool {
        self.assertions.iter().all(|judged| judged.holds)
    }
}

/// How fast the orders of an open loop were sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pace {
    /// Orders a second that were due, until the last that was sent.
    pub asked: f64,
    /// Orders a second that were sent.
    pub reached: f64,
    /// Seconds by which the last order was sent too late.
    pub late: f64,
    /// Orders had to wait for a connection, because all were in use.
    pub all_connections_busy: bool,
}

/// Within this the driver keeps up.
const PROMPT: f64 = 1.0;
const CLOSE: f64 = 0.95;

impl Pace {
    pub(super) fn of(sent: u64, due: Duration, at: Duration, all_connections_busy: bool) -> Option<Self> {
        let (due, at) = (due.as_secs_f64(), at.as_secs_f64());
        let is_known = sent > 0 && due > 0.0 && at > 0.0;
        is_known.then(|| Self {
            asked: sent as f64 / due,
            reached: sent as f64 / at,
            late: at - due,
            all_connections_busy,
        })
    }

    /// The load was lighter than what was asked for, and by how much and why, for people.
    pub fn shortfall(&self) -> Option<String> {
        let Self { asked, reached, late, all_connections_busy } = self;
        let why = match all_connections_busy {
            true => "all connections were in use: the service answered no faster, or --connections is too small",
            false => "the driver itself could send no faster",
        };
        let is_behind = *late > PROMPT && reached / asked < CLOSE;
        is_behind.then(|| {
            format!("{asked:.0} orders/s were asked for, {reached:.0}/s were sent, the last {late:.1} s late: {why}")
        })
    }
}

/// Milliseconds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// How many took how long.
    pub histogram: Vec<Bar>,
}

/// How many took up to so long, and longer than the bar before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bar {
    /// Milliseconds.
    pub up_to: f64,
    /// How many.
    pub count: u64,
}

/// Bars grow by this factor: ten to a factor of ten.
const WIDER: f64 = 1.258_925_411_794_167_2;

impl Latency {
    /// Of microseconds.
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        // Shorter ones would differ by less than a microsecond.
        let shortest = histogram.min().max(10);
        let bars = histogram
            .iter_log(shortest, WIDER)
            .map(|bar| Bar { up_to: bar.value_iterated_to() as f64 / 1000.0, count: bar.count_since_last_iteration() });
        Self {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
            histogram: bars.skip_while(|bar| bar.count == 0).collect(),
        }
    }
}

/// What happened in a slice of time.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Slice {
    /// Seconds after the start.
    pub at: f64,
    /// How long it is.
    pub seconds: f64,
    /// Orders that were due.
    pub sent: u64,
    /// Orders that were accepted.
    pub accepted: u64,
    /// Orders whose execution ended; the latencies below are without those that are slow on purpose.
    pub ended: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Milliseconds.
    pub accept_p50: Option<f64>,
    /// Milliseconds.
    pub accept_p99: Option<f64>,
    /// Milliseconds.
    pub end_to_end_p50: Option<f64>,
    /// Milliseconds.
    pub end_to_end_p99: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_falls_behind_says_so_and_why() {
        let seconds = Duration::from_secs_f64;
        assert_eq!(Pace::of(0, seconds(1.0), seconds(1.0), false), None);
        let prompt = Pace::of(200, seconds(0.995), seconds(1.1), true).unwrap();
        assert_eq!(prompt.shortfall(), None, "late by less than anybody would notice");
        let behind = Pace::of(20_000, seconds(0.5), seconds(16.35), true).unwrap().shortfall().unwrap();
        assert!(
            behind.starts_with("40000 orders/s were asked for, 1223/s were sent, the last 15.9 s late"),
            "{behind}"
        );
        assert!(behind.contains("--connections"), "{behind}");
        let slow = Pace::of(20_000, seconds(0.5), seconds(16.35), false).unwrap().shortfall().unwrap();
        assert!(slow.contains("the driver itself"), "{slow}");
    }

    #[test]
    fn a_latency_is_in_milliseconds_and_its_bars_hold_all() {
        let mut histogram = Histogram::new(3).unwrap();
        (1..=1000).for_each(|micros| histogram.record(micros).unwrap());
        let latency = Latency::of(&histogram);
        assert_eq!((latency.p50, latency.max, latency.count), (0.5, 1.0, 1000));
        assert_eq!(latency.histogram.iter().map(|bar| bar.count).sum::<u64>(), 1000);
        assert!(latency.histogram.is_sorted_by(|one, next| one.up_to < next.up_to));
        assert_eq!(Latency::of(&Histogram::new(3).unwrap()), Latency::default());
    }
}
