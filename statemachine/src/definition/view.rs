//! Reading a definition: what a graph, a console or a test wants to know of it, by name.

use super::{Definition, Kind, MachineIndex, Next, Seconds, State, StateIndex};
use crate::reference::ResultPath;
use crate::resource::Integration;
use crate::retry::{Catcher, Retrier};

impl Definition {
    /// The definition's own `Comment`.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The execution's own `TimeoutSeconds`.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    /// The name of the first state.
    pub fn start_at(&self) -> &str {
        self.top().start_at()
    }

    /// The states of the top level, in the order in which a reader meets them from `StartAt` on.
    pub fn states(&self) -> impl Iterator<Item = StateView<'_>> {
        self.top().states()
    }

    /// The state of this name, also from within a branch.
    pub fn state_named(&self, name: &str) -> Option<StateView<'_>> {
        self.find(name).map(|index| StateView { definition: self, index })
    }

    fn top(&self) -> MachineView<'_> {
        MachineView { definition: self, index: self.root() }
    }
}

/// One `StartAt` with its states: the top level or a branch.
#[derive(Clone, Copy, Debug)]
pub struct MachineView<'d> {
    definition: &'d Definition,
    index: MachineIndex,
}

impl<'d> MachineView<'d> {
    /// The name of the first state.
    pub fn start_at(&self) -> &'d str {
        &self.definition.state(self.definition.machine(self.index).start).name
    }

    /// Its states, in the order in which a reader meets them.
    pub fn states(&self) -> impl Iterator<Item = StateView<'d>> + use<'d> {
        let definition = self.definition;
        definition.machine(self.index).states.iter().map(move |index| StateView { definition, index: *index })
    }
}

/// The type of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StateKind {
    /// Hands its input on, maybe changed.
    Pass,
    /// Has something done outside.
    Task,
    /// Decides where to go.
    Choice,
    /// Waits for a time.
    Wait,
    /// Ends its machine well.
    Succeed,
    /// Ends its machine with an error.
    Fail,
    /// Runs branches at the same time.
    Parallel,
}

/// One way out of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition<'d> {
    /// What takes it.
    pub kind: TransitionKind<'d>,
    /// The name of the state it leads to.
    pub to: &'d str,
}

/// What takes a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransitionKind<'d> {
    /// The state is done.
    Next,
    /// A rule of a `Choice` holds; its text is for people.
    Choice {
        /// The rule, such as `$.total > 100`.
        condition: String,
    },
    /// No rule of a `Choice` holds.
    Default,
    /// The state failed with one of these errors.
    Catch {
        /// The names in `ErrorEquals`.
        errors: &'d [String],
    },
}

/// One state.
#[derive(Clone, Copy, Debug)]
pub struct StateView<'d> {
    definition: &'d Definition,
    index: StateIndex,
}

impl<'d> StateView<'d> {
    fn state(&self) -> &'d State {
        self.definition.state(self.index)
    }

    fn name_of(&self, index: StateIndex) -> &'d str {
        &self.definition.state(index).name
    }

    /// Its name, unique in the definition.
    pub fn name(&self) -> &'d str {
        &self.state().name
    }

    /// Its `Comment`.
    pub fn comment(&self) -> Option<&'d str> {
        self.state().comment.as_deref()
    }

    /// Its `Type`.
    pub fn kind(&self) -> StateKind {
        match self.state().kind {
            Kind::Pass { .. } => StateKind::Pass,
            Kind::Task(_) => StateKind::Task,
            Kind::Choice { .. } => StateKind::Choice,
            Kind::Wait(_) => StateKind::Wait,
            Kind::Succeed => StateKind::Succeed,
            Kind::Fail { .. } => StateKind::Fail,
            Kind::Parallel { .. } => StateKind::Parallel,
        }
    }

    /// Whether the machine ends when this state is done: `End`, `Succeed` and `Fail`.
    pub fn is_end(&self) -> bool {
        self.state().next == Next::End && self.kind() != StateKind::Choice
    }

    /// Every way out, in the order of the definition.
    pub fn transitions(&self) -> Vec<Transition<'d>> {
        let state = self.state();
        let mut transitions = Vec::new();
        match (&state.kind, state.next) {
            (Kind::Choice { rules, default }, _) => {
                transitions.extend(rules.iter().map(|(rule, to)| Transition {
                    kind: TransitionKind::Choice { condition: rule.to_string() },
                    to: self.name_of(*to),
                }));
                transitions
                    .extend(default.map(|to| Transition { kind: TransitionKind::Default, to: self.name_of(to) }));
            }
            (_, Next::State(to)) => transitions.push(Transition { kind: TransitionKind::Next, to: self.name_of(to) }),
            (_, Next::End) => {}
        }
        transitions.extend(state.catchers.iter().map(|catcher| Transition {
            kind: TransitionKind::Catch { errors: &catcher.errors },
            to: self.name_of(catcher.next),
        }));
        transitions
    }

    /// The branches of a `Parallel`; none for others.
    pub fn branches(&self) -> Vec<MachineView<'d>> {
        match &self.state().kind {
            Kind::Parallel { branches } => {
                branches.iter().map(|index| MachineView { definition: self.definition, index: *index }).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What a `Task` has done and how long it may take; `None` for others.
    pub fn task(&self) -> Option<TaskView<'d>> {
        let Kind::Task(task) = &self.state().kind else { return None };
        let fixed = |seconds: &Option<Seconds>| match seconds {
            Some(Seconds::Fixed(seconds)) => Some(*seconds),
            Some(Seconds::Path(_)) | None => None,
        };
        Some(TaskView {
            resource: &task.resource.arn,
            integration: &task.resource.integration,
            timeout_seconds: fixed(&task.timeout),
            heartbeat_seconds: fixed(&task.heartbeat),
        })
    }

    /// The elements of `Retry`, in order.
    pub fn retriers(&self) -> &'d [Retrier] {
        &self.state().retriers
    }

    /// The elements of `Catch`, in order; where they lead is in [`StateView::transitions`].
    pub fn catchers(&self) -> &'d [Catcher] {
        &self.state().catchers
    }
}

/// What is particular to a `Task`.
#[derive(Clone, Copy, Debug)]
pub struct TaskView<'d> {
    /// The ARN as written.
    pub resource: &'d str,
    /// What the ARN names.
    pub integration: &'d Integration,
    /// `TimeoutSeconds`, when it is a fixed number.
    pub timeout_seconds: Option<u64>,
    /// `HeartbeatSeconds`, when it is a fixed number.
    pub heartbeat_seconds: Option<u64>,
}

impl Retrier {
    /// The names in `ErrorEquals`.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// `IntervalSeconds`: the wait before the first retry.
    pub fn interval_seconds(&self) -> u64 {
        self.interval_seconds
    }

    /// `MaxAttempts`: how often it retries; zero means never.
    pub fn max_attempts(&self) -> u64 {
        self.max_attempts
    }

    /// `BackoffRate`: what each further wait is multiplied by.
    pub fn backoff_rate(&self) -> f64 {
        self.backoff_rate
    }

    /// `MaxDelaySeconds`: the longest wait.
    pub fn max_delay_seconds(&self) -> Option<u64> {
        self.max_delay_seconds
    }

    /// Whether `JitterStrategy` is `FULL`.
    pub fn has_full_jitter(&self) -> bool {
        self.full_jitter
    }

    /// Whether it means an error of this name.
    pub fn matches(&self, error: &str) -> bool {
        crate::retry::names(&self.errors, &crate::failure::Failure::new(Some(error.to_owned()), None))
    }
}

impl Catcher {
    /// The names in `ErrorEquals`.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Whether it means an error of this name.
    pub fn matches(&self, error: &str) -> bool {
        crate::retry::names(&self.errors, &crate::failure::Failure::new(Some(error.to_owned()), None))
    }

    /// Whether the input goes on beside the error, rather than being replaced by it.
    pub fn keeps_input(&self) -> bool {
        !matches!(self.result_path, ResultPath::Replace)
    }
}
