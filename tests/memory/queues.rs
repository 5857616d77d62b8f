//! Queues with SQS's visibility time-out, receive count and redrive policy.

use std::collections::BTreeMap;
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

#[derive(Debug, Clone)]
pub struct Stored {
    pub id: u64,
    pub body: String,
    pub attributes: BTreeMap<String, String>,
    pub visible_at: Timestamp,
    pub receive_count: u32,
    pub first_received_at: Option<Timestamp>,
}

pub struct MemoryQueues {
    queues: Mutex<BTreeMap<QueueName, Vec<Stored>>>,
    next_id: Mutex<u64>,
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
}

pub const MAX_RECEIVE_COUNT: u32 = 10;
const VISIBILITY: Duration = Duration::from_secs(180);

impl MemoryQueues {
    pub fn new(clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        Self { queues: Mutex::default(), next_id: Mutex::default(), clock, faults }
    }

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
            if message.receive_count >= MAX_RECEIVE_COUNT {
                dead.push(message.clone());
                return false;
            }
            message.receive_count += 1;
            message.first_received_at.get_or_insert(now);
            message.visible_at = now + VISIBILITY;
            batch.push(message.clone());
            true
        });
        queues.entry(QueueName::dlq(queue)).or_default().extend(dead);
        let mut event = SqsEvent::default();
        event.records = batch.iter().map(record).collect();
        event
    }

    pub fn delete(&self, queue: QueueName, id: &str) {
        self.queues.lock().entry(queue).or_default().retain(|message| message.id.to_string() != id);
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
        self.faults.call("Queues", || {
            self.put(queue, message);
            Ok(())
        })
    }

    async fn change_visibility(&self, queue: Queue, receipt: &str, after: Duration) -> Result<(), Unavailable> {
        self.faults.call("Queues", || {
            let mut queues = self.queues.lock();
            let messages = queues.entry(queue.into()).or_default();
            let receipt_of = |message: &Stored| format!("{}.{}", message.id, message.receive_count);
            if let Some(message) = messages.iter_mut().find(|message| receipt_of(message) == receipt) {
                message.visible_at = self.clock.now() + after;
            }
            Ok(())
        })
    }
}
