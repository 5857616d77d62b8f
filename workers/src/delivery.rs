//! What the queue says about a record, read once.

use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use orders::order::Attempt;

/// One delivery of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message id that a batch response names.
    pub message_id: String,
    /// Stands for this receive when visibility is changed.
    pub receipt_handle: Option<String>,
    /// How often the message was received, this time included (`ApproximateReceiveCount`).
    pub receive_count: u32,
    /// When it was first received (`ApproximateFirstReceiveTimestamp`).
    pub first_received_at: Timestamp,
    /// When this delivery began to be handled.
    pub at: Timestamp,
}

impl Delivery {
    /// `None` if the record has no message id.
    pub(crate) fn of(record: &SqsMessage, now: Timestamp) -> Option<Self> {
        let attribute = |name: &str| record.attributes.get(name);
        Some(Self {
            message_id: record.message_id.clone().filter(|id| !id.is_empty())?,
            receipt_handle: record.receipt_handle.clone(),
            receive_count: attribute("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1),
            first_received_at: attribute("ApproximateFirstReceiveTimestamp")
                .and_then(|millis| Timestamp::from_millisecond(millis.parse().ok()?).ok())
                .unwrap_or(now),
            at: now,
        })
    }

    /// What a step records of this delivery.
    pub const fn attempt(&self) -> Attempt {
        Attempt { at: self.at, number: self.receive_count }
    }
}
