//! The shape of a workflow as a reader sees it: states, what leads from one to another, which of them are the happy path
//! and which only undo. Everything here follows from the structure; names mean nothing. Not for positions.

use serde::Serialize;
use statemachine::{Definition, Integration, Pattern, StateKind, StateView, TransitionKind};

use crate::flow::Flow;

/// One `StartAt` with its states, the first of which is the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) states: Vec<State>,
    pub(crate) transitions: Vec<Transition>,
}

/// One state.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// What it does, in a few words.
    pub(crate) detail: String,
    pub(crate) comment: Option<String>,
    /// The most retries that any error gets; 0 when nothing is retried.
    pub(crate) retries: u64,
    pub(crate) ends: bool,
    pub(crate) side: Side,
    /// Whether it is on the path that its side is drawn along.
    pub(crate) happy: bool,
    pub(crate) branches: Vec<Machine>,
}

/// What a state is for, in a line: its comment's first sentence, or else what it does.
pub(crate) fn summary<'s>(comment: Option<&'s str>, detail: &'s str) -> &'s str {
    let first = comment.map_or(detail, |comment| comment.split(". ").next().unwrap_or(comment));
    first.strip_suffix('.').unwrap_or(first)
}

/// The type of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the language's")]
pub enum Kind {
    Pass,
    Task,
    Choice,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
}

impl Kind {
    /// The name in the language.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Task => "Task",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }
}

/// Where a state is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Reachable without any failure.
    Main,
    /// Reachable only through a `Catch`.
    Compensation,
}

/// All the ways from one state to another that mean the same to a reader.
#[derive(Clone, Debug)]
pub(crate) struct Transition {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) kind: EdgeKind,
    /// Conditions of a `Choice`, or errors of a `Catch`.
    pub(crate) causes: Vec<String>,
}

/// What an edge stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeKind {
    /// From the start marker.
    Start,
    /// `Next`.
    Next,
    /// A rule of a `Choice`, or its `Default`.
    Choice,
    /// A `Catch`.
    Catch,
    /// To an end marker.
    End,
}

impl EdgeKind {
    pub(crate) const fn of(kind: &TransitionKind<'_>) -> Self {
        match kind {
            TransitionKind::Next => Self::Next,
            TransitionKind::Choice { .. } | TransitionKind::Default => Self::Choice,
            TransitionKind::Catch { .. } => Self::Catch,
        }
    }

    /// The word for it in attributes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Next => "next",
            Self::Choice => "choice",
            Self::Catch => "catch",
            Self::End => "end",
        }
    }
}

impl Machine {
    /// The top level of a definition.
    pub(crate) fn of(definition: &Definition) -> Self {
        Self::read(definition.states())
    }

    fn read<'d>(views: impl Iterator<Item = StateView<'d>>) -> Self {
        let views: Vec<StateView<'d>> = views.collect();
        let states = views.iter().map(State::read).collect();
        let place = |name: &str| views.iter().position(|view| view.name() == name);
        let mut machine = Self { states, transitions: Vec::new() };
        for (from, view) in views.iter().enumerate() {
            let one_of_many = view.catchers().len() > 1;
            for transition in view.transitions() {
                // A target is always in the same machine: the definition has been validated.
                let Some(to) = place(transition.to) else { continue };
                let kind = EdgeKind::of(&transition.kind);
                let causes = match transition.kind {
                    TransitionKind::Next => Vec::new(),
                    TransitionKind::Choice { condition } => vec![condition],
                    TransitionKind::Default => vec!["otherwise".to_owned()],
                    TransitionKind::Catch { errors } => {
                        errors.iter().map(|error| error_text(error, one_of_many)).collect()
                    }
                };
                machine.add(from, to, kind, causes);
            }
        }
        machine.arrange();
        machine
    }

    fn add(&mut self, from: usize, to: usize, kind: EdgeKind, causes: Vec<String>) {
        let same = |other: &&mut Transition| (other.from, other.to, other.kind) == (from, to, kind);
        match self.transitions.iter_mut().find(same) {
            Some(transition) => transition.causes.extend(causes),
            None => self.transitions.push(Transition { from, to, kind, causes }),
        }
    }

    /// Finds the sides and the happy paths.
    pub(crate) fn arrange(&mut self) {
        let mut reached = vec![false; self.states.len()];
        let mut open: Vec<usize> = (0..self.states.len().min(1)).collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                let onward = self.transitions.iter().filter(|it| it.from == at && it.kind != EdgeKind::Catch);
                open.extend(onward.map(|it| it.to));
            }
        }
        for (state, reached) in self.states.iter_mut().zip(reached) {
            state.side = if reached { Side::Main } else { Side::Compensation };
        }
        let flow = Flow::of(self);
        for side in [Side::Main, Side::Compensation] {
            flow.happy_path(self, side).into_iter().for_each(|at| self.states[at].happy = true);
        }
    }
}

impl State {
    fn read(view: &StateView<'_>) -> Self {
        let kind = match view.kind() {
            StateKind::Pass => Kind::Pass,
            StateKind::Task => Kind::Task,
            StateKind::Choice => Kind::Choice,
            StateKind::Wait => Kind::Wait,
            StateKind::Succeed => Kind::Succeed,
            StateKind::Fail => Kind::Fail,
            StateKind::Parallel => Kind::Parallel,
            // The one kind of state that the language has beyond these.
            _ => Kind::Map,
        };
        Self {
            name: view.name().to_owned(),
            kind,
            detail: detail(view, kind),
            comment: view.comment().map(str::to_owned),
            retries: view.retriers().iter().map(statemachine::Retrier::max_attempts).max().unwrap_or(0),
            ends: view.is_end(),
            side: Side::Main,
            happy: false,
            branches: view.branches().iter().map(|branch| Machine::read(branch.states())).collect(),
        }
    }
}

fn detail(view: &StateView<'_>, kind: Kind) -> String {
    let Some(task) = view.task() else { return kind.name().to_owned() };
    match task.integration {
        Integration::Lambda => format!("Lambda {}", task.resource.rsplit(':').next().unwrap_or_default()),
        Integration::Activity => format!("Activity {}", task.resource.rsplit(':').next().unwrap_or_default()),
        Integration::Service { service, action, pattern } => {
            let service = service.trim_start_matches("aws-sdk:");
            match pattern {
                Pattern::RequestResponse => format!("{service} {action}"),
                Pattern::RunAJob => format!("{service} {action}, until done"),
                Pattern::WaitForTaskToken => format!("{service} {action}, until answered"),
            }
        }
    }
}

/// `States.ALL` in words: it means whatever the catchers before it did not.
fn error_text(error: &str, one_of_many: bool) -> String {
    match (error, one_of_many) {
        ("States.ALL", false) => "any error".to_owned(),
        ("States.ALL", true) => "any other error".to_owned(),
        (name, _) => name.to_owned(),
    }
}
