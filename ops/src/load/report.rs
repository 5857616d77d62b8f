//! What came of a load. As JSON it is for scripts: keep the names.

use std::collections::BTreeMap;

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
    pub unchecked: Vec<&'static str>,
    /// The thresholds.
    pub assertions: Vec<Judged>,
}

impl Report {
    /// Whether the books balance.
    pub fn reconciles(&self) -> bool {
        self.checks.iter().all(Check::holds)
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
