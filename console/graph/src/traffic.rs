//! Many executions at once: how many are in each state, and how fast they move. Only the shape; who asks counts.

use std::collections::BTreeMap;

use crate::model::EdgeKind;

/// What is going on in all executions of a definition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// By the name of the state.
    pub states: BTreeMap<String, Load>,
    /// Only those that are taken.
    pub edges: Vec<Rate>,
}

/// How many executions a state holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// In it now.
    pub now: u64,
    /// Failed in it, within the time that is looked at.
    pub failed: u64,
}

/// How often a transition is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// The state that is left; none for the start.
    pub from: Option<String>,
    /// The state that is entered; none for the end.
    pub to: Option<String>,
    /// What takes it.
    pub kind: EdgeKind,
    /// Times per minute.
    pub per_minute: f64,
}
