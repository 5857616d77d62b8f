//! Histories for tests and pictures, made by the engine on a virtual clock.

#![allow(clippy::unwrap_used, clippy::allow_attributes, dead_code, reason = "shared by tests that use parts of it")]

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use statemachine::{Context, Definition, Effect, Event, Execution, HistoryEvent, Task};

pub const ORDER: &str = include_str!("../../../../statemachine/order.asl.json");

/// The definition of orders.
pub fn order() -> Arc<Definition> {
    Arc::new(Definition::parse(ORDER).unwrap())
}

/// What a worker answers, so many milliseconds after it was asked.
pub enum Answer {
    Done(i64),
    Fails(&'static str, i64),
    /// Nobody answers until the next timer.
    Never,
}

/// An execution with its clock.
pub struct Story {
    execution: Execution,
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
        let (execution, effects) = Execution::start(Arc::clone(definition), context, input, 42, now);
        let mut story = Self { execution, now, history: Vec::new(), tasks: VecDeque::new() };
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
        let effects = self.execution.on(event, self.now).unwrap();
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

    /// Answers the tasks in the order in which they were scheduled.
    pub fn answer(&mut self, answers: impl IntoIterator<Item = Answer>) -> &mut Self {
        for answer in answers {
            let task = self.tasks.pop_front().unwrap().id;
            match answer {
                Answer::Done(after) => {
                    self.pass(after).tell(Event::TaskSucceeded { task, output: json!({"done": true}) });
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
