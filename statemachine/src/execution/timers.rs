//! Which timers there are, and which of them is next.
//!
//! Every timer lives beside what it is for; there is no list of timers that could disagree with it.

use jiff::{SignedDuration, Timestamp};

use super::{FlowId, Waiting};
use crate::effect::ExecutionStatus;
use crate::snapshot::Snapshot;

/// What is to happen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    TaskTimeout(FlowId),
    MissedHeartbeat(FlowId),
    WaitOver(FlowId),
    Retry(FlowId),
    ExecutionTimeout,
}

/// `seconds` after `from`, or the end of time.
pub(crate) fn after(from: Timestamp, seconds: u64) -> Timestamp {
    later(from, SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

/// `delay` after `from`, or the end of time.
pub(crate) fn later(from: Timestamp, delay: SignedDuration) -> Timestamp {
    from.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// The next thing to happen. Of two at the same time a state's own comes before the execution's, so that it can be
/// caught, and an older flow's before a younger one's.
pub(crate) fn next(run: &Snapshot) -> Option<(Timestamp, Due)> {
    if run.status != ExecutionStatus::Running {
        return None;
    }
    let flows = run.flows.iter().flat_map(|flow| {
        let pair = match &flow.waiting {
            Waiting::Task(pending) => [
                pending.timeout.map(|countdown| (countdown.at, Due::TaskTimeout(flow.id))),
                pending.heartbeat.map(|countdown| (countdown.at, Due::MissedHeartbeat(flow.id))),
            ],
            Waiting::Until(at) => [Some((*at, Due::WaitOver(flow.id))), None],
            Waiting::Retry(at) => [Some((*at, Due::Retry(flow.id))), None],
            Waiting::Nothing | Waiting::Branches(_) => [None, None],
        };
        pair.into_iter().flatten()
    });
    // `min_by_key` keeps the first of equals.
    flows.chain(run.times_out.map(|at| (at, Due::ExecutionTimeout))).min_by_key(|(at, _)| *at)
}

pub(crate) fn earliest(run: &Snapshot) -> Option<Timestamp> {
    next(run).map(|(at, _)| at)
}
