//! What SQS takes: the rules for a message on its way into a queue, the same in both worlds.

use crate::ports::{MAX_DELAY, MAX_MESSAGE_ATTRIBUTES, MAX_MESSAGE_BYTES, Outgoing, SendError};

/// A message attribute's type, counted as SQS counts it.
const TYPE: &str = "String";

impl Outgoing {
    /// Checks the message as SQS would (Amazon SQS API reference, SendMessage and MessageAttributeValue).
    ///
    /// # Errors
    /// [`SendError::Invalid`], with the rule that it breaks.
    pub fn check(&self) -> Result<(), SendError> {
        let invalid = |why: String| Err(SendError::Invalid(why));
        if self.body.is_empty() {
            return invalid("the body is empty".to_owned());
        }
        if self.attributes.len() > MAX_MESSAGE_ATTRIBUTES {
            return invalid(format!("{} attributes, {MAX_MESSAGE_ATTRIBUTES} at most", self.attributes.len()));
        }
        if self.delay > MAX_DELAY {
            return invalid(format!("a delay of {} s, {} s at most", self.delay.as_secs(), MAX_DELAY.as_secs()));
        }
        let mut bytes = self.body.len();
        for (name, value) in &self.attributes {
            if !is_attribute_name(name) {
                return invalid(
                    "an attribute's name is 1 to 256 of A-Z, a-z, 0-9, `_`, `-` and `.`, not AWS's".to_owned(),
                );
            }
            if value.is_empty() {
                return invalid(format!("the attribute `{name}` is empty"));
            }
            bytes += name.len() + TYPE.len() + value.len();
        }
        if bytes > MAX_MESSAGE_BYTES {
            return invalid(format!("{bytes} bytes with its attributes, {MAX_MESSAGE_BYTES} at most"));
        }
        let texts = std::iter::once(&self.body).chain(self.attributes.values());
        if texts.into_iter().any(|text| !text.chars().all(is_allowed)) {
            return invalid("a control character that XML does not allow".to_owned());
        }
        Ok(())
    }
}

fn is_attribute_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=256).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.")
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
}

/// SendMessage: `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`.
const fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
