//! Histories for tests and pictures, made by the engine on a virtual clock.

#![allow(clippy::unwrap_used, clippy::allow_attributes, dead_code, reason = "shared by tests that use parts of it")]

pub mod machines;
pub mod pictures;

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use statemachine::{Context, Definition, Effect, Event, Execution, ExecutionStatus, HistoryEvent, Redrive, Task};

pub const ORDER: &str = include_str!("../../../../statemachine/order.asl.json");

/// The definition of orders.
pub fn order() -> Arc<Definition> {
    Arc::new(Definition::parse(ORDER).unwrap())
}

/// What a worker answers, so many milliseconds after it was asked.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    Done(i64),
    Fails(&'a str, i64),
    /// Nobody answers until the next timer.
    Never,
}

/// An execution with its clock.
pub struct Story {
    execution: Execution,
    /// Also what each worker gives back.
    input: Value,
    pub now: Timestamp,
    pub history: Vec<HistoryEvent>,
    tasks: VecDeque<Task>,
}

impl Story {
    pub fn start(definition: &Arc<Definition>) -> Self {
        Self::start_with(definition, json!({"order_id": "ord_1", "trace_id": "t"}))
    }

    pub fn start_with(definition: &Arc<Definition>, input: Value) -> Self {
        let context = Context {
            execution_arn: "arn:aws:states:eu-central-1:000000000000:execution:order:ord_1".to_owned(),
            execution_name: "ord_1".to_owned(),
            role_arn: "arn:aws:iam::000000000000:role/order".to_owned(),
            state_machine_arn: "arn:aws:states:eu-central-1:000000000000:stateMachine:order".to_owned(),
            state_machine_name: "order".to_owned(),
        };
        let now: Timestamp = "2026-11-25T09:30:00Z".parse().unwrap();
        let (execution, effects) = Execution::start(Arc::clone(definition), context, input.clone(), 42, now);
        let mut story = Self { execution, input, now, history: Vec::new(), tasks: VecDeque::new() };
        story.perform(effects);
        story
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append(event) => self.history.push(event),
                Effect::Schedule(task) => self.tasks.push_back(task),
                Effect::SetTimer(_) | Effect::ClearTimer | Effect::Finish(_) => {}
            }
        }
    }

    pub fn tell(&mut self, event: Event) {
        // An answer to a task that is gone changes nothing.
        let effects = self.execution.on(event, self.now).unwrap_or_default();
        self.perform(effects);
    }

    pub fn pass(&mut self, milliseconds: i64) -> &mut Self {
        self.now += SignedDuration::from_millis(milliseconds);
        self
    }

    /// Goes to the next timer.
    pub fn wait(&mut self) -> &mut Self {
        self.now = self.execution.next_timer().unwrap();
        self.tell(Event::TimerFired);
        self
    }

    /// Stops the execution.
    pub fn stop(&mut self) -> &mut Self {
        self.tell(Event::Stop { error: Some("Stopped".to_owned()), cause: None });
        self
    }

    /// Goes on from a state that did not succeed.
    pub fn redrive(&mut self, state: &str, count: u32) -> &mut Self {
        let from = Redrive {
            state: state.to_owned(),
            input: json!({"order_id": "ord_1", "trace_id": "t"}),
            execution_input: json!({}),
            count,
        };
        self.tasks.clear();
        let effects = self.execution.redrive(from, self.now).unwrap();
        self.perform(effects);
        self
    }

    pub fn is_running(&self) -> bool {
        self.execution.status() == ExecutionStatus::Running
    }

    /// Whether a task wants an answer.
    pub fn is_waiting(&self) -> bool {
        self.is_running() && !self.tasks.is_empty()
    }

    /// Answers the tasks in the order in which they were scheduled.
    pub fn answer<'a>(&mut self, answers: impl IntoIterator<Item = Answer<'a>>) -> &mut Self {
        for answer in answers {
            let task = self.tasks.pop_front().unwrap().id;
            match answer {
                Answer::Done(after) => {
                    let output = self.input.clone();
                    self.pass(after).tell(Event::TaskSucceeded { task, output });
                }
                Answer::Fails(error, after) => {
                    self.pass(after).tell(Event::TaskFailed { task, error: Some(error.to_owned()), cause: None });
                }
                Answer::Never => {
                    self.wait();
                }
            }
        }
        self
    }
}
