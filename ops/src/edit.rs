//! Changing a dead letter's body before it is replayed, and checking that its queue can read it. Not for sending it.

use orders::message::{EmailMessage, InventoryMessage, Message, OrdersMessage, PaymentMessage};
use orders::ports::MAX_MESSAGE_BYTES;
use orders::{OrderId, Queue, Step};
use serde::de::DeserializeOwned;

use crate::Letter;

/// Reads a body as the queue's worker does: its step and order, or what is wrong with it.
///
/// # Errors
/// What is wrong, in the decoder's words.
pub fn check_body(queue: Queue, body: &str) -> Result<(Step, OrderId), String> {
    fn read<M: DeserializeOwned + Message>(body: &str) -> Result<(Step, OrderId), String> {
        let message: M = serde_json::from_str(body).map_err(|error| error.to_string())?;
        Ok((message.step(), message.order_id().clone()))
    }
    match queue {
        Queue::Orders => read::<OrdersMessage>(body),
        Queue::Inventory => read::<InventoryMessage>(body),
        Queue::Payments => read::<PaymentMessage>(body),
        Queue::Emails => read::<EmailMessage>(body),
    }
}

/// A changed body, if its queue can read it.
///
/// # Errors
/// Why it can't.
pub fn checked(queue: Queue, body: String) -> Result<String, String> {
    if body.len() > MAX_MESSAGE_BYTES {
        return Err(format!("{} bytes after the edit; a message has {MAX_MESSAGE_BYTES} at most", body.len()));
    }
    check_body(queue, &body).map_err(|why| format!("not a message of {queue} after the edit: {why}"))?;
    Ok(body)
}

/// Gives a dead letter another body; `None` leaves it as it is.
pub type Change<'c> = dyn Fn(&Letter) -> Result<Option<String>, String> + Send + Sync + 'c;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_must_be_a_message_of_its_queue() {
        let id = format!("ord_{}", "0".repeat(26));
        let body = format!(r#"{{"step":"Dispatch","order_id":"{id}","trace_id":"{}"}}"#, "ab".repeat(16));
        assert_eq!(check_body(Queue::Orders, &body), Ok((Step::Dispatch, id.parse().unwrap())));
        assert!(check_body(Queue::Payments, &body).unwrap_err().contains("Dispatch"));
        assert!(check_body(Queue::Orders, "poison").is_err());
    }

    #[test]
    fn an_edited_body_is_no_larger_than_a_message_may_be() {
        let why = checked(Queue::Orders, " ".repeat(MAX_MESSAGE_BYTES + 1)).unwrap_err();
        assert!(why.contains("1048577 bytes after the edit"), "{why}");
    }
}
