//! What ops need from the world, beside what the pipeline needs: to look into the queues and move what lies there, to see
//! and stop executions, and to keep a journal of what they do.
//!
//! Each port has an adapter on SQLite (`infra/embedded`) and can have one on AWS (SQS, Step Functions); one contract suite
//! holds them (`tests/contract`). Every method is safe to repeat. Not for workers: they take [`super::Queues`].

use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ListError, Outgoing, Page, PageRequest, SendError, Unavailable};
use crate::step::{Queue, QueueName, names};
use crate::{OrderId, Status};

/// How much is in a queue. On SQS the numbers are approximate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDepth {
    /// Which queue.
    pub queue: QueueName,
    /// Can be received now.
    pub visible: u64,
    /// Received, and neither deleted nor visible again.
    pub in_flight: u64,
    /// Sent with a delay that still lasts.
    pub delayed: u64,
    /// When the oldest was sent, if the platform tells.
    pub oldest_sent_at: Option<Timestamp>,
}

impl QueueDepth {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.visible + self.in_flight + self.delayed
    }
}

/// A message as it lies in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// The platform's id of it.
    pub id: String,
    /// What it says.
    pub body: String,
    /// Its message attributes, all strings.
    pub attributes: BTreeMap<String, String>,
    /// SQS's system attribute `AWSTraceHeader`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
    /// When it was sent to this queue.
    pub sent_at: Timestamp,
    /// How often it was received.
    pub receive_count: u32,
}

/// A message that was received, and is hidden from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The message.
    pub message: StoredMessage,
    /// Names this receive.
    pub receipt_handle: String,
}

/// The platform's own bulk move out of a DLQ (SQS: `StartMessageMoveTask`): no filter, one per queue at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveTask {
    /// The queue whose dead letters go back into it.
    pub queue: Queue,
    /// SQS's names: `RUNNING`, `COMPLETED`, `CANCELLING`, `CANCELLED`, `FAILED`.
    pub status: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// So many were moved.
    pub moved: u64,
    /// So many there were to move, if the platform tells.
    pub to_move: Option<u64>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// A move could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// One runs already.
    #[error("a move of this queue's dead letters runs already")]
    Running,
    /// The queue can't be reached now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// SQS: a move task moves 500 messages a second at most (StartMessageMoveTask, `MaxNumberOfMessagesPerSecond`).
pub const MAX_MOVES_PER_SECOND: u32 = 500;

/// The queues, as ops use them.
#[async_trait]
pub trait OpsQueues: Send + Sync {
    /// How much is in each queue and each DLQ.
    async fn depths(&self) -> Result<Vec<QueueDepth>, Unavailable>;

    /// Messages of a queue, page by page; those that are in flight may be left out. No body and no attribute changes. Where
    /// looking means receiving (SQS) they are hidden, and their receive counts rise, until [`Self::looked`].
    async fn look(&self, queue: QueueName, page: &PageRequest) -> Result<Page<StoredMessage>, ListError>;

    /// Ends a look: what it hid is visible again at once. Does nothing where looking hides nothing.
    async fn looked(&self, queue: QueueName) -> Result<(), Unavailable>;

    /// Receives these messages, which a look has shown, and hides them for `visibility`. Those that are gone or in other
    /// hands are left out.
    async fn take(&self, queue: QueueName, ids: &[String], visibility: Duration) -> Result<Vec<Taken>, Unavailable>;

    /// Makes received messages visible again. A stale receipt changes nothing.
    async fn put_back(&self, queue: QueueName, receipt_handles: &[String]) -> Result<(), Unavailable>;

    /// Deletes received messages. A stale receipt deletes nothing.
    async fn delete(&self, queue: QueueName, receipt_handles: &[String]) -> Result<(), Unavailable>;

    /// Sends messages, each for itself: one answer for each, in their order (SQS: `SendMessageBatch`, whose entries fail
    /// one by one). What was answered `Ok` is durable.
    async fn send_each(&self, queue: QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), SendError>>;

    /// Starts the platform's bulk move of a queue's dead letters back into it, at most so many a second.
    async fn start_move(&self, queue: Queue, per_second: Option<NonZeroU32>) -> Result<MoveTask, MoveError>;

    /// The last move of a queue's dead letters.
    async fn last_move(&self, queue: Queue) -> Result<Option<MoveTask>, Unavailable>;
}

names!(
    /// Where an execution stands, in Step Functions' names.
    ExecutionStatus {
        /// It goes on.
        Running = "RUNNING",
        /// Its last state ended well.
        Succeeded = "SUCCEEDED",
        /// An error reached the top.
        Failed = "FAILED",
        /// It ran longer than the definition's own time-out.
        TimedOut = "TIMED_OUT",
        /// It was stopped.
        Aborted = "ABORTED",
        /// A redrive waits for its turn.
        PendingRedrive = "PENDING_REDRIVE",
    }
);

impl ExecutionStatus {
    /// It ended, and not well.
    pub const fn is_unsuccessful(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Aborted)
    }
}

/// An execution as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionSummary {
    /// The order's id.
    pub name: OrderId,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// The states it is in, if that is known without its history; none once it is over.
    pub current_states: Vec<String>,
    /// The error it ended with, if that is known without its history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When something happens by itself (a heartbeat is missed, a time-out, a retry), if the platform tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_timer: Option<Timestamp>,
}

/// How many running executions are in each state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InStates {
    /// By the state's name. One that is in several states counts in each.
    pub states: BTreeMap<String, u64>,
    /// So many executions were looked at.
    pub looked_at: u64,
    /// There are more: those that were looked at are the newest.
    pub is_sample: bool,
}

/// What became of stopping an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It is aborted.
    Stopped,
    /// It was over already.
    NotRunning,
    /// There is none of that name.
    Missing,
}

/// What became of redriving an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redriven {
    /// It goes on from the state that did not succeed.
    Redriven,
    /// It can't, for this reason.
    Refused(String),
    /// There is none of that name.
    Missing,
}

/// The executions, as ops use them.
#[async_trait]
pub trait Executions: Send + Sync {
    /// Executions, newest first. A page may hold fewer than its limit and still have a next one.
    async fn list(
        &self,
        status: Option<ExecutionStatus>,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, ListError>;
    /// One, if it exists.
    async fn describe(&self, name: &OrderId) -> Result<Option<ExecutionSummary>, Unavailable>;
    /// The definition (Amazon States Language) that an execution runs, or with `None` what new ones run; `None` if there is no
    /// such execution.
    async fn definition(&self, name: Option<&OrderId>) -> Result<Option<String>, Unavailable>;
    /// In which states the running executions are; a sample where that takes a call for each.
    async fn in_states(&self) -> Result<InStates, Unavailable>;
    /// Its history events as `GetExecutionHistory` gives them, oldest first; `None` if there is no such execution.
    async fn history(&self, name: &OrderId) -> Result<Option<Vec<Value>>, Unavailable>;
    /// `StopExecution`: `ABORTED`, without compensation.
    async fn stop(&self, name: &OrderId, cause: &str) -> Result<Stopped, Unavailable>;
    /// `RedriveExecution`: goes on from the state that did not succeed.
    async fn redrive(&self, name: &OrderId) -> Result<Redriven, Unavailable>;
}

names!(
    /// What ops did.
    Action {
        /// Sent dead letters back into their queue.
        Replay = "replay",
        /// Deleted dead letters.
        Purge = "purge",
        /// Put exported dead letters back into a DLQ.
        Import = "import",
        /// Had the platform move all dead letters of a queue.
        Redrive = "redrive",
        /// Looked at a customer's personal data.
        Reveal = "reveal",
        /// Asked for an order to be cancelled.
        Cancel = "cancel",
        /// Stopped an execution.
        Stop = "stop",
        /// Redrove an execution.
        RedriveExecution = "redrive-execution",
        /// Sent an order's step again, or its compensations.
        Reconcile = "reconcile",
        /// Took a copy of all state.
        Backup = "backup",
    }
);

/// One thing that ops did, or are doing: who, when, what, how much. Its messages or orders are its [`Entry`]s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Names it.
    pub id: String,
    /// What.
    pub action: Action,
    /// On whose dead letters.
    pub queue: Option<Queue>,
    /// Who: the name of the API key, or of the AWS identity.
    pub by: String,
    /// When it began.
    pub at: Timestamp,
    /// How: the filter and options, as they were given.
    pub how: Value,
    /// When it was over. Absent: it is under way, or was interrupted.
    pub finished_at: Option<Timestamp>,
    /// How many entries are in each state.
    pub counts: BTreeMap<EntryState, u64>,
}

names!(
    /// How far an entry of the journal got.
    EntryState {
        /// It is about to be sent. After a crash nobody knows whether it was.
        Intended = "intended",
        /// It was sent; the original is still to be deleted.
        Sent = "sent",
        /// It is done.
        Done = "done",
        /// It was left where it is, for the reason in its note.
        Refused = "refused",
    }
);

impl EntryState {
    /// A resume has to look after it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Intended | Self::Sent)
    }
}

/// A message or an order of a [`Run`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The message's id in the DLQ, or the order's.
    pub id: String,
    /// Which order it is about.
    pub order_id: Option<OrderId>,
    /// How far it got.
    pub state: EntryState,
    /// Why it was refused, or what was done.
    pub note: Option<String>,
    /// What is sent, while it is open: enough to send it again.
    pub message: Option<JournalledMessage>,
}

/// A message, as the journal keeps it until it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalledMessage {
    /// The message body.
    pub body: String,
    /// Message attributes.
    pub attributes: BTreeMap<String, String>,
    /// SQS's system attribute `AWSTraceHeader`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
}

impl From<JournalledMessage> for Outgoing {
    fn from(JournalledMessage { body, attributes, trace_header }: JournalledMessage) -> Self {
        Outgoing { body, attributes, trace_header, ..Outgoing::default() }
    }
}

/// What ops did and intend, durably: the intent before anything is sent, the outcome after. It is the audit log as well.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes a run down, before its first entry. One of that id stays as it is.
    async fn begin(&self, run: &Run) -> Result<(), Unavailable>;
    /// Writes entries of a run, in place of those of the same ids.
    async fn write(&self, run: &str, entries: &[Entry]) -> Result<(), Unavailable>;
    /// The run is over.
    async fn finish(&self, run: &str, at: Timestamp) -> Result<(), Unavailable>;
    /// One run, if it exists.
    async fn run(&self, id: &str) -> Result<Option<Run>, Unavailable>;
    /// Runs, newest first.
    async fn runs(&self, page: &PageRequest) -> Result<Page<Run>, ListError>;
    /// Entries of a run as they were written, the open ones only if asked so.
    async fn entries(&self, run: &str, open_only: bool, page: &PageRequest) -> Result<Page<Entry>, ListError>;
}

/// Something that changed in the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// An order got its final status. May be told more than once; the first time counts.
    OrderEnded {
        /// Which order.
        order_id: OrderId,
        /// Confirmed or rejected.
        status: Status,
    },
    /// An execution went on.
    Execution {
        /// The order's id.
        name: OrderId,
        /// Where it stands.
        status: ExecutionStatus,
        /// The states it is in.
        states: Vec<String>,
    },
    /// A message became a dead letter.
    DeadLetter {
        /// Of which queue.
        queue: Queue,
        /// Its id in the DLQ.
        message_id: String,
    },
}

/// A change with its time and its place in the sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// Names it; [`Changes::watch`] goes on after it.
    pub id: String,
    /// When it was durable.
    pub at: Timestamp,
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
}

/// What happened since the last time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// Some changes are no longer remembered: whoever keeps a state should take a fresh look.
    pub missed: bool,
    /// In order.
    pub changes: Vec<Stamped>,
    /// Messages came or went in some queue.
    pub queues_changed: bool,
}

/// Tells what changes, as it happens. Memory is bounded: who is too slow misses changes, and is told so.
pub trait Changes: Send + Sync {
    /// From now on, or from after the change of this id; if that is not remembered, the first news says `missed`.
    fn watch(&self, after: Option<&str>) -> Box<dyn Watch>;
}

/// One watcher.
#[async_trait]
pub trait Watch: Send {
    /// Waits until there is something new.
    async fn news(&mut self) -> News;
}

/// All state as it is at one moment, held still while it is read. Dropped: let go.
pub struct Snapshot {
    /// How long it is.
    pub bytes: u64,
    /// Reading blocks.
    pub content: Box<dyn Read + Send>,
}

/// No snapshot can be taken now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// One at a time: each keeps space from being used again.
    #[error("another backup is being made: wait for its end")]
    UnderWay,
    /// Something that ops can end stands against it.
    #[error("{0}")]
    HeldUp(String),
    /// Try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Copies of all state, where the platform keeps none itself.
#[async_trait]
pub trait Backups: Send + Sync {
    /// Takes one.
    async fn snapshot(&self) -> Result<Snapshot, SnapshotError>;
}
