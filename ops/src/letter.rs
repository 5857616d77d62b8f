//! A dead letter as ops see it: the message, why it is there, and where its order stands now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use orders::outcome::Reason;
use orders::ports::Outgoing;
use orders::ports::ops::{ExecutionStatus, ExecutionSummary, QueueDepth, StoredMessage};
use orders::{Order, OrderId, Queue, Status, Step};
use serde::{Deserialize, Serialize};

use crate::Ops;
use crate::edit::{check_body, read};
use crate::replay::ReplayAttribute;

/// The attribute in which the batch core tells the cause.
const DEAD_LETTER: &str = "dead_letter";

/// The attribute in which an imported dead letter keeps the id that it had where it was first exported.
const IMPORTED: &str = "imported";

/// The name of a cause that nobody told: the redrive policy moved the message (a crash, a time-out), or a stranger did.
const NO_CAUSE: &str = "NoCause";

/// Why a message is in the DLQ.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// A short name to group by.
    pub error: String,
    /// What went wrong, for people.
    pub cause: String,
    /// The step that failed.
    pub step: Option<Step>,
    /// The order.
    pub order_id: Option<OrderId>,
    /// When the message was first received.
    pub first_failure: Option<Timestamp>,
    /// How often it was received.
    pub receive_count: u32,
}

impl Cause {
    fn of(message: &StoredMessage) -> Self {
        let told = message.attributes.get(DEAD_LETTER).and_then(|json| serde_json::from_str(json).ok());
        told.unwrap_or_else(|| Self {
            error: NO_CAUSE.to_owned(),
            cause: "nobody said why: it was received too often without an answer (a crash, a time-out), or put here"
                .to_owned(),
            receive_count: message.receive_count,
            ..Self::default()
        })
    }

    /// With its step, also where only its body tells.
    pub(crate) fn of_message(queue: Queue, message: &StoredMessage) -> Self {
        let cause = Self::of(message);
        let step = cause.step.or_else(|| check_body(queue, &message.body).ok().map(|(step, _)| step));
        Self { step, ..cause }
    }
}

/// Where a dead letter's order stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNow {
    /// Its status.
    pub status: Status,
    /// Why it was rejected.
    pub reason: Option<Reason>,
    /// What its records say of the letter's step, such as `already Charged`.
    pub effect: Option<String>,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Its id in the DLQ.
    pub message_id: String,
    /// When it was dead-lettered.
    pub sent_at: Timestamp,
    /// How often it was received in the DLQ.
    pub receive_count: u32,
    /// The message body.
    pub body: String,
    /// Message attributes.
    pub attributes: BTreeMap<String, String>,
    /// SQS's system attribute `AWSTraceHeader`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
    /// Why it is here.
    pub cause: Cause,
    /// Which order it is about, if that can be told.
    pub order_id: Option<OrderId>,
    /// Where that order stands now, if there is one.
    pub order: Option<OrderNow>,
    /// How often it was replayed before.
    pub replayed: u32,
    /// Why a replay refuses it; `--force` sends it all the same.
    pub refusal: Option<String>,
}

/// The order a message is about, from its body or else its cause.
pub(crate) fn order_of(queue: Queue, message: &StoredMessage) -> Option<OrderId> {
    check_body(queue, &message.body).ok().map(|(_, id)| id).or_else(|| Cause::of(message).order_id)
}

impl Letter {
    pub(crate) fn new(queue: Queue, message: StoredMessage, order: Option<&Order>, refusal: Option<String>) -> Self {
        let step = check_body(queue, &message.body).ok().map(|(step, _)| step);
        Self {
            order_id: order_of(queue, &message),
            order: order.map(|order| now(order, step)),
            replayed: ReplayAttribute::of(&message.attributes).map_or(0, |replay| replay.count),
            refusal,
            cause: Cause::of_message(queue, &message),
            message_id: message.id,
            sent_at: message.sent_at,
            receive_count: message.receive_count,
            body: message.body,
            attributes: message.attributes,
            trace_header: message.trace_header,
        }
    }

    /// Why a replay with this body instead of its own would be refused, as far as that can be told from here: a body
    /// that asks for something else is judged when it is sent.
    pub fn refusal_with(&self, queue: Queue, body: &str) -> Option<String> {
        match (read(queue, body), read(queue, &self.body)) {
            (Err(why), _) => Some(unreadable(&why)),
            (Ok(changed), Ok(own)) if changed == own => self.refusal.clone(),
            (Ok(_), _) => None,
        }
    }
}

fn unreadable(why: &str) -> String {
    format!("its queue can't read it: {why}; edit or purge it")
}

impl Ops {
    /// Why a message with this body should not be sent back as it is; `order` is what the store has of its order.
    pub(crate) async fn refusal(&self, queue: Queue, body: &str, order: Option<&Order>) -> Option<String> {
        let asked = match read(queue, body) {
            Ok(asked) => asked,
            Err(why) => return Some(unreadable(&why)),
        };
        let Some(order) = order else { return Some("the store has no such order".to_owned()) };
        let now = self.ports.clock.now();
        let runs = asked.depends_on_execution(order, now) && self.may_run(order.id()).await;
        asked.judge(order, runs, now).err().map(|refusal| refusal.to_string())
    }

    /// Where that can't be told now, it may: workers absorb a replay of what is done.
    async fn may_run(&self, id: &OrderId) -> bool {
        let execution = self.ports.executions.describe(id).await;
        let runs = |execution: ExecutionSummary| {
            matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::PendingRedrive)
        };
        execution.map_or(true, |execution| execution.is_some_and(runs))
    }
}

fn now(order: &Order, step: Option<Step>) -> OrderNow {
    let effect = step.map(|step| match order.outcome(step) {
        Some(outcome) => format!("already {outcome}"),
        None if step == Step::ChargePayment && order.payment_id().is_some() => {
            "begun: the gateway knows how far it got".to_owned()
        }
        None => format!("no record of {step}"),
    });
    OrderNow { status: order.progress.status, reason: order.progress.reason, effect }
}

/// So many dead letters of a queue have one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseCount {
    /// The step that failed.
    pub step: Option<Step>,
    /// The cause's name.
    pub error: String,
    /// One of their causes, for people.
    pub example: String,
    /// How many.
    pub count: u64,
    /// When the first of them was dead-lettered.
    pub first_seen: Timestamp,
    /// When the last was.
    pub last_seen: Timestamp,
}

/// A DLQ by cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakdown {
    /// Whose dead letters.
    pub queue: Queue,
    /// How many there are.
    pub depth: QueueDepth,
    /// How many were looked at. Fewer than there are: the causes are a sample.
    pub looked_at: u64,
    /// They are a sample.
    pub is_sample: bool,
    /// The causes, the most frequent first.
    pub causes: Vec<CauseCount>,
}

/// A dead letter as it is exported and imported: a line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, garde::Validate)]
#[garde(allow_unvalidated)]
pub struct Exported {
    /// Whose dead letter.
    pub queue: Queue,
    /// The id it had in the DLQ.
    pub message_id: String,
    /// When it was dead-lettered.
    pub sent_at: Timestamp,
    /// The message body.
    pub body: String,
    /// Message attributes.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// SQS's system attribute `AWSTraceHeader`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
}

impl Exported {
    /// Of a queue's dead letter.
    pub fn of(queue: Queue, letter: &Letter) -> Self {
        Self {
            queue,
            message_id: letter.message_id.clone(),
            sent_at: letter.sent_at,
            body: letter.body.clone(),
            attributes: letter.attributes.clone(),
            trace_header: letter.trace_header.clone(),
        }
    }

    /// What it was when it was first exported, however often it was imported and exported since.
    pub fn identity(&self) -> &str {
        self.attributes.get(IMPORTED).unwrap_or(&self.message_id)
    }

    /// As it is put back: it remembers what it was.
    pub(crate) fn to_message(&self) -> Outgoing {
        let mut attributes = self.attributes.clone();
        attributes.insert(IMPORTED.to_owned(), self.identity().to_owned());
        let (body, trace_header) = (self.body.clone(), self.trace_header.clone());
        Outgoing { body, attributes, trace_header, ..Outgoing::default() }
    }

    /// Whether its DLQ would take it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.message_id.is_empty() {
            return Err("its message_id is empty, so that nobody could tell it from another".to_owned());
        }
        self.to_message().check().map_err(|error| error.to_string())
    }
}

impl Letter {
    /// Its id, what it was before it was imported, and what it was before its last replay.
    pub fn identities(&self) -> impl Iterator<Item = String> {
        let replayed = ReplayAttribute::of(&self.attributes).map(|replay| replay.of);
        let imported = self.attributes.get(IMPORTED).cloned();
        [Some(self.message_id.clone()), imported, replayed].into_iter().flatten()
    }
}
