//! What goes in and what comes out: the events a caller reports and the effects it performs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::history::HistoryEvent;
use crate::resource::Integration;
use crate::token::{TaskId, TaskToken};

/// Something that happened outside and that an execution is told of.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The work has begun: the service is being called, the function runs, a worker took the activity's task. A time-out
    /// counts from here. May be left out; the engine then takes the task as started when it hears more of it.
    TaskStarted(TaskId),
    /// As `TaskStarted`, by an activity worker that gave its name.
    ActivityStarted {
        /// Which task.
        task: TaskId,
        /// What the worker calls itself.
        worker_name: Option<String>,
    },
    /// The service took the job or the message (`.sync`, `.waitForTaskToken`); the task goes on.
    TaskSubmitted {
        /// Which task.
        task: TaskId,
        /// What the service answered.
        output: Value,
    },
    /// The task is done: the service's answer, or `SendTaskSuccess`.
    TaskSucceeded {
        /// Which task.
        task: TaskId,
        /// The result.
        output: Value,
    },
    /// The task has failed: the service's answer, or `SendTaskFailure`.
    TaskFailed {
        /// Which task.
        task: TaskId,
        /// The error's name.
        error: Option<String>,
        /// A longer text.
        cause: Option<String>,
    },
    /// The service could not be called at all.
    StartFailed {
        /// Which task.
        task: TaskId,
        /// The error's name.
        error: Option<String>,
        /// A longer text.
        cause: Option<String>,
    },
    /// The service was called and refused the job or the message (`.sync`, `.waitForTaskToken`).
    SubmitFailed {
        /// Which task.
        task: TaskId,
        /// The error's name.
        error: Option<String>,
        /// A longer text.
        cause: Option<String>,
    },
    /// `SendTaskHeartbeat`: the worker is still at it.
    Heartbeat(TaskId),
    /// The caller's clock reached [`Execution::next_timer`](crate::Execution::next_timer); everything due by now happens.
    TimerFired,
    /// `StopExecution`.
    Stop {
        /// The error's name.
        error: Option<String>,
        /// A longer text.
        cause: Option<String>,
    },
}

/// Something the caller has to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Have this task done and report what becomes of it.
    Schedule(Task),
    /// Add this event to the history.
    Append(HistoryEvent),
    /// The earliest timer of the execution is at this time; it replaces the one set before. At most one in an answer.
    SetTimer(Timestamp),
    /// The execution has no timer any more.
    ClearTimer,
    /// The execution is over. The last effect there is.
    Finish(Outcome),
}

/// A task to have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What to report it by.
    pub id: TaskId,
    /// The ARN as the definition has it.
    pub resource: String,
    /// What the ARN names.
    pub integration: Integration,
    /// The input of the function or activity, or the arguments of the service's action.
    pub parameters: Value,
    /// What a worker answers with; only for `.waitForTaskToken` and activities.
    pub token: Option<TaskToken>,
    /// Seconds from its start until it times out.
    pub timeout: Option<u64>,
    /// The longest time in seconds between two heartbeats.
    pub heartbeat: Option<u64>,
    /// The role that `Credentials` names.
    pub role_arn: Option<String>,
    /// The name of its state.
    pub state: String,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Never `Running`.
    pub status: ExecutionStatus,
    /// What a succeeded execution gave.
    pub output: Option<Value>,
    /// The error's name.
    pub error: Option<String>,
    /// A longer text.
    pub cause: Option<String>,
}

/// AWS's `status` of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// It goes on.
    Running,
    /// Its last state ended well.
    Succeeded,
    /// An error reached the top.
    Failed,
    /// It ran longer than the definition's own `TimeoutSeconds`.
    TimedOut,
    /// It was stopped.
    Aborted,
}

/// An event that an execution cannot take. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexpected {
    /// The task was answered, timed out, or was given up (AWS's `TaskTimedOut`); or it never was.
    #[error("the task has been answered or outlived")]
    UnknownTask,
    /// The execution is over.
    #[error("the execution is over")]
    Finished,
}
