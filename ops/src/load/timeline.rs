//! What happened when, in slices of time: as fine as a picture can show.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::report::Slice;

/// More slices than this are made half as many, each twice as long.
const MOST: usize = 240;

/// What happened in one slice.
#[derive(Clone)]
pub(super) struct Counted {
    pub(super) sent: u64,
    pub(super) ended: u64,
    pub(super) errors: u64,
    accept: Histogram<u64>,
    end_to_end: Histogram<u64>,
}

impl Default for Counted {
    fn default() -> Self {
        let histogram = || Histogram::new(2).expect("two digits are in range");
        Self { sent: 0, ended: 0, errors: 0, accept: histogram(), end_to_end: histogram() }
    }
}

impl Counted {
    /// An order was accepted, after so many microseconds.
    pub(super) fn accepted(&mut self, latency: u64) {
        // It resizes itself, which `saturating_record` would not.
        self.accept.record(latency).ok();
    }

    /// An order that is not slow on purpose has met its end, after so many microseconds.
    pub(super) fn ended_after(&mut self, latency: u64) {
        self.end_to_end.record(latency).ok();
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.ended += other.ended;
        self.errors += other.errors;
        // Both resize themselves.
        self.accept.add(&other.accept).ok();
        self.end_to_end.add(&other.end_to_end).ok();
    }
}

/// All slices.
pub(super) struct Timeline {
    seconds: u64,
    slices: Vec<Counted>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { seconds: 1, slices: Vec::new() }
    }
}

impl Timeline {
    /// The slice that has this moment, after the start.
    pub(super) fn at(&mut self, moment: Duration) -> &mut Counted {
        while self.index(moment) >= MOST {
            self.seconds *= 2;
            let pairs = self.slices.chunks(2).map(|pair| {
                let mut both = pair[0].clone();
                pair.iter().skip(1).for_each(|second| both.add(second));
                both
            });
            self.slices = pairs.collect();
        }
        let index = self.index(moment);
        if self.slices.len() <= index {
            self.slices.resize_with(index + 1, Counted::default);
        }
        &mut self.slices[index]
    }

    fn index(&self, moment: Duration) -> usize {
        usize::try_from(moment.as_secs() / self.seconds).unwrap_or(usize::MAX)
    }

    pub(super) fn slices(&self) -> Vec<Slice> {
        let seconds = self.seconds as f64;
        let slice = |(index, counted): (usize, &Counted)| {
            let ms = |histogram: &Histogram<u64>, quantile| {
                (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile) as f64 / 1000.0)
            };
            Slice {
                at: index as f64 * seconds,
                seconds,
                sent: counted.sent,
                accepted: counted.accept.len(),
                ended: counted.ended,
                errors: counted.errors,
                accept_p50: ms(&counted.accept, 0.5),
                accept_p99: ms(&counted.accept, 0.99),
                end_to_end_p50: ms(&counted.end_to_end, 0.5),
                end_to_end_p99: ms(&counted.end_to_end, 0.99),
            }
        };
        self.slices.iter().enumerate().map(slice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::micros;
    use super::*;

    #[test]
    fn a_long_load_has_longer_slices_and_loses_nothing() {
        let mut timeline = Timeline::default();
        for second in 0..1000 {
            let slice = timeline.at(Duration::from_secs(second));
            slice.sent += 1;
            slice.accepted(micros(Duration::from_millis(second)));
        }
        let slices = timeline.slices();
        assert!(slices.len() <= MOST && slices.len() > MOST / 2, "{}", slices.len());
        assert_eq!(slices.iter().map(|slice| slice.sent).sum::<u64>(), 1000);
        assert_eq!(slices.iter().map(|slice| slice.accepted).sum::<u64>(), 1000);
        let slowest = slices.iter().filter_map(|slice| slice.accept_p99).fold(0.0, f64::max);
        assert!((slowest - 999.0).abs() < 10.0, "{slowest}");
        assert!((slices[1].at - slices[1].seconds).abs() < f64::EPSILON);
    }
}
