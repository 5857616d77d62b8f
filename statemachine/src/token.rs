//! Task tokens: the capability that a worker answers a task with.
//!
//! A token says which execution and which task it belongs to, so the caller can route an answer without a table, and
//! carries 128 random bits, so nobody can make one up. Not for deciding whether the task is still open: that is
//! [`Execution::task_of`](crate::Execution::task_of).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;
const NONCE: usize = 16;
const HEAD: usize = 1 + 8 + NONCE;

/// The number of one scheduled task within its execution. A retry is another task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(u64);

impl TaskId {
    /// The task with this number; for callers that store the number in a column.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, starting at 1 in each execution.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An opaque text (base64url, no padding) that answers one task. Treat it as a secret: whoever has it can answer.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskToken(String);

impl TaskToken {
    pub(crate) fn new(execution_name: &str, task: TaskId, nonce: &[u8; NONCE]) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + execution_name.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&task.0.to_be_bytes());
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(execution_name.as_bytes());
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The execution's name and the task that the text claims to be for, or `None` when it is no token at all
    /// (`InvalidToken`). The claim is unproven until [`Execution::task_of`](crate::Execution::task_of) confirms it.
    pub fn parse(text: &str) -> Option<(String, TaskId)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        if bytes.len() < HEAD || bytes[0] != VERSION {
            return None;
        }
        let task = u64::from_be_bytes(bytes[1..9].try_into().ok()?);
        let name = String::from_utf8(bytes[HEAD..].to_vec()).ok()?;
        Some((name, TaskId(task)))
    }

    /// The token that came over the wire, taken as it is.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text that goes into messages.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not tell how much of a guess was right.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
    }
}

impl fmt::Display for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Tokens end up in logs through `{:?}`; only the claim may be seen there.
impl fmt::Debug for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::parse(&self.0) {
            Some((name, task)) => write!(f, "TaskToken({name}#{task})"),
            None => write!(f, "TaskToken(invalid)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_execution_and_task() {
        let token = TaskToken::new("order-ä-1", TaskId(42), &[9; 16]);
        assert_eq!(TaskToken::parse(token.as_str()), Some(("order-ä-1".to_owned(), TaskId(42))));
        assert!(!token.as_str().contains('='));
    }

    #[test]
    fn any_other_text_is_no_token() {
        for text in ["", "abc", "ÄÖ", "AAAA", &"A".repeat(40)] {
            assert_eq!(TaskToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_debug_print_keeps_the_secret() {
        let token = TaskToken::new("order-1", TaskId(1), &[9; 16]);
        assert_eq!(format!("{token:?}"), "TaskToken(order-1#1)");
    }
}
