//! Changing a dead letter's body before it is replayed, and checking that its queue can read it. Not for sending it.

use orders::message::{EmailMessage, InventoryMessage, Message, OrdersMessage, PaymentMessage};
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
    check_body(queue, &body).map_err(|why| format!("not a message of {queue} after the edit: {why}"))?;
    Ok(body)
}

/// Applies a JSON Patch (RFC 6902) to a body.
///
/// # Errors
/// Why it can't be applied.
pub fn patched(body: &str, patch: &json_patch::Patch) -> Result<String, String> {
    let mut document = serde_json::from_str(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    json_patch::patch(&mut document, patch).map_err(|error| error.to_string())?;
    Ok(document.to_string())
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
    fn a_patch_changes_the_body_or_says_why_not() {
        let patch = |text: &str| serde_json::from_str::<json_patch::Patch>(text).unwrap();
        let replaced = patch(r#"[{"op":"replace","path":"/a","value":2}]"#);
        assert_eq!(patched(r#"{"a":1}"#, &replaced).unwrap(), r#"{"a":2}"#);
        assert!(patched(r#"{"b":1}"#, &replaced).is_err());
        assert!(patched("poison", &replaced).unwrap_err().contains("not JSON"));
    }
}
