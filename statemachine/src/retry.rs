//! Retriers and catchers: which errors they mean, and how long to wait before the next try.
//!
//! Not for counting attempts: the flow that runs the state does.
//!
//! Source: AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows".

use std::sync::Arc;

use jiff::SignedDuration;

use crate::definition::StateIndex;
use crate::failure::Failure;
use crate::reference::ResultPath;
use crate::rng::Randomness;

/// One element of `Retry`.
#[derive(Clone, Debug)]
pub struct Retrier {
    pub(crate) errors: Arc<[String]>,
    pub(crate) interval_seconds: u64,
    pub(crate) max_attempts: u64,
    pub(crate) backoff_rate: f64,
    pub(crate) max_delay_seconds: Option<u64>,
    pub(crate) full_jitter: bool,
}

/// One element of `Catch`.
#[derive(Clone, Debug)]
pub struct Catcher {
    pub(crate) errors: Arc<[String]>,
    pub(crate) result_path: ResultPath,
    pub(crate) next: StateIndex,
}

/// Longer than any workflow lives, and far from the ends of time.
const LONGEST_DELAY_SECONDS: f64 = 1e10;

impl Retrier {
    /// The wait before attempt `attempt` (the first retry is 0): the interval times the rate to that power, at most the
    /// longest delay, and with full jitter anything from zero to that.
    pub(crate) fn delay(&self, attempt: u64, randomness: &mut Randomness) -> SignedDuration {
        let longest = self.max_delay_seconds.map_or(LONGEST_DELAY_SECONDS, |seconds| seconds as f64);
        let exponent = i32::try_from(attempt).unwrap_or(i32::MAX);
        let seconds = (self.interval_seconds as f64 * self.backoff_rate.powi(exponent)).min(longest);
        let seconds = if self.full_jitter { seconds * randomness.unit() } else { seconds };
        // Milliseconds: finer than that no caller's clock fires, and a float must not decide an event's time.
        SignedDuration::from_millis((seconds * 1000.0).round() as i64)
    }
}

/// Whether a list of error names means this failure.
pub(crate) fn names(errors: &[String], failure: &Failure) -> bool {
    errors.iter().any(|name| failure.is_called(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier(full_jitter: bool) -> Retrier {
        Retrier {
            errors: Arc::from(["States.ALL".to_owned()]),
            interval_seconds: 3,
            max_attempts: 3,
            backoff_rate: 2.0,
            max_delay_seconds: Some(20),
            full_jitter,
        }
    }

    #[test]
    fn the_delay_grows_by_the_rate_up_to_the_longest() {
        let mut rng = Randomness::new(1);
        let delays: Vec<f64> = (0..5).map(|attempt| retrier(false).delay(attempt, &mut rng).as_secs_f64()).collect();
        assert_eq!(delays, [3.0, 6.0, 12.0, 20.0, 20.0]);
    }

    #[test]
    fn an_endless_backoff_stays_a_time() {
        let mut rng = Randomness::new(1);
        let unlimited = Retrier { max_delay_seconds: None, ..retrier(false) };
        assert_eq!(unlimited.delay(u64::MAX, &mut rng).as_secs_f64(), LONGEST_DELAY_SECONDS);
    }

    #[test]
    fn full_jitter_is_anywhere_between_nothing_and_the_delay() {
        let mut rng = Randomness::new(1);
        let delays: Vec<f64> = (0..2000).map(|_| retrier(true).delay(1, &mut rng).as_secs_f64()).collect();
        assert!(delays.iter().all(|delay| (0.0..=6.0).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < 0.5) && delays.iter().any(|delay| *delay > 5.5));
    }
}
