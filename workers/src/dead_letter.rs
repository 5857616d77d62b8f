//! The cause that a dead letter carries, as one message attribute.

use jiff::Timestamp;
use orders::{OrderId, Step};
use serde::{Deserialize, Serialize};

use crate::Delivery;

/// The attribute's name. One attribute, because SQS allows ten on a message.
pub const DEAD_LETTER: &str = "dead_letter";

const LONGEST_CAUSE: usize = 1000;

/// Why a message is in the DLQ: the JSON in its attribute [`DEAD_LETTER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// A short name to group by, such as `Unavailable`, `Undecodable`, `NotAttempted`.
    pub error: String,
    /// What went wrong, for people; cut to 1,000 characters.
    pub cause: String,
    /// The step that failed, if the message could be decoded.
    pub step: Option<Step>,
    /// The order, if the message could be decoded.
    pub order_id: Option<OrderId>,
    /// When the message was first received.
    pub first_failure: Timestamp,
    /// How often it was received.
    pub receive_count: u32,
}

impl DeadLetter {
    pub(crate) fn new(error: &str, cause: &str, about: Option<(Step, OrderId)>, delivery: &Delivery) -> Self {
        let (step, order_id) = about.unzip();
        Self {
            error: error.to_owned(),
            cause: cause.chars().take(LONGEST_CAUSE).collect(),
            step,
            order_id,
            first_failure: delivery.first_received_at,
            receive_count: delivery.receive_count,
        }
    }

    /// As the attribute's value.
    pub(crate) fn to_attribute(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialise")
    }
}
