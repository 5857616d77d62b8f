//! The names of the Amazon States Language that this engine knows. Whatever stands here has a case in `tests/cases`; a test
//! sees to it.
//!
//! Not for what the names mean: that is where they are read.
//!
//! Source: Amazon States Language specification; AWS Step Functions Developer Guide, "Handling errors in Step Functions
//! workflows".

pub use crate::definition::choice_operators;

/// A type of state and the fields it has beside `Type`, `Comment` and `QueryLanguage`, which each has.
#[derive(Clone, Copy, Debug)]
pub struct StateType {
    /// Its `Type`.
    pub name: &'static str,
    /// What else stands in it.
    pub fields: &'static [&'static str],
}

/// The types of states that can be run.
pub const STATE_TYPES: [StateType; 7] = [
    StateType {
        name: "Pass",
        fields: &["InputPath", "OutputPath", "Parameters", "Result", "ResultPath", "Next", "End"],
    },
    StateType {
        name: "Task",
        fields: &[
            "InputPath",
            "OutputPath",
            "Parameters",
            "ResultPath",
            "ResultSelector",
            "Retry",
            "Catch",
            "Next",
            "End",
            "Resource",
            "TimeoutSeconds",
            "TimeoutSecondsPath",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Credentials",
        ],
    },
    StateType { name: "Choice", fields: &["InputPath", "OutputPath", "Choices", "Default"] },
    StateType {
        name: "Wait",
        fields: &["InputPath", "OutputPath", "Seconds", "SecondsPath", "Timestamp", "TimestampPath", "Next", "End"],
    },
    StateType { name: "Succeed", fields: &["InputPath", "OutputPath"] },
    StateType { name: "Fail", fields: &["Error", "ErrorPath", "Cause", "CausePath"] },
    StateType {
        name: "Parallel",
        fields: &[
            "InputPath",
            "OutputPath",
            "Parameters",
            "ResultPath",
            "ResultSelector",
            "Retry",
            "Catch",
            "Next",
            "End",
            "Branches",
        ],
    },
];

/// The fields of a whole definition, beside `Comment`.
pub const MACHINE_FIELDS: [&str; 5] = ["StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"];

/// The fields of a branch of `Parallel`, beside `Comment`.
pub const BRANCH_FIELDS: [&str; 2] = ["StartAt", "States"];

/// The fields of an element of `Retry`, beside `Comment`.
pub const RETRIER_FIELDS: [&str; 6] =
    ["ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"];

/// The fields of an element of `Catch`, beside `Comment`.
pub const CATCHER_FIELDS: [&str; 3] = ["ErrorEquals", "Next", "ResultPath"];

/// The fields of the context object (`$$`).
pub const CONTEXT_FIELDS: [(&str, &[&str]); 4] = [
    ("Execution", &["Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"]),
    ("State", &["Name", "EnteredTime", "RetryCount"]),
    ("StateMachine", &["Id", "Name"]),
    ("Task", &["Token"]),
];

pub(crate) const ALL: &str = "States.ALL";
pub(crate) const TASK_FAILED: &str = "States.TaskFailed";
pub(crate) const TIMEOUT: &str = "States.Timeout";
pub(crate) const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
pub(crate) const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
pub(crate) const RUNTIME: &str = "States.Runtime";
pub(crate) const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
pub(crate) const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";

/// The names of errors that the language itself gives a meaning: two wildcards, then those that happen.
pub const ERRORS: [&str; 8] = [
    ALL,
    TASK_FAILED,
    TIMEOUT,
    HEARTBEAT_TIMEOUT,
    DATA_LIMIT_EXCEEDED,
    RUNTIME,
    NO_CHOICE_MATCHED,
    RESULT_PATH_MATCH_FAILURE,
];
