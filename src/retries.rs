//! `[retries]` of `orderflow.toml`: how often a failing message is tried before it is a dead letter, and how long it stays
//! away between. (On AWS the first is the queue's redrive policy.)

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::SignedDuration;
use orders::ports::MAX_VISIBILITY;
use serde::Deserialize;
use workers::{Backoff, Settings};

/// What is left out keeps its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retries {
    max_receive_count: Option<u32>,
    backoff: Option<SignedDuration>,
    longest_backoff: Option<SignedDuration>,
}

/// SQS: a redrive policy's `maxReceiveCount` is 1 to 1,000 (SetQueueAttributes).
const MAX_RECEIVE_COUNT: std::ops::RangeInclusive<u32> = 1..=1_000;

impl Retries {
    /// # Errors
    /// Which value is out of bounds, and what they are.
    pub fn settings(&self) -> Result<Settings> {
        let defaults = Settings::default();
        let settings = Settings {
            max_receive_count: self.max_receive_count.unwrap_or(defaults.max_receive_count),
            backoff: Backoff {
                min: duration("backoff", self.backoff, defaults.backoff.min)?,
                max: duration("longest_backoff", self.longest_backoff, defaults.backoff.max)?,
            },
            ..defaults
        };
        ensure!(
            MAX_RECEIVE_COUNT.contains(&settings.max_receive_count),
            "max_receive_count is {}; it must be 1 to 1000",
            settings.max_receive_count
        );
        let Backoff { min, max } = settings.backoff;
        ensure!(min <= max, "backoff is {min:?}, which is longer than longest_backoff, {max:?}");
        Ok(settings)
    }
}

fn duration(name: &str, given: Option<SignedDuration>, default: Duration) -> Result<Duration> {
    let Some(given) = given else { return Ok(default) };
    let inside =
        Duration::try_from(given).ok().filter(|given| (Duration::from_millis(1)..=MAX_VISIBILITY / 2).contains(given));
    inside.ok_or_else(|| anyhow::anyhow!("{name} is {given:#}; it must be 1ms to 6h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings> {
        toml::from_str::<Retries>(text)?.settings()
    }

    #[test]
    fn what_is_said_counts_and_the_rest_keeps_its_default() {
        let settings = parse("max_receive_count = 2\nbackoff = \"50ms\"").unwrap();
        assert_eq!((settings.max_receive_count, settings.backoff.min), (2, Duration::from_millis(50)));
        assert_eq!(settings.backoff.max, Backoff::default().max);
        assert_eq!(parse("").unwrap(), Settings::default());
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_with_the_bounds() {
        let refusal = |text| format!("{:#}", parse(text).unwrap_err());
        assert_eq!(refusal("max_receive_count = 0"), "max_receive_count is 0; it must be 1 to 1000");
        assert_eq!(refusal("backoff = \"7h\""), "backoff is 7h; it must be 1ms to 6h");
        assert!(refusal("backoff = \"10m\"").contains("longer than longest_backoff"));
        assert!(refusal("max_receives = 1").contains("max_receives"));
    }
}
