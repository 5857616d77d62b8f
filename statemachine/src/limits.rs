//! The service quotas that change what an execution does, and bounds where AWS names none: nothing that an author writes into
//! a definition may end the process, take its memory or hold it up.
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

/// What an execution may do before it waits for the world again: see [`crate::budget`]. AWS names no such quota.
pub(crate) const MAX_TURN_BYTES: u64 = 128 * 1024 * 1024;

/// What all branches that run at once may hold, in bytes of JSON text: it is in memory, and in each snapshot. AWS names no
/// such quota.
pub(crate) const MAX_BRANCHES_BYTES: usize = 8 * 1024 * 1024;

/// The longest time, in seconds, that any field of a definition may name.
pub(crate) const MAX_SECONDS: u64 = 99_999_999;

/// The longest delay of a retrier (`MaxDelaySeconds` must be below one leap year).
pub(crate) const MAX_DELAY_SECONDS: u64 = 31_622_400;

/// The longest definition, in bytes. Source: "Quotas related to state machine definitions".
pub(crate) const MAX_DEFINITION_BYTES: usize = 1024 * 1024;

/// The longest name of a state, in characters. Source: as above.
pub(crate) const MAX_STATE_NAME: usize = 80;

/// The deepest nesting of a definition's JSON, and so of rules, templates and branches, each of which is read by recursion.
pub(crate) const MAX_DEFINITION_DEPTH: usize = 64;

/// The longest name of any field in a definition, in bytes: every fault inside a field repeats it.
pub(crate) const MAX_FIELD_NAME_BYTES: usize = 1024;

/// How many branches all `Parallel` states of a definition have together: each is looked for among all that run.
pub(crate) const MAX_BRANCHES: usize = 1000;

/// How many faults are told of one definition.
pub(crate) const MAX_FAULTS: usize = 100;

/// How many of them come with what was probably meant, which takes longer to find out than all else.
pub(crate) const MAX_SUGGESTIONS: usize = 25;

/// The longest path, in bytes.
pub(crate) const MAX_PATH_BYTES: usize = 2048;

/// The longest way of a path: data is nowhere deeper.
pub(crate) const MAX_PATH_STEPS: usize = MAX_PAYLOAD_DEPTH;

/// How often a path may select the same place: the selectors in its brackets, multiplied.
pub(crate) const MAX_PATH_FAN: usize = 32;

/// The deepest nesting of parentheses and brackets in a path.
pub(crate) const MAX_PATH_DEPTH: usize = 8;
