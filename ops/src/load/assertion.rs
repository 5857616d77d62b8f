//! Thresholds: what must hold, else the load has failed.

use std::str::FromStr;

use serde::Serialize;

use super::report::{Latency, Report};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    /// A quantile of a latency, in milliseconds.
    Latency(Of, f64),
    /// Orders that met their end, a second.
    Throughput,
    /// Requests that were not answered as they should have been.
    Errors,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Of {
    Accept,
    EndToEnd,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A threshold, such as `accept_p99<50ms`, `e2e_p50<=7ms`, `throughput>=1500` or `errors<1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    text: String,
    metric: Metric,
    comparison: Comparison,
    /// Milliseconds, for a latency.
    limit: f64,
}

/// What came of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// As it was asked for.
    pub assertion: String,
    /// What was measured: milliseconds, orders a second, or a count. Nothing, if nothing was there to measure.
    pub measured: Option<f64>,
    /// Whether it holds.
    pub holds: bool,
}

const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];
const COMPARISONS: [(&str, Comparison); 4] =
    [("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("<", Comparison::Less), (">", Comparison::More)];
const UNITS: [(&str, f64); 3] = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];

impl FromStr for Assertion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = |(sign, comparison): (&'static str, _)| Some((text.find(sign)?, sign, comparison));
        // `<=` is before `<`, and the sort is stable.
        let mut found: Vec<_> = COMPARISONS.into_iter().filter_map(at).collect();
        found.sort_by_key(|(at, ..)| *at);
        let (at, sign, comparison) = *found.first().ok_or("it has none of <, <=, >, >=")?;
        let (name, limit) = (text[..at].trim(), text[at + sign.len()..].trim());
        let metric = metric(name).ok_or_else(|| {
            format!("`{name}` is none of accept_p50, _p90, _p99, _p999, _max, the same with e2e_, throughput, errors")
        })?;
        let limit = match metric {
            Metric::Latency(..) => milliseconds(limit).ok_or_else(|| format!("`{limit}` is no time, such as 50ms"))?,
            _ => limit.parse().map_err(|_| format!("`{limit}` is no number"))?,
        };
        Ok(Self { text: text.to_owned(), metric, comparison, limit })
    }
}

fn metric(name: &str) -> Option<Metric> {
    match name {
        "throughput" => return Some(Metric::Throughput),
        "errors" => return Some(Metric::Errors),
        _ => {}
    }
    let (of, quantile) = name.split_once('_')?;
    let of = match of {
        "accept" => Of::Accept,
        "e2e" => Of::EndToEnd,
        _ => return None,
    };
    QUANTILES.into_iter().find(|(name, _)| *name == quantile).map(|(_, quantile)| Metric::Latency(of, quantile))
}

fn milliseconds(text: &str) -> Option<f64> {
    let (unit, scale) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    text.strip_suffix(unit)?.trim().parse::<f64>().ok().map(|number| number * scale)
}

impl Assertion {
    /// Whether it holds. What was not measured holds nothing.
    pub(super) fn judge(&self, report: &Report) -> Judged {
        let measured = match self.metric {
            Metric::Latency(Of::Accept, quantile) => quantile_of(&report.accept, quantile),
            Metric::Latency(Of::EndToEnd, quantile) => quantile_of(&report.end_to_end, quantile),
            Metric::Throughput => Some(report.throughput),
            Metric::Errors => Some(report.failures() as f64),
        };
        let holds = measured.is_some_and(|measured| match self.comparison {
            Comparison::Less => measured < self.limit,
            Comparison::AtMost => measured <= self.limit,
            Comparison::More => measured > self.limit,
            Comparison::AtLeast => measured >= self.limit,
        });
        Judged { assertion: self.text.clone(), measured, holds }
    }
}

fn quantile_of(latency: &Latency, quantile: f64) -> Option<f64> {
    let given = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max];
    let at = QUANTILES.iter().position(|(_, other)| *other == quantile)?;
    (latency.count > 0).then_some(given[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Judged {
        let latency = |p99| Latency { count: 10, p99, ..Latency::default() };
        let report = Report {
            accept: latency(9.5),
            throughput: 1500.0,
            errors: [("status 503".to_owned(), 2)].into(),
            ..Report::default()
        };
        text.parse::<Assertion>().unwrap().judge(&report)
    }

    #[test]
    fn a_threshold_compares_what_was_measured_in_its_unit() {
        assert!(judged("accept_p99<10ms").holds && judged("accept_p99 <= 9.5 ms").holds);
        assert!(judged("accept_p99>9000us").holds && judged("accept_p99<1s").holds);
        assert!(!judged("accept_p99<9.5ms").holds);
        assert!(judged("throughput>=1500").holds && !judged("throughput>1500").holds);
        assert_eq!(judged("errors<1"), Judged { assertion: "errors<1".into(), measured: Some(2.0), holds: false });
    }

    #[test]
    fn what_was_not_measured_does_not_hold() {
        assert_eq!(judged("e2e_p50<1s").measured, None);
        assert!(!judged("e2e_p50<1s").holds);
    }

    #[test]
    fn what_is_no_threshold_is_refused_with_the_reason() {
        let refusal = |text: &str| text.parse::<Assertion>().unwrap_err();
        assert!(refusal("accept_p99").contains("none of <"));
        assert!(refusal("accept_p98<1ms").contains("`accept_p98` is none of"));
        assert!(refusal("accept_p99<50").contains("no time"));
        assert!(refusal("throughput>fast").contains("no number"));
    }
}
