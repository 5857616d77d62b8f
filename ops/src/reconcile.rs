//! Finding the orders that nothing moves any more, and what would move them.
//!
//! An order is stuck when it is not final although its step's time is over, and an execution needs somebody when it failed,
//! was aborted or timed out. The remedies send messages that workers know: a step's own message again, or its compensations.
//! These answer a task that is long over, which is spent and changes nothing at the workflow; what counts is the order's
//! record. Nothing here writes an order.

use std::time::Duration;

use jiff::Timestamp;
use orders::message::{
    CaughtError, EmailMessage, InventoryMessage, OrdersMessage, PaymentMessage, Task, TaskToken, WorkflowState,
};
use orders::ports::ops::{Action, Entry, EntryState, ExecutionStatus, ExecutionSummary};
use orders::ports::{OrderFilter, Outgoing, Page, PageRequest};
use orders::{Order, OrderId, Queue, RejectReason, Status, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::order_story::timestamp_of;
use crate::{Ops, OpsError, OrderSummary};

/// A step's time-out in `statemachine/order.asl.json`.
pub const DEFAULT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The compensations, in the order in which the workflow runs them.
const COMPENSATIONS: [Step; 3] = [Step::RefundPayment, Step::ReleaseInventory, Step::NotifyRejected];

/// So long is a compensation's record waited for; the next call goes on.
const PATIENCE: Duration = Duration::from_secs(6);
const PAUSE: Duration = Duration::from_millis(100);

/// What would move an order on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "remedy", rename_all = "snake_case")]
pub enum Remedy {
    /// Its execution never started: send its dispatch message again.
    Dispatch,
    /// Its step was never answered: send the step's message again.
    Resend {
        /// Which step.
        step: Step,
    },
    /// Its execution ended badly: run the compensations.
    Compensate,
    /// Nothing is left to do; the execution is only shown.
    Nothing,
}

/// An order that nothing moves, or an execution that ended badly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// The order.
    #[serde(flatten)]
    pub order: OrderSummary,
    /// Where its execution stands, if it has one.
    pub execution: Option<ExecutionStatus>,
    /// Since when nothing moved.
    pub since: Timestamp,
    /// What would move it.
    #[serde(flatten)]
    pub remedy: Remedy,
}

/// The listings that are gone through, one after the other; a cursor names which, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Executions(ExecutionStatus),
    NotStarted,
}

const SOURCES: [Source; 5] = [
    Source::Executions(ExecutionStatus::Failed),
    Source::Executions(ExecutionStatus::TimedOut),
    Source::Executions(ExecutionStatus::Aborted),
    Source::Executions(ExecutionStatus::Running),
    Source::NotStarted,
];

impl Ops {
    /// One page of one source; it may be empty and still have a next one.
    pub(crate) async fn find_stuck(&self, age: Duration, page: &PageRequest) -> Result<Page<Stuck>, OpsError> {
        let invalid = || OpsError::Invalid { what: "cursor", why: "not a cursor that this listing gave".to_owned() };
        let (index, inner) = match page.cursor.as_deref() {
            None => (0, None),
            Some(cursor) => {
                let (index, inner) = cursor.split_once('.').ok_or_else(invalid)?;
                let index: usize = index.parse().map_err(|_| invalid())?;
                (index, Some(inner).filter(|inner| !inner.is_empty()).map(str::to_owned))
            }
        };
        let source = *SOURCES.get(index).ok_or_else(invalid)?;
        let before = self.ports.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN);
        let inner = PageRequest { limit: page.limit, cursor: inner };
        let (items, next) = match source {
            Source::Executions(status) => {
                let listed = self.ports.executions.list(Some(status), &inner).await?;
                let mut items = Vec::new();
                for execution in listed.items {
                    items.extend(self.judge(execution, before).await?);
                }
                (items, listed.next)
            }
            Source::NotStarted => {
                let accepted = OrderFilter { status: Some(Status::Accepted), ..OrderFilter::default() };
                let listed = self.ports.orders.list(&accepted, &inner).await?;
                let mut items = Vec::new();
                for order in listed.items.iter().filter(|order| order.placed.placed_at <= before) {
                    if self.ports.executions.describe(order.id()).await?.is_none() {
                        let since = order.placed.placed_at;
                        items.push(Stuck { order: order.into(), execution: None, since, remedy: Remedy::Dispatch });
                    }
                }
                (items, listed.next)
            }
        };
        let next = match next {
            Some(inner) => Some(format!("{index}.{inner}")),
            None => (index + 1 < SOURCES.len()).then(|| format!("{}.", index + 1)),
        };
        Ok(Page { items, next })
    }

    async fn judge(&self, execution: ExecutionSummary, before: Timestamp) -> Result<Option<Stuck>, OpsError> {
        let unsuccessful = execution.status.is_unsuccessful();
        // What started later can't have a step that is older.
        if !unsuccessful && execution.started_at > before {
            return Ok(None);
        }
        let Some(order) = self.ports.orders.get(&execution.name).await? else { return Ok(None) };
        let (since, remedy) = if unsuccessful {
            let done = order.progress.status.is_final();
            let remedy = if done { Remedy::Nothing } else { Remedy::Compensate };
            (execution.stopped_at.unwrap_or(execution.started_at), remedy)
        } else {
            let history = self.find_history(&execution.name).await?;
            let Some((entered, step)) = last_step(&history) else { return Ok(None) };
            if entered > before || order.progress.status.is_final() {
                return Ok(None);
            }
            (entered, Remedy::Resend { step })
        };
        Ok(Some(Stuck { order: (&order).into(), execution: Some(execution.status), since, remedy }))
    }

    /// Applies the remedy that fits the order as it is now, whatever it was when it was listed.
    pub(crate) async fn repair_order(&self, run: &str, id: &OrderId) -> Result<Entry, OpsError> {
        let run = self.open_run(run, Action::Reconcile).await?;
        let order = self.find_order(id).await?;
        let execution = self.ports.executions.describe(id).await?;
        let entry = match execution.map(|execution| execution.status) {
            _ if order.progress.status.is_final() => {
                entry(id, EntryState::Refused, format!("the order is {}", order.progress.status))
            }
            None => {
                let body = OrdersMessage::dispatch(id.clone(), order.placed.trace_id.clone()).body();
                self.send_one(Queue::Orders, body).await?;
                entry(id, EntryState::Done, "its dispatch message was sent again".to_owned())
            }
            Some(ExecutionStatus::Running | ExecutionStatus::PendingRedrive) => self.resend(id).await?,
            Some(_) => self.compensate(id, "reconciled").await?,
        };
        self.ports.journal.write(&run.id, std::slice::from_ref(&entry)).await?;
        Ok(entry)
    }

    async fn resend(&self, id: &OrderId) -> Result<Entry, OpsError> {
        let history = self.find_history(id).await?;
        let body = last_message(&history).zip(last_step(&history));
        let Some((body, (_, step))) = body else {
            return Ok(entry(id, EntryState::Refused, "its history shows no step to send again".to_owned()));
        };
        self.send_one(step.queue(), body.to_string()).await?;
        Ok(entry(id, EntryState::Done, format!("{step} was sent again")))
    }

    /// Undoes what the order's steps did, backwards, as the workflow would have. Each is waited for before the next is sent; one
    /// that takes longer is left to the next call.
    pub(crate) async fn compensate(&self, id: &OrderId, cause: &str) -> Result<Entry, OpsError> {
        let history = self.find_history(id).await?;
        let Some(token) = last_message(&history).and_then(|body| body["task_token"].as_str().map(str::to_owned)) else {
            let why = "it has no step that could be undone; it was never begun".to_owned();
            return Ok(entry(id, EntryState::Refused, why));
        };
        for step in COMPENSATIONS {
            let order = self.find_order(id).await?;
            if order.progress.status.is_final() || order.outcome(step).is_some() {
                continue;
            }
            let body = self.compensation(step, &order, &token)?;
            self.send_one(step.queue(), body).await?;
            if !self.is_over(id, step).await? {
                let why = format!("{step} was sent and is not done yet ({cause}): reconcile again to see it through");
                return Ok(entry(id, EntryState::Refused, why));
            }
        }
        Ok(match self.find_order(id).await?.progress.status {
            Status::Confirmed => {
                entry(id, EntryState::Refused, "the order is confirmed: nothing was undone".to_owned())
            }
            status => entry(id, EntryState::Done, format!("compensated: the order is {status}")),
        })
    }

    fn compensation(&self, step: Step, order: &Order, token: &str) -> Result<String, OpsError> {
        let error = match order.progress.cancel_requested_at {
            Some(_) => RejectReason::Cancelled.name(),
            None => "StoppedByOps",
        };
        let task = Task {
            order_id: order.id().clone(),
            trace_id: order.placed.trace_id.clone(),
            task_token: TaskToken(token.to_owned()),
            entered_at: self.ports.clock.now(),
            timeout_seconds: u32::try_from(DEFAULT_AGE.as_secs()).unwrap_or(u32::MAX),
            input: Some(WorkflowState { failure: Some(CaughtError { error: error.to_owned() }) }),
        };
        let body = match step {
            Step::RefundPayment => serde_json::to_string(&PaymentMessage::RefundPayment(task)),
            Step::ReleaseInventory => serde_json::to_string(&InventoryMessage::ReleaseInventory(task)),
            _ => serde_json::to_string(&EmailMessage::NotifyRejected(task)),
        };
        body.map_err(|error| OpsError::Unavailable(error.to_string()))
    }

    /// Whether the step was recorded soon, or never will be: the order was confirmed before its message was handled.
    async fn is_over(&self, id: &OrderId, step: Step) -> Result<bool, OpsError> {
        let end = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < end {
            tokio::time::sleep(PAUSE).await;
            let order = self.find_order(id).await?;
            if order.outcome(step).is_some() || order.progress.status == Status::Confirmed {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn send_one(&self, queue: Queue, body: String) -> Result<(), OpsError> {
        let message = Outgoing { body, ..Outgoing::default() };
        let sent = self.ports.queues.send_each(queue.into(), vec![message]).await;
        let refused = |error: orders::ports::SendError| OpsError::Unavailable(error.to_string());
        sent.into_iter().try_for_each(|answer| answer.map_err(refused))
    }
}

fn entry(id: &OrderId, state: EntryState, note: String) -> Entry {
    Entry { id: id.to_string(), order_id: Some(id.clone()), state, note: Some(note), message: None }
}

/// The step that was entered last, and when.
fn last_step(history: &[Value]) -> Option<(Timestamp, Step)> {
    let entered = history.iter().rev().find(|event| event["type"] == "TaskStateEntered")?;
    let step = entered["stateEnteredEventDetails"]["name"].as_str()?.parse().ok()?;
    Some((timestamp_of(entered)?, step))
}

/// The message of the task that was scheduled last.
fn last_message(history: &[Value]) -> Option<Value> {
    let scheduled = history.iter().rev().find(|event| event["type"] == "TaskScheduled")?;
    let parameters = scheduled["taskScheduledEventDetails"]["parameters"].as_str()?;
    let mut parameters: Value = serde_json::from_str(parameters).ok()?;
    match parameters["MessageBody"].take() {
        Value::String(text) => serde_json::from_str(&text).ok(),
        body => Some(body).filter(Value::is_object),
    }
}
