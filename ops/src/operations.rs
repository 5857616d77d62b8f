//! Every operation, and what can stand against it. Implemented by [`crate::Ops`] over ports, and by the command's client over
//! HTTP; each method is documented where it is done.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use garde::Validate;
use orders::ports::ops::{Action, Entry, ExecutionSummary, MoveTask, QueueDepth, Run};
use orders::ports::{ListError, OrderFilter, Page, PageRequest, Unavailable};
use orders::{OrderId, Queue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Breakdown, ExecutionFilter, Exported, Letter, OrderStory, OrderSummary, PipelineStatus, Replay, Selection, Stuck,
};

/// An operation was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpsError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// It could be done, but should not; the text says what to do instead.
    #[error("{0}")]
    Refused(String),
    /// What was asked for makes no sense.
    #[error("{what}: {why}")]
    Invalid {
        /// The parameter or field.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The caller may not.
    #[error("{0}")]
    NotAllowed(String),
    /// Something can't be reached now: try again.
    #[error("{0}")]
    Unavailable(String),
}

impl From<Unavailable> for OpsError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable.to_string())
    }
}

impl From<ListError> for OpsError {
    fn from(error: ListError) -> Self {
        match error {
            ListError::InvalidCursor => Self::Invalid { what: "cursor", why: error.to_string() },
            ListError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

/// A run to be begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Replay, purge, import or reconcile; the others begin and finish their own.
    #[garde(skip)]
    pub action: Action,
    /// Whose dead letters.
    #[garde(skip)]
    pub queue: Option<Queue>,
    /// Filter and options, for the audit log and for going on after an interruption.
    #[serde(default)]
    #[garde(skip)]
    pub how: Value,
}

/// How to stop an execution.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// Why; it stands in the execution's history.
    #[garde(length(min = 1, max = 1000))]
    pub cause: String,
    /// Undo what the order's steps did.
    #[serde(default)]
    #[garde(skip)]
    pub compensate: bool,
}

/// What ops can do.
#[async_trait]
pub trait Operations: Send + Sync {
    /// How much is in each queue.
    async fn queues(&self) -> Result<Vec<QueueDepth>, OpsError>;
    /// The pipeline on one screen.
    async fn status(&self) -> Result<PipelineStatus, OpsError>;

    /// Every DLQ by cause; a sample unless `all`.
    async fn dead_letters(&self, all: bool) -> Result<Vec<Breakdown>, OpsError>;
    /// Dead letters of a queue, with what became of their orders.
    async fn letters(&self, queue: Queue, selection: &Selection, page: &PageRequest) -> Result<Page<Letter>, OpsError>;
    /// Ends a look at the dead letters; what it hid is visible again.
    async fn looked(&self, queue: Queue) -> Result<(), OpsError>;

    /// Writes down that something is about to be done.
    async fn begin(&self, new: &NewRun) -> Result<Run, OpsError>;
    /// Sends these dead letters back into their queue.
    async fn replay(&self, run: &str, replay: &Replay) -> Result<Vec<Entry>, OpsError>;
    /// Sees through what an interruption left open, some entries at a time; none: nothing is open any more.
    async fn resume(&self, run: &str) -> Result<Vec<Entry>, OpsError>;
    /// Deletes these dead letters.
    async fn purge(&self, run: &str, ids: &[String]) -> Result<Vec<Entry>, OpsError>;
    /// Puts exported dead letters back into the DLQ.
    async fn import(&self, run: &str, letters: &[Exported]) -> Result<Vec<Entry>, OpsError>;
    /// Sends a stuck order's step again, or its compensations.
    async fn repair(&self, run: &str, order: &OrderId) -> Result<Entry, OpsError>;
    /// It is over.
    async fn finish(&self, run: &str) -> Result<Run, OpsError>;
    /// What was done, newest first.
    async fn runs(&self, page: &PageRequest) -> Result<Page<Run>, OpsError>;
    /// One of them.
    async fn run(&self, id: &str) -> Result<Run, OpsError>;
    /// Its messages or orders.
    async fn entries(&self, run: &str, page: &PageRequest) -> Result<Page<Entry>, OpsError>;

    /// Starts the platform's own move of all dead letters of a queue.
    async fn redrive(&self, queue: Queue, per_second: Option<NonZeroU32>) -> Result<MoveTask, OpsError>;
    /// How the last one stands.
    async fn last_move(&self, queue: Queue) -> Result<Option<MoveTask>, OpsError>;

    /// Orders, newest first.
    async fn orders(&self, filter: &OrderFilter, page: &PageRequest) -> Result<Page<OrderSummary>, OpsError>;
    /// One, with everything that happened to it.
    async fn order(&self, id: &OrderId) -> Result<OrderStory, OpsError>;
    /// Asks for it to be cancelled.
    async fn cancel(&self, id: &OrderId) -> Result<OrderSummary, OpsError>;

    /// Executions, newest first.
    async fn executions(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, OpsError>;
    /// One.
    async fn execution(&self, name: &OrderId) -> Result<ExecutionSummary, OpsError>;
    /// Its history events.
    async fn history(&self, name: &OrderId) -> Result<Vec<Value>, OpsError>;
    /// Stops it.
    async fn stop(&self, name: &OrderId, request: &StopRequest) -> Result<Entry, OpsError>;
    /// Lets it go on from the state that did not succeed.
    async fn redrive_execution(&self, name: &OrderId) -> Result<Entry, OpsError>;

    /// Orders that are not final although their step's time is over (`age`), and executions that ended badly.
    async fn stuck(&self, age: Duration, page: &PageRequest) -> Result<Page<Stuck>, OpsError>;
}
