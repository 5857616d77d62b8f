//! Waiting for a time on the pipeline's clock.

use std::time::Duration;

use orders::ports::Clock;

use crate::clock::now;

/// The longest sleep: a clock that was set forward, or a machine that was suspended, is noticed so late at most.
const LONGEST: Duration = Duration::from_secs(60);

/// Returns when `at` (milliseconds) may have come, at the latest after a minute; never for `None`. Ask the clock then.
pub(crate) async fn until(clock: &dyn Clock, at: Option<i64>) {
    let Some(at) = at else { return std::future::pending().await };
    let left = at.saturating_sub(now(clock));
    let left = u64::try_from(left).map_or(Duration::ZERO, Duration::from_millis);
    tokio::time::sleep(left.min(LONGEST)).await;
}
