//! `[triggers.QUEUE]` of `orderflow.toml`: how a queue's messages reach their function. Names and limits are those of
//! Lambda's event source mappings and of SQS.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html>

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use orderflow_embedded::Triggers;
use orders::Queue;
use serde::Deserialize;

/// What is left out keeps its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    batch_size: Option<usize>,
    batching_window: Option<SignedDuration>,
    maximum_concurrency: Option<usize>,
    visibility_timeout: Option<SignedDuration>,
    timeout: Option<SignedDuration>,
}

const BATCH_SIZE: RangeInclusive<usize> = 1..=10_000;
const MAXIMUM_CONCURRENCY: RangeInclusive<usize> = 1..=1_000;
const BATCHING_WINDOW: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(300);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(900);
const VISIBILITY_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(12 * 3_600);

/// The defaults, with what `entries` say.
///
/// # Errors
/// Which value of which queue is out of bounds, and what they are.
pub fn triggers(entries: &BTreeMap<Queue, Trigger>) -> Result<Triggers> {
    let mut triggers = Triggers::default();
    for (queue, entry) in entries {
        let trigger = match queue {
            Queue::Orders => &mut triggers.orders,
            Queue::Inventory => &mut triggers.inventory,
            Queue::Payments => &mut triggers.payments,
            Queue::Emails => &mut triggers.emails,
        };
        entry.apply(trigger).with_context(|| format!("in [triggers.{queue}]"))?;
    }
    Ok(triggers)
}

impl Trigger {
    fn apply(&self, trigger: &mut orderflow_embedded::Trigger) -> Result<()> {
        set(&mut trigger.batch_size, self.batch_size, "batch_size", &BATCH_SIZE)?;
        set(&mut trigger.max_concurrency, self.maximum_concurrency, "maximum_concurrency", &MAXIMUM_CONCURRENCY)?;
        set_duration(&mut trigger.window, self.batching_window, "batching_window", &BATCHING_WINDOW)?;
        set_duration(&mut trigger.function_timeout, self.timeout, "timeout", &TIMEOUT)?;
        let visibility = &mut trigger.visibility_timeout;
        set_duration(visibility, self.visibility_timeout, "visibility_timeout", &VISIBILITY_TIMEOUT)?;
        // What the trigger leases ahead waits for the call before its own.
        let needed = 2 * trigger.function_timeout + trigger.window;
        ensure!(
            *visibility >= needed,
            "visibility_timeout is {visibility:?}; a message would come back while its batch is still at work: it must be \
             at least 2 * timeout + batching_window, {needed:?} (AWS advises six times the timeout)"
        );
        Ok(())
    }
}

fn set(field: &mut usize, value: Option<usize>, name: &str, bounds: &RangeInclusive<usize>) -> Result<()> {
    if let Some(value) = value {
        ensure!(bounds.contains(&value), "{name} is {value}; it must be {} to {}", bounds.start(), bounds.end());
        *field = value;
    }
    Ok(())
}

fn set_duration(
    field: &mut Duration,
    value: Option<SignedDuration>,
    name: &str,
    bounds: &RangeInclusive<Duration>,
) -> Result<()> {
    if let Some(value) = value {
        let inside = Duration::try_from(value).ok().filter(|value| bounds.contains(value));
        let refusal = || format!("{name} is {value:#}; it must be {:?} to {:?}", bounds.start(), bounds.end());
        *field = inside.with_context(refusal)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Triggers> {
        triggers(&toml::from_str(text)?)
    }

    #[test]
    fn a_queue_gets_what_its_table_says_and_keeps_the_other_defaults() {
        let text =
            "[payments]\nbatch_size = 1\nmaximum_concurrency = 4\ntimeout = \"45s\"\nvisibility_timeout = \"5m\"";
        let triggers = parse(text).unwrap();
        assert_eq!((triggers.payments.batch_size, triggers.payments.max_concurrency), (1, 4));
        assert_eq!(triggers.payments.function_timeout, Duration::from_secs(45));
        assert_eq!(triggers.payments.visibility_timeout, Duration::from_secs(300));
        assert_eq!(triggers.emails, orderflow_embedded::Trigger::default());
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_with_the_bounds() {
        let refusal = |text| format!("{:#}", parse(text).unwrap_err());
        assert_eq!(refusal("[orders]\nbatch_size = 0"), "in [triggers.orders]: batch_size is 0; it must be 1 to 10000");
        assert_eq!(
            refusal("[emails]\ntimeout = \"-1s\""),
            "in [triggers.emails]: timeout is 1s ago; it must be 1s to 900s"
        );
        assert!(refusal("[emails]\ntimeout = \"10m\"").contains("at least 2 * timeout + batching_window, 1200s"));
        assert!(refusal("[email]\n").contains("email"), "an unknown queue");
    }
}
