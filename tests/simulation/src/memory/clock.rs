//! A clock that stands still until it is set, and others that differ from it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use orders::ports::Clock;
use parking_lot::Mutex;

/// The world's time.
pub struct ManualClock(Mutex<Timestamp>);

/// When every simulation begins.
pub const BEGINNING: &str = "2026-01-01T00:00:00Z";

impl Default for ManualClock {
    fn default() -> Self {
        Self(Mutex::new(BEGINNING.parse().expect("a timestamp")))
    }
}

impl ManualClock {
    /// Time passes.
    pub fn advance(&self, by: Duration) {
        *self.0.lock() += by;
    }

    /// Never backwards.
    pub fn advance_to(&self, at: Timestamp) {
        let mut now = self.0.lock();
        *now = at.max(*now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

/// A machine whose clock is ahead or behind.
pub struct SkewedClock {
    clock: Arc<ManualClock>,
    by: SignedDuration,
}

impl SkewedClock {
    /// Ahead `by` so much, or behind if that is negative.
    pub const fn new(clock: Arc<ManualClock>, by: SignedDuration) -> Self {
        Self { clock, by }
    }
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.by
    }
}
