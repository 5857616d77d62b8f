//! Times as the tables keep them: whole milliseconds since 1970.

mod steady;

use std::time::Duration;

use jiff::Timestamp;
use orders::ports::{Clock, Unavailable};

use crate::db::Db;
pub use steady::SteadyClock;

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

/// The latest time that a file knows of: of its messages, its newest executions, and the gateway's newest movement.
pub(crate) fn latest(db: &Db) -> Result<Timestamp, Unavailable> {
    let sql = "SELECT max(at) FROM (
        SELECT max(max(sent_at, coalesce(first_received_at, 0))) AS at FROM messages
        UNION ALL SELECT max(max(started_at, coalesce(stopped_at, 0)))
            FROM (SELECT started_at, stopped_at FROM executions ORDER BY seq DESC LIMIT 100)
        UNION ALL SELECT at FROM (SELECT at FROM gateway_ledger ORDER BY seq DESC LIMIT 1))";
    let latest = db.read(|connection| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)))?;
    Ok(timestamp(latest.unwrap_or_default()))
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
