//! Queues with SQS's visibility time-out, receive count and redrive policy.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use jiff::Timestamp;
use orders::Queue;
use orders::ports::{
    Clock, MAX_DELAY, MAX_MESSAGE_ATTRIBUTES, MAX_MESSAGE_BYTES, Outgoing, Queues, SendError, Unavailable,
};
use orders::step::QueueName;
use parking_lot::Mutex;

use super::clock::ManualClock;
use super::faults::Faults;

/// A message in a queue.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its message id.
    pub id: u64,
    /// What it says.
    pub body: String,
    /// Its message attributes.
    pub attributes: BTreeMap<String, String>,
    /// Hidden until then.
    pub visible_at: Timestamp,
    /// How often it was received.
    pub receive_count: u32,
    /// When it was first received.
    pub first_received_at: Option<Timestamp>,
}

/// All queues and DLQs.
pub struct MemoryQueues {
    max_receive_count: u32,
    queues: Mutex<BTreeMap<QueueName, Vec<Stored>>>,
    next_id: Mutex<u64>,
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
}

/// The redrive policy of the template.
pub const MAX_RECEIVE_COUNT: u32 = 10;
const VISIBILITY: Duration = Duration::from_secs(180);

impl MemoryQueues {
    /// Empty.
    pub fn new(clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        Self::with_max_receive_count(MAX_RECEIVE_COUNT, clock, faults)
    }

    /// Empty, with another redrive policy.
    pub fn with_max_receive_count(max_receive_count: u32, clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        Self { max_receive_count, queues: Mutex::default(), next_id: Mutex::default(), clock, faults }
    }

    /// Adds a message; its id.
    pub fn put(&self, queue: QueueName, message: Outgoing) -> u64 {
        let mut next_id = self.next_id.lock();
        *next_id += 1;
        let stored = Stored {
            id: *next_id,
            body: message.body,
            attributes: message.attributes,
            visible_at: self.clock.now() + message.delay,
            receive_count: 0,
            first_received_at: None,
        };
        self.queues.lock().entry(queue).or_default().push(stored);
        *next_id
    }

    /// A copy of what a queue holds.
    pub fn messages(&self, queue: QueueName) -> Vec<Stored> {
        self.queues.lock().get(&queue).cloned().unwrap_or_default()
    }

    /// Up to ten visible messages as Lambda gets them; those over the receive count go to the DLQ instead.
    pub fn receive(&self, queue: Queue) -> SqsEvent {
        let now = self.clock.now();
        let mut queues = self.queues.lock();
        let messages = queues.entry(queue.into()).or_default();
        let (mut batch, mut dead) = (Vec::new(), Vec::new());
        messages.retain_mut(|message| {
            if message.visible_at > now || batch.len() == 10 {
                return true;
            }
            if message.receive_count >= self.max_receive_count {
                dead.push(message.clone());
                return false;
            }
            message.receive(now);
            batch.push(message.clone());
            true
        });
        queues.entry(QueueName::dlq(queue)).or_default().extend(dead);
        let mut event = SqsEvent::default();
        event.records = batch.iter().map(record).collect();
        event
    }

    /// Each message of a worker's queue by its id, and whether it can be received now.
    pub fn each(&self, queue: Queue, mut look: impl FnMut(u64, bool)) {
        let now = self.clock.now();
        if let Some(messages) = self.queues.lock().get(&queue.into()) {
            messages.iter().for_each(|message| look(message.id, message.visible_at <= now));
        }
    }

    /// The first visible message of a queue whose body is the wanted one.
    pub fn find_visible(&self, queue: Queue, wanted: impl Fn(&str) -> bool) -> Option<u64> {
        let now = self.clock.now();
        let queues = self.queues.lock();
        let mut messages = queues.get(&queue.into())?.iter();
        messages.find(|message| message.visible_at <= now && wanted(&message.body)).map(|message| message.id)
    }

    /// Receives one message, hidden or not (SQS: at least once); one that is over the receive count goes to the DLQ instead.
    pub fn receive_one(&self, queue: Queue, id: u64) -> Option<SqsMessage> {
        let now = self.clock.now();
        let mut queues = self.queues.lock();
        let messages = queues.get_mut(&queue.into())?;
        let index = messages.iter().position(|message| message.id == id)?;
        if messages[index].receive_count >= self.max_receive_count {
            let dead = messages.remove(index);
            queues.entry(QueueName::dlq(queue)).or_default().push(dead);
            return None;
        }
        messages[index].receive(now);
        Some(record(&messages[index]))
    }

    /// A message whose receives were used up elsewhere: into the DLQ.
    pub fn bury(&self, queue: Queue, id: u64) {
        let mut queues = self.queues.lock();
        let messages = queues.entry(queue.into()).or_default();
        if let Some(index) = messages.iter().position(|message| message.id == id) {
            let dead = messages.remove(index);
            queues.entry(QueueName::dlq(queue)).or_default().push(dead);
        }
    }

    /// Does the DLQ hold anything?
    pub fn has_dead_letters(&self, queue: Queue) -> bool {
        self.queues.lock().get(&QueueName::dlq(queue)).is_some_and(|dead| !dead.is_empty())
    }

    /// Deletes a message, whoever holds its receipt.
    pub fn delete(&self, queue: QueueName, id: &str) {
        self.queues.lock().entry(queue).or_default().retain(|message| message.id.to_string() != id);
    }

    /// Writes down all that is there.
    pub fn fingerprint(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        write!(to, "{:?}{:?}", self.queues.lock(), self.next_id.lock())
    }

    /// A message with this body, beside whatever is there.
    pub fn repeat(&self, queue: Queue, body: String) {
        self.put(queue.into(), Outgoing { body, ..Outgoing::default() });
    }

    /// When a message of the queue becomes visible that is hidden now.
    pub fn next_visible_after(&self, queue: Queue, now: Timestamp) -> Option<Timestamp> {
        let queues = self.queues.lock();
        let messages = queues.get(&queue.into())?;
        messages.iter().map(|message| message.visible_at).filter(|at| *at > now).min()
    }

    /// When the next message of a worker's queue becomes visible.
    pub fn next_visible(&self) -> Option<Timestamp> {
        let queues = self.queues.lock();
        let waiting = queues.iter().filter(|(name, _)| !name.dead_letters).flat_map(|(_, messages)| messages);
        waiting.map(|message| message.visible_at).min()
    }

    /// The platform's redrive: all dead letters back to their queue.
    pub fn redrive(&self, queue: Queue) {
        let mut queues = self.queues.lock();
        let dead = std::mem::take(queues.entry(QueueName::dlq(queue)).or_default());
        let back = dead.into_iter().map(|message| Stored { receive_count: 0, visible_at: self.clock.now(), ..message });
        queues.entry(queue.into()).or_default().extend(back);
    }
}

impl Stored {
    fn receive(&mut self, now: Timestamp) {
        self.receive_count += 1;
        self.first_received_at.get_or_insert(now);
        self.visible_at = now + VISIBILITY;
    }
}

fn record(stored: &Stored) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(stored.id.to_string());
    message.receipt_handle = Some(format!("{}.{}", stored.id, stored.receive_count));
    message.body = Some(stored.body.clone());
    message.attributes.insert("ApproximateReceiveCount".into(), stored.receive_count.to_string());
    for (name, value) in &stored.attributes {
        let mut attribute = SqsMessageAttribute::default();
        attribute.string_value = Some(value.clone());
        message.message_attributes.insert(name.clone(), attribute);
    }
    message
}

#[async_trait]
impl Queues for MemoryQueues {
    async fn send(&self, queue: QueueName, message: Outgoing) -> Result<(), SendError> {
        let attributes = message.attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len());
        if message.attributes.len() > MAX_MESSAGE_ATTRIBUTES {
            return Err(SendError::Invalid(format!("{} attributes", message.attributes.len())));
        }
        if message.body.is_empty() || message.body.len() + attributes.sum::<usize>() > MAX_MESSAGE_BYTES {
            return Err(SendError::Invalid(format!("a body of {} bytes", message.body.len())));
        }
        if message.delay > MAX_DELAY {
            return Err(SendError::Invalid(format!("a delay of {:?}", message.delay)));
        }
        self.faults
            .call_with(
                "Queues.send",
                || queue.to_string(),
                || {
                    self.put(queue, message);
                    Ok(())
                },
            )
            .await
    }

    async fn change_visibility(&self, queue: Queue, receipt: &str, after: Duration) -> Result<(), Unavailable> {
        self.faults
            .call_with(
                "Queues.change_visibility",
                || format!("{after:?}"),
                || {
                    let mut queues = self.queues.lock();
                    let messages = queues.entry(queue.into()).or_default();
                    let receipt_of = |message: &Stored| format!("{}.{}", message.id, message.receive_count);
                    if let Some(message) = messages.iter_mut().find(|message| receipt_of(message) == receipt) {
                        message.visible_at = self.clock.now() + after;
                    }
                    Ok(())
                },
            )
            .await
    }
}
