//! A running execution: its state, and the way in and out.
//!
//! [`turn`] drives states until the world is needed, [`task`] and [`recovery`] are what happens to a task, [`parallel`] is
//! branches, [`io`] is what a state does to its data, [`timers`] is what is due, [`redrive`] is going on after an end that was
//! no success. Not for keeping time, doing work or storing anything: effects tell the caller to.

mod io;
mod parallel;
mod recovery;
mod redrive;
mod task;
mod timers;
mod turn;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::Context;
use crate::definition::Definition;
use crate::document::Document;
use crate::effect::{Effect, Event, ExecutionStatus, Unexpected};
use crate::rng::Randomness;
use crate::snapshot::Snapshot;
use crate::token::{TaskId, TaskToken};
pub use redrive::{NotRedrivable, Redrive};
use turn::Turn;

/// One execution of a workflow.
#[derive(Clone, Debug)]
pub struct Execution {
    definition: Arc<Definition>,
    run: Snapshot,
}

/// The number of a thread of control: 0 is the execution itself, others are branches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct FlowId(u64);

impl FlowId {
    pub(crate) const ROOT: Self = Self(0);

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// One thread of control: which state it is in, with what, and what it waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flow {
    #[serde(rename = "i")]
    pub(crate) id: FlowId,
    /// The flow whose `Parallel` this is a branch of, and which branch.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<(FlowId, usize)>,
    /// The state's name.
    #[serde(rename = "s")]
    pub(crate) state: Arc<str>,
    /// The number of the event that tells of entering it.
    #[serde(rename = "e")]
    pub(crate) entered_event: u64,
    #[serde(rename = "t")]
    pub(crate) entered: Timestamp,
    /// What the state was given, before `InputPath`.
    #[serde(rename = "d")]
    pub(crate) input: Document,
    /// The number of the last event of this flow, which the next one follows.
    #[serde(rename = "l")]
    pub(crate) last_event: u64,
    /// How often each retrier has retried.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) retries: Vec<u64>,
    #[serde(rename = "w")]
    pub(crate) waiting: Waiting,
}

impl Flow {
    pub(crate) fn retry_count(&self) -> u32 {
        self.retries.iter().sum::<u64>().try_into().unwrap_or(u32::MAX)
    }
}

/// What a flow waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Waiting {
    /// Nothing: it is being driven, which never lasts beyond an answer to the caller.
    #[serde(rename = "n")]
    Nothing,
    #[serde(rename = "t")]
    Task(Pending),
    /// A `Wait` state's time.
    #[serde(rename = "u")]
    Until(Timestamp),
    /// The time of the next try.
    #[serde(rename = "r")]
    Retry(Timestamp),
    /// Its branches: what each one gave, `None` while it runs. In a tuple, or a branch that gave `null` would look as if
    /// it still ran.
    #[serde(rename = "b")]
    Branches(Vec<Option<(Document,)>>),
}

/// A scheduled task that has not been answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    #[serde(rename = "i")]
    pub(crate) id: TaskId,
    #[serde(rename = "p", default, skip_serializing_if = "Phase::is_scheduled")]
    pub(crate) phase: Phase,
    /// `TimeoutSeconds`, resolved.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Countdown>,
    /// `HeartbeatSeconds`, resolved.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat: Option<Countdown>,
}

/// A number of seconds and when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Countdown {
    #[serde(rename = "s")]
    pub(crate) seconds: u64,
    #[serde(rename = "a")]
    pub(crate) at: Timestamp,
}

/// How far a task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    #[default]
    #[serde(rename = "s")]
    Scheduled,
    #[serde(rename = "r")]
    Started,
    #[serde(rename = "u")]
    Submitted,
}

impl Phase {
    fn is_scheduled(&self) -> bool {
        *self == Self::Scheduled
    }
}

impl Execution {
    /// Starts an execution and runs it until it needs the world.
    ///
    /// The seed decides jitter and task tokens; take it from the operating system's random source, because who knows it
    /// can make tokens.
    pub fn start(
        definition: Arc<Definition>,
        context: Context,
        input: Value,
        seed: u64,
        now: Timestamp,
    ) -> (Self, Vec<Effect>) {
        let input = Document::new(input);
        let run = Snapshot {
            context,
            started: now,
            redriven: None,
            input: definition.reads_execution_input.then(|| (input.clone(),)),
            status: ExecutionStatus::Running,
            times_out: definition.timeout_seconds.map(|seconds| timers::after(now, seconds)),
            last_event: 0,
            last_task: 0,
            last_flow: FlowId::ROOT,
            randomness: Randomness::new(seed),
            flows: Vec::new(),
        };
        let mut execution = Self { definition, run };
        let mut turn = Turn::new(&execution.definition, &mut execution.run, now);
        turn.begin(input);
        let effects = turn.finish(None);
        (execution, effects)
    }

    /// Takes an event and runs the execution on until it needs the world again.
    ///
    /// # Errors
    ///
    /// When the event is for a task that is not open, or the execution is over. Nothing changes then.
    pub fn on(&mut self, event: Event, now: Timestamp) -> Result<Vec<Effect>, Unexpected> {
        if self.run.status != ExecutionStatus::Running {
            return Err(Unexpected::Finished);
        }
        let timer = self.next_timer();
        let mut turn = Turn::new(&self.definition, &mut self.run, now);
        turn.take(event)?;
        Ok(turn.finish(timer))
    }

    /// What to store; the definition is the caller's to keep.
    pub fn snapshot(&self) -> Snapshot {
        self.run.clone()
    }

    /// Goes on from a snapshot with the definition it was taken from. With another one, whose states it does not know,
    /// the execution fails at its next event (`States.Runtime`).
    pub fn resume(definition: Arc<Definition>, snapshot: Snapshot) -> Self {
        Self { definition, run: snapshot }
    }

    /// The earliest of all timers: when the caller has to report [`Event::TimerFired`].
    pub fn next_timer(&self) -> Option<Timestamp> {
        timers::earliest(&self.run)
    }

    /// Whether it runs, and how it ended.
    pub fn status(&self) -> ExecutionStatus {
        self.run.status
    }

    /// Its definition.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Who is running.
    pub fn context(&self) -> &Context {
        &self.run.context
    }

    /// The number of the last history event.
    pub fn last_event_id(&self) -> u64 {
        self.run.last_event
    }

    /// The names of the states it is in: one, or with `Parallel` that state and those of its running branches.
    pub fn current_states(&self) -> impl Iterator<Item = &str> {
        self.run.current_states()
    }

    /// The open tasks.
    pub fn open_tasks(&self) -> impl Iterator<Item = TaskId> {
        self.run.flows.iter().filter_map(|flow| match &flow.waiting {
            Waiting::Task(pending) => Some(pending.id),
            _ => None,
        })
    }

    /// The open task that a token is for; `None` when the task was answered or outlived, or the token is made up.
    pub fn task_of(&self, token: &TaskToken) -> Option<TaskId> {
        let (_, task) = TaskToken::parse(token.as_str())?;
        self.open_tasks().find(|open| *open == task)?;
        self.token_of(task).matches(token).then_some(task)
    }

    fn token_of(&self, task: TaskId) -> TaskToken {
        TaskToken::new(&self.run.context.execution_name, task, &self.run.randomness.nonce(task.get()))
    }
}
