//! Changing a dead letter's body before it is replayed, and checking that its queue can read it. Not for sending it.

use orders::message::{EmailMessage, InventoryMessage, Message, OrdersMessage, PaymentMessage, Task};
use orders::ports::MAX_MESSAGE_BYTES;
use orders::{OrderId, Queue, Step};
use producer::misfit;
use serde::de::DeserializeOwned;

use crate::Letter;
use crate::worth::Asked;

/// Reads a body as the queue's worker does.
///
/// # Errors
/// What is wrong.
pub(crate) fn read(queue: Queue, body: &str) -> Result<Asked, String> {
    fn message<M: DeserializeOwned + Message>(body: &str, task: fn(M) -> Option<Task>) -> Result<Asked, String> {
        let message: M = serde_json::from_str(body).map_err(|error| misfit::of_json(&error))?;
        Ok(Asked { step: message.step(), order_id: message.order_id().clone(), task: task(message) })
    }
    match queue {
        Queue::Orders => message(body, |message| match message {
            OrdersMessage::Dispatch(_) => None,
            OrdersMessage::CloseOrder(task) => Some(task),
        }),
        Queue::Inventory => message(body, |message| match message {
            InventoryMessage::ReserveInventory(task) | InventoryMessage::ReleaseInventory(task) => Some(task),
        }),
        Queue::Payments => message(body, |message| match message {
            PaymentMessage::ChargePayment(task) | PaymentMessage::RefundPayment(task) => Some(task),
        }),
        Queue::Emails => message(body, |message| match message {
            EmailMessage::SendConfirmation(task) | EmailMessage::NotifyRejected(task) => Some(task),
        }),
    }
}

/// Reads a body as the queue's worker does: its step and order, or what is wrong with it.
///
/// # Errors
/// What is wrong.
pub fn check_body(queue: Queue, body: &str) -> Result<(Step, OrderId), String> {
    read(queue, body).map(|asked| (asked.step, asked.order_id))
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
        assert!(check_body(Queue::Payments, &body).unwrap_err().contains("not one of ChargePayment"));
        assert!(check_body(Queue::Orders, "poison").is_err());
    }

    #[test]
    fn an_edited_body_is_no_larger_than_a_message_may_be() {
        let why = checked(Queue::Orders, " ".repeat(MAX_MESSAGE_BYTES + 1)).unwrap_err();
        assert!(why.contains("1048577 bytes after the edit"), "{why}");
    }
}
