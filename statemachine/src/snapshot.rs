//! What is kept of an execution between two events.
//!
//! A snapshot has neither the definition nor the history; it names states, so the definition it is resumed with must be
//! the one it was taken from. Field names are short because a row holds one snapshot per order; the comments say what
//! each letter is. Serialise it as JSON (its data is JSON of any shape).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::document::Document;
use crate::effect::ExecutionStatus;
use crate::execution::{Flow, FlowId};
use crate::rng::Randomness;

/// A running or finished execution without its definition. Opaque; made by [`Execution::snapshot`] and taken by
/// [`Execution::resume`].
///
/// [`Execution::snapshot`]: crate::Execution::snapshot
/// [`Execution::resume`]: crate::Execution::resume
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    #[serde(rename = "c")]
    pub(crate) context: Context,
    /// When it started.
    #[serde(rename = "t")]
    pub(crate) started: Timestamp,
    /// How often it was redriven, and when last.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) redriven: Option<(u32, Timestamp)>,
    /// Its input, kept only when the definition can read it. In a tuple, so that `null` differs from nothing.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<(Document,)>,
    #[serde(rename = "s")]
    pub(crate) status: ExecutionStatus,
    /// When the execution itself times out.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub(crate) times_out: Option<Timestamp>,
    /// The number of the last history event.
    #[serde(rename = "e")]
    pub(crate) last_event: u64,
    /// The number of the last task.
    #[serde(rename = "k")]
    pub(crate) last_task: u64,
    /// The number of the last flow.
    #[serde(rename = "l")]
    pub(crate) last_flow: FlowId,
    #[serde(rename = "r")]
    pub(crate) randomness: Randomness,
    /// The threads of control, parents before their branches.
    #[serde(rename = "f")]
    pub(crate) flows: Vec<Flow>,
}

impl Snapshot {
    /// The states it is in.
    pub fn current_states(&self) -> impl Iterator<Item = &str> {
        self.flows.iter().map(|flow| &*flow.state)
    }
}
