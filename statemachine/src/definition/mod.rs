//! A workflow definition, compiled: names are resolved, paths and templates parsed, and every rule of the language that
//! can be checked ahead has been. Immutable, and shared by all executions that run it.
//!
//! [`load`] reads and compiles, [`fault`] is what it can say, [`view`] is what a graph or a test reads. Not for running:
//! that is `crate::execution`.

mod choice;
mod fault;
mod fields;
mod json;
mod load;
mod reach;
mod recovery;
mod view;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

pub use choice::choice_operators;
pub use fault::{Fault, InvalidDefinition};
pub use view::{MachineView, StateKind, StateView, TaskView, Transition, TransitionKind};

use crate::choice::Rule;
use crate::path::{Path, Root};
use crate::reference::ResultPath;
use crate::resource::Resource;
use crate::retry::{Catcher, Retrier};
use crate::template::Template;

/// A parsed and validated workflow definition.
#[derive(Debug)]
pub struct Definition {
    text: String,
    comment: Option<String>,
    /// The execution's own `TimeoutSeconds`.
    pub(crate) timeout_seconds: Option<u64>,
    /// The top level first, then the branches of `Parallel` states.
    machines: Vec<Machine>,
    states: Vec<State>,
    by_name: HashMap<Arc<str>, StateIndex>,
    /// Whether any path can read `$$.Execution.Input`; when not, an execution need not keep its input.
    pub(crate) reads_execution_input: bool,
}

/// A state's place in its definition. Never stored: snapshots hold names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StateIndex(usize);

/// A machine's place in its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MachineIndex(usize);

/// One `StartAt` with its `States`.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) start: StateIndex,
    /// In the order in which a reader meets them from `StartAt` on.
    pub(crate) states: Vec<StateIndex>,
}

/// A compiled state. Fields that a kind of state does not have are at their defaults.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: Arc<str>,
    comment: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) input_path: Selection,
    pub(crate) parameters: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: ResultPath,
    pub(crate) output_path: Selection,
    pub(crate) next: Next,
    pub(crate) retriers: Vec<Retrier>,
    pub(crate) catchers: Vec<Catcher>,
}

/// `InputPath` and `OutputPath`.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// Absent or `$`.
    Whole,
    /// `null`: an empty object.
    Nothing,
    Path(Path),
}

/// Where a state goes when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    End,
    State(StateIndex),
}

/// What is particular to a kind of state.
#[derive(Debug)]
pub(crate) enum Kind {
    Pass { result: Option<Value> },
    Task(TaskState),
    Choice { rules: Vec<(Rule, StateIndex)>, default: Option<StateIndex> },
    Wait(Until),
    Succeed,
    Fail { error: Option<Text>, cause: Option<Text> },
    Parallel { branches: Vec<MachineIndex> },
}

#[derive(Debug)]
pub(crate) struct TaskState {
    pub(crate) resource: Arc<Resource>,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) heartbeat: Option<Seconds>,
    pub(crate) credentials: Option<Template>,
}

/// A number of seconds: written down, or looked up in the state's input.
#[derive(Clone, Debug)]
pub(crate) enum Seconds {
    Fixed(u64),
    Path(Path),
}

/// How long a `Wait` waits.
#[derive(Debug)]
pub(crate) enum Until {
    Seconds(u64),
    SecondsPath(Path),
    Timestamp(jiff::Timestamp),
    TimestampPath(Path),
}

/// `Error` and `Cause` of a `Fail`.
#[derive(Debug)]
pub(crate) enum Text {
    Fixed(String),
    Path(Path),
}

impl Definition {
    /// Parses and validates a definition.
    ///
    /// # Errors
    ///
    /// All faults that were found, each naming its state and field; or where the text stops being JSON.
    pub fn parse(text: &str) -> Result<Self, InvalidDefinition> {
        load::load(text)
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn state(&self, index: StateIndex) -> &State {
        // Indices are only made while loading this definition and never leave it.
        &self.states[index.0]
    }

    pub(crate) fn machine(&self, index: MachineIndex) -> &Machine {
        &self.machines[index.0]
    }

    /// The top level.
    pub(crate) fn root(&self) -> MachineIndex {
        MachineIndex(0)
    }

    pub(crate) fn find(&self, name: &str) -> Option<StateIndex> {
        self.by_name.get(name).copied()
    }
}

impl State {
    /// Whether a `Retry` can apply here, and so `$$.State.RetryCount` exists.
    pub(crate) fn can_be_retried(&self) -> bool {
        matches!(self.kind, Kind::Task(_) | Kind::Parallel { .. })
    }

    /// Every path that this state may evaluate.
    fn paths(&self) -> Vec<&Path> {
        let mut found = Vec::new();
        for selection in [&self.input_path, &self.output_path] {
            if let Selection::Path(path) = selection {
                found.push(path);
            }
        }
        for template in [&self.parameters, &self.result_selector].into_iter().flatten() {
            template.paths(&mut found);
        }
        match &self.kind {
            Kind::Task(task) => {
                for seconds in [&task.timeout, &task.heartbeat].into_iter().flatten() {
                    if let Seconds::Path(path) = seconds {
                        found.push(path);
                    }
                }
                if let Some(template) = &task.credentials {
                    template.paths(&mut found);
                }
            }
            Kind::Choice { rules, .. } => rules.iter().for_each(|(rule, _)| rule.paths(&mut found)),
            Kind::Wait(Until::SecondsPath(path) | Until::TimestampPath(path)) => found.push(path),
            Kind::Fail { error, cause } => {
                for text in [error, cause].into_iter().flatten() {
                    if let Text::Path(path) = text {
                        found.push(path);
                    }
                }
            }
            Kind::Wait(_) | Kind::Pass { .. } | Kind::Succeed | Kind::Parallel { .. } => {}
        }
        found
    }

    /// Whether a path of this state can read `$$.Execution.Input`.
    fn reads_execution_input(&self) -> bool {
        use crate::path::Segment::Field;
        self.paths().into_iter().filter(|path| path.root() == Root::Context).any(|path| match path.definite() {
            Some([Field(part), Field(field), ..]) => part == "Execution" && field == "Input",
            Some([Field(part)]) => part == "Execution",
            _ => true,
        })
    }
}
