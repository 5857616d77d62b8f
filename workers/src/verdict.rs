//! What a worker says of one message. Only the batch core acts on it.

use orders::{RejectReason, Retry, StepError};
use serde_json::Value;

/// What is to become of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The step is done: answer its task with this output, and acknowledge.
    Succeed(Value),
    /// The step is rejected, and that is recorded: fail its task with the reason, and acknowledge.
    Reject(RejectReason),
    /// A technical failure: back to the queue, or to the DLQ on the last receive.
    Retry(Retry),
    /// Nothing to do and nobody to answer.
    Acknowledge,
    /// No retry can help: to the DLQ at once.
    DeadLetter {
        /// A short name to group by.
        error: &'static str,
        /// What is wrong, for people.
        cause: String,
    },
}

impl Verdict {
    /// The message's order is not in the store (it expired, or never was).
    pub(crate) fn order_not_found() -> Self {
        Self::DeadLetter { error: "OrderNotFound", cause: "the store has no such order".to_owned() }
    }
}

/// A forward step: it may succeed, be rejected, or be retried.
impl From<Result<Value, StepError>> for Verdict {
    fn from(result: Result<Value, StepError>) -> Self {
        match result {
            Ok(output) => Verdict::Succeed(output),
            Err(StepError::Reject(reason)) => Verdict::Reject(reason),
            Err(StepError::Retry(retry)) => Verdict::Retry(retry),
        }
    }
}

/// A compensation or a notification: it can only succeed or be retried.
impl From<Result<Value, Retry>> for Verdict {
    fn from(result: Result<Value, Retry>) -> Self {
        result.map_or_else(Verdict::Retry, Verdict::Succeed)
    }
}
