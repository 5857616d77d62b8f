//! How long a failed message stays away.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// Exponential, with jitter, from the receive count alone: `min`, twice that, and so on up to `max`, each plus a
/// random part of itself. `backon` and not the unmaintained `backoff` (docs/decisions/0003-backon-instead-of-backoff.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first receive.
    pub min: Duration,
    /// The most, before jitter.
    pub max: Duration,
}

impl Default for Backoff {
    /// From 1 s to 5 min: ten receives spread over some ten minutes.
    fn default() -> Self {
        Self { min: Duration::from_secs(1), max: Duration::from_secs(300) }
    }
}

impl Backoff {
    /// How long a message that was received `receive_count` times (1 or more) stays invisible.
    pub fn after(&self, receive_count: u32) -> Duration {
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(self.min)
            .with_max_delay(self.max)
            .without_max_times()
            .with_jitter()
            .build();
        // 2^31 times any delay is over any `max`.
        delays.nth(receive_count.saturating_sub(1).min(31) as usize).unwrap_or(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_with_each_receive_up_to_its_limit_and_jitters_above() {
        let backoff = Backoff::default();
        for receive_count in 1..=200 {
            let least = backoff.min.saturating_mul(2u32.saturating_pow(receive_count - 1)).min(backoff.max);
            for _ in 0..20 {
                let delay = backoff.after(receive_count);
                assert!(delay >= least && delay <= least * 2, "receive {receive_count}: {delay:?}, not from {least:?}");
            }
        }
        let jittered: std::collections::HashSet<_> = (0..20).map(|_| backoff.after(5)).collect();
        assert!(jittered.len() > 1, "no jitter");
    }
}
