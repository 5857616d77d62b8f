//! An Amazon States Language engine without IO, clock, threads or randomness of its own.
//!
//! [`Execution::start`] and [`Execution::on`] return [`Effect`]s: schedule a task, append a history event, set a timer,
//! finish. The caller performs them and reports back with [`Event`]s and the time. So the same engine runs in production
//! on a database, in tests with a virtual clock, and against histories recorded on AWS.
//!
//! ```
//! use std::sync::Arc;
//! use jiff::{Timestamp, ToSpan};
//! use serde_json::json;
//! use statemachine::{Context, Definition, Effect, Event, Execution, ExecutionStatus};
//!
//! let definition = Definition::parse(r#"{
//!     "StartAt": "Charge",
//!     "States": {"Charge": {
//!         "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "TimeoutSeconds": 86400,
//!         "Parameters": {"QueueUrl": "payments", "MessageBody": {"order.$": "$.order", "token.$": "$$.Task.Token"}},
//!         "End": true
//!     }}
//! }"#)?;
//! let context = Context {
//!     execution_arn: "arn:aws:states:eu-central-1:000000000000:execution:order:order-1".into(),
//!     execution_name: "order-1".into(),
//!     role_arn: "arn:aws:iam::000000000000:role/order".into(),
//!     state_machine_arn: "arn:aws:states:eu-central-1:000000000000:stateMachine:order".into(),
//!     state_machine_name: "order".into(),
//! };
//! let now = Timestamp::UNIX_EPOCH;
//! let (mut execution, effects) = Execution::start(Arc::new(definition), context, json!({"order": "order-1"}), 42, now);
//!
//! let task = effects.iter().find_map(|effect| match effect { Effect::Schedule(task) => Some(task), _ => None }).unwrap();
//! assert_eq!(task.parameters["MessageBody"]["token"], json!(task.token));
//! assert_eq!(execution.next_timer(), Some(now + 24.hours()));
//!
//! // An hour later a worker answers with the token.
//! let answered = execution.task_of(task.token.as_ref().unwrap()).unwrap();
//! execution.on(Event::TaskSucceeded { task: answered, output: json!({"paid": true}) }, now + 1.hour())?;
//! assert_eq!(execution.status(), ExecutionStatus::Succeeded);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Supported: `Task`, `Pass`, `Choice`, `Wait`, `Succeed`, `Fail` and `Parallel` in JSONPath. `Map`, JSONata, intrinsic
//! functions and variables are refused by [`Definition::parse`], which says where.
//!
//! | module | for |
//! |---|---|
//! | `definition` | reading, validating and compiling a definition |
//! | `execution` | running it |
//! | `effect` | what goes in and out of an execution |
//! | `history` | AWS's history events |
//! | `language` | the names that definitions are made of |
//! | `snapshot`, `token`, `rng` | what is kept between events, how a task is answered, where randomness comes from |
//! | `limits`, `budget` | how much of anything there may be |
//! | `path`, `reference`, `template`, `choice`, `retry`, `failure`, `resource`, `timestamp` | the parts of the language |

mod budget;
mod choice;
mod context;
mod definition;
mod document;
mod effect;
mod execution;
mod failure;
pub mod history;
pub mod language;
mod limits;
mod path;
mod reference;
mod resource;
mod retry;
mod rng;
mod snapshot;
mod template;
mod timestamp;
mod token;

pub use context::Context;
pub use definition::{
    Definition, Fault, InvalidDefinition, MachineView, StateKind, StateView, TaskView, Transition, TransitionKind,
};
pub use effect::{Effect, Event, ExecutionStatus, Outcome, Task, Unexpected};
pub use execution::{Execution, NotRedrivable, Redrive};
pub use history::{EventType, HistoryEvent};
pub use resource::{Integration, Pattern};
pub use retry::{Catcher, Retrier};
pub use snapshot::Snapshot;
pub use token::{TaskId, TaskToken};
