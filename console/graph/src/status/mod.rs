//! What became of each state in one execution, read from its history. Pure, and never in doubt: a history that is cut off,
//! unordered or of another definition gives what can be known from it.

mod reading;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use statemachine::{Definition, ExecutionStatus, HistoryEvent};

use self::reading::Reading;
use crate::model::EdgeKind;

/// How a state stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not entered.
    #[default]
    Pending,
    /// Under way.
    Running,
    /// Its last try failed, and it waits for the next.
    Retrying,
    /// Done.
    Succeeded,
    /// It failed, and a `Catch` took over.
    Caught,
    /// It failed, and the execution or the branch with it.
    Failed,
    /// It took longer than it may, and nothing caught that.
    TimedOut,
    /// It was under way when the execution, or the branches around it, ended.
    Aborted,
}

impl Status {
    /// All of them, from the most to the least usual.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Retrying,
        Self::Succeeded,
        Self::Caught,
        Self::Failed,
        Self::TimedOut,
        Self::Aborted,
    ];

    /// The word for it in attributes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Caught => "caught",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Aborted => "aborted",
        }
    }
}

/// An execution, state by state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Execution {
    /// The status of the whole.
    pub status: ExecutionStatus,
    /// When it started, if the history says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The error that it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What time is counted up to.
    pub as_of: Timestamp,
    /// The answer at a glance: how it stands, where it failed, why.
    pub text: String,
    /// Every state of the definition by its name.
    pub states: BTreeMap<String, StateStatus>,
    /// The transitions that were taken.
    pub taken: Vec<Taken>,
}

/// How a state stands, and what it took to get there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StateStatus {
    /// How it stands: that of its last visit.
    pub status: Status,
    /// The same for people, with the error and the time spent.
    pub text: String,
    /// How often it was entered.
    pub visits: u32,
    /// How often its task was scheduled, or its branches started, in the last visit.
    pub attempts: u32,
    /// When the last visit began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entered: Option<Timestamp>,
    /// When the last visit ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Timestamp>,
    /// In all visits, in milliseconds; a visit that goes on counts until now.
    pub spent_ms: i64,
    /// The name of the last error of the last visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The history event that tells of this error and its cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_event: Option<u64>,
    /// When the open task times out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times_out: Option<Timestamp>,
    /// The longest time in seconds between two heartbeats of the open task. Heartbeats are no history events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_seconds: Option<u64>,
}

/// A transition that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The state that was left; none for the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The state that was entered; none for the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What took it.
    pub kind: EdgeKind,
    /// How often.
    pub times: u32,
}

/// Reads the history of an execution of this definition, as far as it goes; `now` is what time is counted up to.
pub fn statuses(definition: &Definition, events: &[HistoryEvent], now: Timestamp) -> Execution {
    let mut reading = Reading::new(definition);
    events.iter().for_each(|event| reading.read(event));
    reading.finish(now)
}

/// A history as `GetExecutionHistory` returns it, with times as RFC 3339 text, without the events that the engine has no
/// word for.
pub fn events(history: impl IntoIterator<Item = Value>) -> Vec<HistoryEvent> {
    history.into_iter().filter_map(|event| serde_json::from_value(event).ok()).collect()
}
