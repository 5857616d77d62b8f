//! Going on with an execution that ended badly (Step Functions: `RedriveExecution`). Not for deciding whether that is wise.
//!
//! What an execution was doing is forgotten when it ends; its history knows. So the caller finds the state that did not
//! succeed there, with its input, and the engine goes on from it with all its retries before it. The state counts as entered
//! anew: a worker that heeds `$$.State.EnteredTime` must not take the step for one that is long over.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::turn::Turn;
use super::{Execution, timers};
use crate::document::Document;
use crate::effect::{Effect, ExecutionStatus};

/// From where to go on, as the history tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Redrive {
    /// The name of the state that did not succeed: that of the last `…StateEntered` event.
    pub state: String,
    /// What it was given: that event's `input`.
    pub input: Value,
    /// What the execution was given: the `input` of `ExecutionStarted`.
    pub execution_input: Value,
    /// How often it has been redriven, this time included.
    pub count: u32,
}

/// An execution can't go on. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRedrivable {
    /// It runs, or has succeeded.
    #[error("only an execution that failed, was aborted or timed out can be redriven")]
    Status,
    /// It has no such state outside of branches.
    #[error("the definition has no state `{0}` outside of branches")]
    State(String),
}

impl Execution {
    /// Goes on from a state that did not succeed, until it needs the world.
    ///
    /// # Errors
    /// [`NotRedrivable`], and nothing changes.
    pub fn redrive(&mut self, from: Redrive, now: Timestamp) -> Result<Vec<Effect>, NotRedrivable> {
        if matches!(self.run.status, ExecutionStatus::Running | ExecutionStatus::Succeeded) {
            return Err(NotRedrivable::Status);
        }
        let index = self.definition.find(&from.state);
        let states = &self.definition.machine(self.definition.root()).states;
        let index = index.filter(|index| states.contains(index)).ok_or(NotRedrivable::State(from.state))?;
        self.run.status = ExecutionStatus::Running;
        self.run.redriven = Some((from.count, now));
        self.run.times_out = self.definition.timeout_seconds.map(|seconds| timers::after(now, seconds));
        self.run.input = self.definition.reads_execution_input.then(|| (Document::new(from.execution_input),));
        let definition = Arc::clone(&self.definition);
        let mut turn = Turn::new(&definition, &mut self.run, now);
        turn.redrive(index, &Document::new(from.input), from.count);
        Ok(turn.finish(None))
    }
}
