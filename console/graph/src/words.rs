//! The words for people: statuses, durations, counts.

use jiff::Timestamp;
use statemachine::ExecutionStatus;

use crate::status::{Execution, StateStatus, Status};

impl Status {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Retrying => "Retrying",
            Self::Succeeded => "Succeeded",
            Self::Caught => "Caught",
            Self::Failed => "Failed",
            Self::TimedOut => "Timed out",
            Self::Aborted => "Aborted",
        }
    }
}

/// How a state stands, in a line.
pub(crate) fn status_line(state: &StateStatus) -> String {
    let mut line = state.status.word().to_owned();
    if matches!(state.status, Status::Caught | Status::Failed | Status::Retrying)
        && let Some(error) = &state.error
    {
        line.push(' ');
        line.push_str(error);
    }
    if state.visits > 0 {
        line.push_str(" · ");
        line.push_str(&duration(state.spent_ms));
    }
    line
}

/// How an execution stands, in a line.
pub(crate) fn execution_line(execution: &Execution, culprit: Option<&str>, now: Timestamp) -> String {
    let word = match execution.status {
        ExecutionStatus::Running => "Running",
        ExecutionStatus::Succeeded => "Succeeded",
        ExecutionStatus::Failed => "Failed",
        ExecutionStatus::TimedOut => "Timed out",
        ExecutionStatus::Aborted => "Stopped",
    };
    let mut line = word.to_owned();
    if execution.status == ExecutionStatus::Failed {
        line.extend(culprit.map(|name| format!(" at {name}")));
    }
    line.extend(execution.error.as_ref().map(|error| format!(": {error}")));
    if let Some(started) = execution.started {
        let spent = execution.ended.unwrap_or(now).as_millisecond().saturating_sub(started.as_millisecond());
        line.push_str(if execution.ended.is_some() { " after " } else { " for " });
        line.push_str(&duration(spent));
    }
    let caught = execution.states.iter().filter(|(_, state)| state.status == Status::Caught);
    if let Some((name, state)) = caught.min_by_key(|(_, state)| state.left) {
        line.push_str(&format!(" · {} in {name} was caught", state.error.as_deref().unwrap_or("a failure")));
    }
    line
}

/// Milliseconds in the two units that matter.
pub(crate) fn duration(milliseconds: i64) -> String {
    let (seconds, rest) = (milliseconds.max(0) / 1000, milliseconds.max(0) % 1000);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes, seconds) {
        (0, 0, 0, 0) => format!("{rest} ms"),
        (0, 0, 0, 1..=9) => format!("{seconds}.{} s", rest / 100),
        (0, 0, 0, _) => format!("{seconds} s"),
        (0, 0, _, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// How often something happens.
pub(crate) fn rate(per_minute: f64) -> String {
    match per_minute {
        ..0.1 => format!("{:.1}/h", per_minute.max(0.0) * 60.0),
        ..10.0 => format!("{per_minute:.1}/min"),
        ..1_000.0 => format!("{per_minute:.0}/min"),
        _ => format!("{:.0}/s", per_minute / 60.0),
    }
}

/// A count in at most four characters or so.
pub(crate) fn count(number: u64) -> String {
    match number {
        0..=9_999 => number.to_string(),
        10_000..=999_999 => format!("{}k", number / 1_000),
        1_000_000..=999_999_999 => format!("{}M", number / 1_000_000),
        _ => format!("{}G", number / 1_000_000_000),
    }
}

/// How often an error is retried at most; what nobody lives to see is without end.
pub(crate) fn retries(number: u64) -> String {
    if number > 1_000_000 { "∞".to_owned() } else { count(number) }
}

/// The same in words.
pub(crate) fn retried(number: u64) -> String {
    match number {
        1 => "retried once at most".to_owned(),
        1_000_001.. => "retried without end".to_owned(),
        _ => format!("retried {number} times at most"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [
            (-5, "0 ms"),
            (320, "320 ms"),
            (1_250, "1.2 s"),
            (42_900, "42 s"),
            (185_000, "3 min 5 s"),
            (86_399_000, "23 h 59 min"),
            (100_000_000, "1 d 3 h"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(duration(milliseconds), text);
        }
    }

    #[test]
    fn counts_stay_short() {
        assert_eq!([7, 12_345, 4_000_000].map(count), ["7", "12k", "4M"]);
        assert_eq!(retries(99_999_998), "∞");
    }
}
