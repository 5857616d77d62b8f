//! Times as the tables keep them: whole milliseconds since 1970.

use std::time::Duration;

use jiff::Timestamp;
use orders::ports::Clock;

/// Now, in milliseconds.
pub(crate) fn now(clock: &dyn Clock) -> i64 {
    clock.now().as_millisecond()
}

/// A length of time in milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A stored time. One that no calendar has (a file that was tampered with) reads as the epoch.
pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

/// A clock that a test sets by hand. It only goes where it is told to; see [`crate::Embedded::tick`].
#[derive(Debug)]
pub struct ManualClock(parking_lot::Mutex<Timestamp>);

impl ManualClock {
    /// Stands at `start`.
    pub const fn at(start: Timestamp) -> Self {
        Self(parking_lot::Mutex::new(start))
    }

    /// Goes forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock();
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}
