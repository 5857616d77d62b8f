//! Sending dead letters back into their queue, so that a death at any point loses none.
//!
//! ```text
//! receive -> journal `intended` -> send, checking every entry -> journal `sent` -> delete -> journal `done`
//!          ^                     ^                             ^                ^        ^
//!  a death here leaves it        in the DLQ, and perhaps       in both          |        gone from the DLQ, and in its
//!  in the DLQ                    in its queue as well     in both, known as sent         queue
//! ```
//!
//! What is deleted was sent before, durably. What a death leaves open, [`Ops::resume_run`] sees through from the journal: an
//! `intended` entry is sent again, which at worst makes a duplicate that the workers absorb; a `sent` one is only deleted.

use std::collections::BTreeMap;
use std::time::Duration;

use garde::Validate;
use jiff::Timestamp;
use orders::ports::ops::{Action, Entry, EntryState, JournalledMessage, Run, Taken};
use orders::ports::{Outgoing, PageRequest, SendError};
use orders::step::QueueName;
use orders::{OrderId, Queue};
use producer::object;
use serde::{Deserialize, Serialize};

use crate::edit::check_body;
use crate::letter::order_of;
use crate::runs::BATCH;
use crate::{Ops, OpsError};

/// The attribute that a replay adds. One, because SQS allows ten on a message.
pub const REPLAY: &str = "replay";

/// So long is a dead letter hidden while it is sent. After a death on SQS, so long does it stay hidden.
const HIDDEN: Duration = Duration::from_secs(300);

/// What a replayed message says of its replay: the JSON in its attribute [`REPLAY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayAttribute {
    /// The dead letter's id.
    pub of: String,
    /// How often it was replayed, this time included.
    pub count: u32,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl ReplayAttribute {
    pub(crate) fn of(attributes: &BTreeMap<String, String>) -> Option<Self> {
        serde_json::from_str(attributes.get(REPLAY)?).ok()
    }
}

/// Dead letters to send back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Which; some at a time.
    #[serde(deserialize_with = "object::many")]
    #[garde(length(max = BATCH), dive)]
    pub items: Vec<ReplayItem>,
    /// Also those whose step has nothing left to do, whose order is missing, and those that no worker can read.
    #[serde(default)]
    #[garde(skip)]
    pub force: bool,
}

/// A dead letter to send back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct ReplayItem {
    /// Its id in the DLQ.
    #[garde(length(min = 1, max = 128))]
    pub message_id: String,
    /// Another body than its own. It must be a message of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub body: Option<String>,
}

/// An entry with the receipt of its original, if that was received.
struct Ready {
    entry: Entry,
    message: JournalledMessage,
    receipt: Option<String>,
}

impl Ops {
    pub(crate) async fn replay_batch(&self, run: &str, replay: &Replay) -> Result<Vec<Entry>, OpsError> {
        let run = self.open_run(run, Action::Replay).await?;
        let queue = queue_of(&run)?;
        if replay.items.len() > BATCH {
            return Err(OpsError::Invalid { what: "items", why: format!("{BATCH} at a time") });
        }
        for body in replay.items.iter().filter_map(|item| item.body.as_deref()) {
            let unreadable = |why| OpsError::Invalid { what: "body", why: format!("not a message of {queue}: {why}") };
            check_body(queue, body).map_err(unreadable)?;
        }
        let _alone = self.changing.lock().await;
        let dlq = QueueName::dlq(queue);
        let ids: Vec<String> = replay.items.iter().map(|item| item.message_id.clone()).collect();
        let mut taken: BTreeMap<String, Taken> = BTreeMap::new();
        for message in self.ports.queues.take(dlq, &ids, HIDDEN).await? {
            taken.insert(message.message.id.clone(), message);
        }
        let (mut ready, mut handled, mut put_back) = (Vec::new(), Vec::new(), Vec::new());
        for item in &replay.items {
            let Some(taken) = taken.remove(&item.message_id) else {
                handled.push(refused(&item.message_id, None, "it is gone, or in other hands".to_owned()));
                continue;
            };
            let receipt = taken.receipt_handle.clone();
            match self.prepared(queue, taken, item.body.as_deref(), replay.force).await? {
                Ok(prepared) => ready.push(prepared),
                Err(entry) => {
                    handled.push(entry);
                    put_back.push(receipt);
                }
            }
        }
        self.ports.queues.put_back(dlq, &put_back).await?;
        self.ports.journal.write(&run.id, &handled).await?;
        handled.extend(self.carry_out(&run, queue, ready).await?);
        Ok(handled)
    }

    /// A message ready to be sent, or why it stays.
    async fn prepared(
        &self,
        queue: Queue,
        Taken { mut message, receipt_handle }: Taken,
        body: Option<&str>,
        force: bool,
    ) -> Result<Result<Ready, Entry>, OpsError> {
        if let Some(body) = body {
            body.clone_into(&mut message.body);
        }
        let order_id = order_of(queue, &message);
        let order = match &order_id {
            Some(id) => self.ports.orders.get(id).await?,
            None => None,
        };
        if !force && let Some(why) = self.refusal(queue, &message.body, order.as_ref()).await {
            return Ok(Err(refused(&message.id, order_id, why)));
        }
        let before = ReplayAttribute::of(&message.attributes).map_or(0, |replay| replay.count);
        let replay = ReplayAttribute {
            of: message.id.clone(),
            count: before + 1,
            by: self.by.to_string(),
            at: self.ports.clock.now(),
        };
        let attribute = serde_json::to_string(&replay).map_err(|error| OpsError::Unavailable(error.to_string()))?;
        message.attributes.insert(REPLAY.to_owned(), attribute);
        let journalled = JournalledMessage {
            body: message.body,
            attributes: message.attributes,
            trace_header: message.trace_header,
        };
        // Told now rather than by the queue, when it would be journalled as intended already.
        if let Err(SendError::Invalid(rule)) = Outgoing::from(journalled.clone()).check() {
            return Ok(Err(refused(&message.id, order_id, format!("its queue would refuse it: {rule}"))));
        }
        let entry = Entry {
            id: message.id,
            order_id,
            state: EntryState::Intended,
            note: None,
            message: Some(journalled.clone()),
        };
        Ok(Ok(Ready { entry, message: journalled, receipt: Some(receipt_handle) }))
    }

    /// The part that must survive: journal, send, journal, delete, journal.
    async fn carry_out(&self, run: &Run, queue: Queue, ready: Vec<Ready>) -> Result<Vec<Entry>, OpsError> {
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let (dlq, journal) = (QueueName::dlq(queue), &self.ports.journal);
        let intended: Vec<Entry> = ready.iter().map(|ready| ready.entry.clone()).collect();
        journal.write(&run.id, &intended).await?;

        let messages = ready.iter().map(|ready| ready.message.clone().into()).collect();
        let answers = self.ports.queues.send_each(queue.into(), messages).await;
        let (mut sent, mut receipts, mut handled, mut put_back) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (Ready { entry, receipt, .. }, answer) in ready.into_iter().zip(answers) {
            match answer {
                Ok(()) => {
                    sent.push(Entry { state: EntryState::Sent, ..entry });
                    receipts.extend(receipt);
                }
                Err(error) => {
                    put_back.extend(receipt);
                    handled.push(refused(
                        &entry.id,
                        entry.order_id,
                        format!("not sent, and still a dead letter: {error}"),
                    ));
                }
            }
        }
        let outcome: Vec<Entry> = sent.iter().chain(&handled).cloned().collect();
        journal.write(&run.id, &outcome).await?;
        self.ports.queues.put_back(dlq, &put_back).await?;

        self.ports.queues.delete(dlq, &receipts).await?;
        let done: Vec<Entry> = sent.into_iter().map(done).collect();
        journal.write(&run.id, &done).await?;
        handled.extend(done);
        Ok(handled)
    }

    /// Sees through what a death left open; some entries at a time, until there are none.
    pub(crate) async fn resume_run(&self, run: &str) -> Result<Vec<Entry>, OpsError> {
        let run = self.open_run(run, Action::Replay).await?;
        let queue = queue_of(&run)?;
        let _alone = self.changing.lock().await;
        let dlq = QueueName::dlq(queue);
        let page = PageRequest { limit: crate::runs::BATCH_LIMIT, cursor: None };
        let open = self.ports.journal.entries(&run.id, true, &page).await?.items;
        let ids: Vec<String> = open.iter().map(|entry| entry.id.clone()).collect();
        let taken = self.ports.queues.take(dlq, &ids, HIDDEN).await?;
        let mut receipts: BTreeMap<String, String> =
            taken.into_iter().map(|taken| (taken.message.id, taken.receipt_handle)).collect();

        let (sent, intended): (Vec<_>, Vec<_>) = open.into_iter().partition(|entry| entry.state == EntryState::Sent);
        let originals: Vec<String> = sent.iter().filter_map(|entry| receipts.remove(&entry.id)).collect();
        self.ports.queues.delete(dlq, &originals).await?;
        let mut handled: Vec<Entry> = sent.into_iter().map(done).collect();
        let mut ready = Vec::new();
        for entry in intended {
            let receipt = receipts.remove(&entry.id);
            match entry.message.clone() {
                Some(message) => ready.push(Ready { entry, message, receipt }),
                None => handled.push(refused(&entry.id, entry.order_id, "the journal has not kept it".to_owned())),
            }
        }
        self.ports.journal.write(&run.id, &handled).await?;
        handled.extend(self.carry_out(&run, queue, ready).await?);
        Ok(handled)
    }
}

pub(crate) fn queue_of(run: &Run) -> Result<Queue, OpsError> {
    run.queue.ok_or_else(|| OpsError::Refused("the run names no queue".to_owned()))
}

pub(crate) fn refused(id: &str, order_id: Option<OrderId>, why: String) -> Entry {
    Entry { id: id.to_owned(), order_id, state: EntryState::Refused, note: Some(why), message: None }
}

fn done(entry: Entry) -> Entry {
    Entry { state: EntryState::Done, message: None, ..entry }
}
