//! What the queue says about a record, read once; and the time, asked anew each time.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use orders::order::Attempt;
use orders::ports::Clock;

/// One delivery of a message.
#[derive(Clone)]
pub struct Delivery {
    /// The message id that a batch response names.
    pub message_id: String,
    /// Stands for this receive when visibility is changed.
    pub receipt_handle: Option<String>,
    /// How often the message was received, this time included (`ApproximateReceiveCount`).
    pub receive_count: u32,
    /// When it was first received (`ApproximateFirstReceiveTimestamp`).
    pub first_received_at: Timestamp,
    clock: Arc<dyn Clock>,
}

impl Delivery {
    /// `None` if the record has no message id.
    pub(crate) fn of(record: &SqsMessage, clock: &Arc<dyn Clock>) -> Option<Self> {
        let attribute = |name: &str| record.attributes.get(name);
        Some(Self {
            message_id: record.message_id.clone().filter(|id| !id.is_empty())?,
            receipt_handle: record.receipt_handle.clone(),
            receive_count: attribute("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1),
            first_received_at: attribute("ApproximateFirstReceiveTimestamp")
                .and_then(|millis| Timestamp::from_millisecond(millis.parse().ok()?).ok())
                .unwrap_or_else(|| clock.now()),
            clock: Arc::clone(clock),
        })
    }

    /// Now: a record may have waited behind others of its batch.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What a step records of an outcome that is decided now.
    pub fn attempt(&self) -> Attempt {
        Attempt { at: self.now(), number: self.receive_count }
    }
}
