//! History events, as AWS's `GetExecutionHistory` returns them: the same names, fields and JSON.
//!
//! One difference: `timestamp` is RFC 3339 text, not seconds since 1970. Not for keeping a history: the caller does.
//!
//! Source: AWS Step Functions API Reference, `HistoryEvent` and the `…EventDetails` types it names.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One event of an execution's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEvent {
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Its number in the history, starting at 1.
    pub id: u64,
    /// The event that led to it; 0 for the first events.
    #[serde(default)]
    pub previous_event_id: u64,
    /// What is particular to the type; some types have nothing.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
}

impl HistoryEvent {
    /// The state that the event tells of; only `…StateEntered` and `…StateExited` name one.
    pub fn state_name(&self) -> Option<&str> {
        match &self.details {
            Some(Details::StateEntered(details)) => Some(&details.name),
            Some(Details::StateExited(details)) => Some(&details.name),
            _ => None,
        }
    }

    /// Error and cause, of events that tell of a failure.
    pub fn failure(&self) -> Option<(Option<&str>, Option<&str>)> {
        let (error, cause) = match self.details.as_ref()? {
            Details::ExecutionFailed(failure)
            | Details::ExecutionAborted(failure)
            | Details::ExecutionTimedOut(failure)
            | Details::LambdaFunctionFailed(failure)
            | Details::LambdaFunctionTimedOut(failure)
            | Details::LambdaFunctionStartFailed(failure)
            | Details::ActivityFailed(failure)
            | Details::ActivityTimedOut(failure)
            | Details::ActivityScheduleFailed(failure) => (&failure.error, &failure.cause),
            Details::TaskFailed(failure)
            | Details::TaskTimedOut(failure)
            | Details::TaskStartFailed(failure)
            | Details::TaskSubmitFailed(failure) => (&failure.error, &failure.cause),
            _ => return None,
        };
        Some((error.as_deref(), cause.as_deref()))
    }
}

/// The types of events that this engine writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are AWS's and say it all")]
pub enum EventType {
    ExecutionStarted,
    ExecutionSucceeded,
    ExecutionFailed,
    ExecutionAborted,
    ExecutionTimedOut,
    ExecutionRedriven,
    PassStateEntered,
    PassStateExited,
    TaskStateEntered,
    TaskStateExited,
    ChoiceStateEntered,
    ChoiceStateExited,
    WaitStateEntered,
    WaitStateExited,
    SucceedStateEntered,
    SucceedStateExited,
    FailStateEntered,
    ParallelStateEntered,
    ParallelStateStarted,
    ParallelStateSucceeded,
    ParallelStateFailed,
    ParallelStateExited,
    TaskScheduled,
    TaskStarted,
    TaskStartFailed,
    TaskSubmitted,
    TaskSubmitFailed,
    TaskSucceeded,
    TaskFailed,
    TaskTimedOut,
    LambdaFunctionScheduled,
    LambdaFunctionStarted,
    LambdaFunctionStartFailed,
    LambdaFunctionSucceeded,
    LambdaFunctionFailed,
    LambdaFunctionTimedOut,
    ActivityScheduled,
    ActivityScheduleFailed,
    ActivityStarted,
    ActivitySucceeded,
    ActivityFailed,
    ActivityTimedOut,
}

/// What is particular to a type of event, under AWS's name for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are AWS's and say it all")]
pub enum Details {
    #[serde(rename = "executionStartedEventDetails")]
    ExecutionStarted(ExecutionStarted),
    #[serde(rename = "executionSucceededEventDetails")]
    ExecutionSucceeded(Output),
    #[serde(rename = "executionFailedEventDetails")]
    ExecutionFailed(ErrorAndCause),
    #[serde(rename = "executionAbortedEventDetails")]
    ExecutionAborted(ErrorAndCause),
    #[serde(rename = "executionTimedOutEventDetails")]
    ExecutionTimedOut(ErrorAndCause),
    #[serde(rename = "executionRedrivenEventDetails")]
    ExecutionRedriven(ExecutionRedriven),
    #[serde(rename = "stateEnteredEventDetails")]
    StateEntered(StateEntered),
    #[serde(rename = "stateExitedEventDetails")]
    StateExited(StateExited),
    #[serde(rename = "taskScheduledEventDetails")]
    TaskScheduled(TaskScheduled),
    #[serde(rename = "taskStartedEventDetails")]
    TaskStarted(TaskResource),
    #[serde(rename = "taskStartFailedEventDetails")]
    TaskStartFailed(TaskFailure),
    #[serde(rename = "taskSubmittedEventDetails")]
    TaskSubmitted(TaskOutput),
    #[serde(rename = "taskSubmitFailedEventDetails")]
    TaskSubmitFailed(TaskFailure),
    #[serde(rename = "taskSucceededEventDetails")]
    TaskSucceeded(TaskOutput),
    #[serde(rename = "taskFailedEventDetails")]
    TaskFailed(TaskFailure),
    #[serde(rename = "taskTimedOutEventDetails")]
    TaskTimedOut(TaskFailure),
    #[serde(rename = "lambdaFunctionScheduledEventDetails")]
    LambdaFunctionScheduled(WorkScheduled),
    #[serde(rename = "lambdaFunctionStartFailedEventDetails")]
    LambdaFunctionStartFailed(ErrorAndCause),
    #[serde(rename = "lambdaFunctionSucceededEventDetails")]
    LambdaFunctionSucceeded(Output),
    #[serde(rename = "lambdaFunctionFailedEventDetails")]
    LambdaFunctionFailed(ErrorAndCause),
    #[serde(rename = "lambdaFunctionTimedOutEventDetails")]
    LambdaFunctionTimedOut(ErrorAndCause),
    #[serde(rename = "activityScheduledEventDetails")]
    ActivityScheduled(WorkScheduled),
    #[serde(rename = "activityScheduleFailedEventDetails")]
    ActivityScheduleFailed(ErrorAndCause),
    #[serde(rename = "activityStartedEventDetails")]
    ActivityStarted(ActivityStarted),
    #[serde(rename = "activitySucceededEventDetails")]
    ActivitySucceeded(Output),
    #[serde(rename = "activityFailedEventDetails")]
    ActivityFailed(ErrorAndCause),
    #[serde(rename = "activityTimedOutEventDetails")]
    ActivityTimedOut(ErrorAndCause),
}

impl Details {
    /// How long its data is, in bytes of JSON text.
    pub(crate) fn data_len(&self) -> usize {
        match self {
            Self::ExecutionStarted(it) => it.input.len(),
            Self::StateEntered(it) => it.input.len(),
            Self::StateExited(it) => it.output.len(),
            Self::TaskScheduled(it) => it.parameters.len(),
            Self::TaskSubmitted(it) | Self::TaskSucceeded(it) => it.output.len(),
            Self::LambdaFunctionScheduled(it) | Self::ActivityScheduled(it) => it.input.len(),
            Self::ExecutionSucceeded(it) | Self::LambdaFunctionSucceeded(it) | Self::ActivitySucceeded(it) => {
                it.output.len()
            }
            Self::ExecutionFailed(_)
            | Self::ExecutionAborted(_)
            | Self::ExecutionTimedOut(_)
            | Self::ExecutionRedriven(_)
            | Self::TaskStarted(_)
            | Self::TaskStartFailed(_)
            | Self::TaskSubmitFailed(_)
            | Self::TaskFailed(_)
            | Self::TaskTimedOut(_)
            | Self::LambdaFunctionStartFailed(_)
            | Self::LambdaFunctionFailed(_)
            | Self::LambdaFunctionTimedOut(_)
            | Self::ActivityScheduleFailed(_)
            | Self::ActivityStarted(_)
            | Self::ActivityFailed(_)
            | Self::ActivityTimedOut(_) => 0,
        }
    }
}

/// Whether an input or output was cut short; here it never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDetails {
    /// Always `false`.
    pub truncated: bool,
}

/// The execution's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionStarted {
    /// JSON text.
    pub input: Arc<str>,
    /// See [`DataDetails`].
    pub input_details: DataDetails,
    /// The role the workflow runs as.
    pub role_arn: String,
}

/// The execution goes on after an end that was no success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRedriven {
    /// How often it has been redriven.
    pub redrive_count: u32,
}

/// A state was entered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateEntered {
    /// The state's name.
    pub name: Arc<str>,
    /// JSON text, before `InputPath`.
    pub input: Arc<str>,
    /// See [`DataDetails`].
    pub input_details: DataDetails,
}

/// A state was left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateExited {
    /// The state's name.
    pub name: Arc<str>,
    /// JSON text, after `OutputPath`.
    pub output: Arc<str>,
    /// See [`DataDetails`].
    pub output_details: DataDetails,
}

/// What something gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// JSON text.
    pub output: Arc<str>,
    /// See [`DataDetails`].
    pub output_details: DataDetails,
}

/// Why something failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorAndCause {
    /// The error's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// A longer text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A service task was scheduled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskScheduled {
    /// The service, such as `sqs`.
    pub resource_type: String,
    /// The action with its pattern, such as `sendMessage.waitForTaskToken`.
    pub resource: String,
    /// The region of the state machine.
    pub region: String,
    /// JSON text.
    pub parameters: Arc<str>,
    /// `TimeoutSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_in_seconds: Option<u64>,
    /// `HeartbeatSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_in_seconds: Option<u64>,
    /// The role of `Credentials`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_credentials: Option<TaskCredentials>,
}

/// A task of a Lambda function or an activity was scheduled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkScheduled {
    /// The ARN.
    pub resource: String,
    /// JSON text.
    pub input: Arc<str>,
    /// See [`DataDetails`].
    pub input_details: DataDetails,
    /// `TimeoutSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_in_seconds: Option<u64>,
    /// `HeartbeatSeconds`; activities only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_in_seconds: Option<u64>,
    /// The role of `Credentials`; Lambda functions only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_credentials: Option<TaskCredentials>,
}

/// The role that a task assumes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskCredentials {
    /// Its ARN.
    pub role_arn: String,
}

/// Which service a task event is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskResource {
    /// The service, such as `sqs`.
    pub resource_type: String,
    /// The action with its pattern.
    pub resource: String,
}

/// What a service task gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskOutput {
    /// The service, such as `sqs`.
    pub resource_type: String,
    /// The action with its pattern.
    pub resource: String,
    /// JSON text.
    pub output: Arc<str>,
    /// See [`DataDetails`].
    pub output_details: DataDetails,
}

/// Why a service task failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskFailure {
    /// The service, such as `sqs`.
    pub resource_type: String,
    /// The action with its pattern.
    pub resource: String,
    /// The error's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// A longer text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A worker took an activity's task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityStarted {
    /// What the worker calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_name: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_reads_and_writes_as_aws_has_it() {
        let event = HistoryEvent {
            timestamp: Timestamp::UNIX_EPOCH,
            kind: EventType::TaskTimedOut,
            id: 6,
            previous_event_id: 5,
            details: Some(Details::TaskTimedOut(TaskFailure {
                resource_type: "sqs".to_owned(),
                resource: "sendMessage.waitForTaskToken".to_owned(),
                error: Some("States.Timeout".to_owned()),
                cause: None,
            })),
        };
        let text = json!({
            "timestamp": "1970-01-01T00:00:00Z", "type": "TaskTimedOut", "id": 6, "previousEventId": 5,
            "taskTimedOutEventDetails": {"resourceType": "sqs", "resource": "sendMessage.waitForTaskToken", "error": "States.Timeout"},
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), text);
        assert_eq!(serde_json::from_value::<HistoryEvent>(text).unwrap(), event);
        assert_eq!(event.failure(), Some((Some("States.Timeout"), None)));
    }

    #[test]
    fn an_event_without_details_has_no_such_field() {
        let event = HistoryEvent {
            timestamp: Timestamp::UNIX_EPOCH,
            kind: EventType::LambdaFunctionStarted,
            id: 2,
            previous_event_id: 1,
            details: None,
        };
        let text = serde_json::to_value(&event).unwrap();
        assert_eq!(text.as_object().unwrap().len(), 4);
        assert_eq!(serde_json::from_value::<HistoryEvent>(text).unwrap(), event);
    }
}
