//! The service quotas that change what an execution does.
//!
//! Source: AWS Step Functions Developer Guide, "Step Functions service quotas" and "Avoid reaching the history quota".
//! Not for quotas of the service's API (request rates, name lengths): those are the caller's.

/// The longest history: the event with this number is the last one, and only `ExecutionSucceeded` may be it.
pub(crate) const MAX_HISTORY_EVENTS: u64 = 25_000;

/// The largest input, result or output of a state, in bytes of UTF-8 JSON text.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

/// The deepest nesting of a state's input, result or output. AWS names no such quota; without one, a loop whose
/// `Parameters` wrap their own input would nest until a stack ends, and `serde_json` reads back no more than 128 levels.
pub(crate) const MAX_PAYLOAD_DEPTH: usize = 100;

/// The longest time, in seconds, that any field of a definition may name.
pub(crate) const MAX_SECONDS: u64 = 99_999_999;

/// The longest delay of a retrier (`MaxDelaySeconds` must be below one leap year).
pub(crate) const MAX_DELAY_SECONDS: u64 = 31_622_400;
