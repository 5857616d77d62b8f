//! One turn of the engine: performs its effects until it waits, and collects what is to be written. Not for writing it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use md5::{Digest, Md5};
use orders::ports::{Outgoing, SendError, Unavailable};
use serde_json::{Map, Value, json};
use statemachine::{Effect, Event, Execution, ExecutionStatus, HistoryEvent, Integration, Pattern, Task, TaskId};

use super::definitions::queue_of;
use super::journal;
use super::store::status_name;
use crate::queue::SqliteQueues;
use crate::queue::message::Prepared;

/// A definition that goes in a circle without ever waiting is stopped here.
const TASKS_PER_TURN: usize = 1_000;

/// What a turn has come to.
pub(super) struct Turn {
    events: Vec<HistoryEvent>,
    messages: Vec<Prepared>,
    now: Timestamp,
}

/// A turn, ready for its transaction.
pub(super) struct Rendered {
    pub(super) seq: i64,
    /// The execution's, after this turn.
    pub(super) version: i64,
    /// The definition, if the execution starts with this turn.
    pub(super) starts: Option<i64>,
    pub(super) status: ExecutionStatus,
    pub(super) next_timer: Option<i64>,
    pub(super) now: i64,
    pub(super) snapshot: String,
    pub(super) events: String,
    pub(super) messages: Vec<Prepared>,
    pub(super) finished: Option<&'static str>,
}

impl Rendered {
    pub(super) fn stopped_at(&self) -> Option<i64> {
        self.finished.map(|_| self.now)
    }
}

/// Why a task could not be begun, as Step Functions would say it.
struct Fault {
    error: &'static str,
    cause: String,
}

impl Turn {
    /// Performs the effects, and those that follow from them.
    pub(super) fn play(
        queues: &SqliteQueues,
        execution: &mut Execution,
        effects: Vec<Effect>,
        now: Timestamp,
    ) -> Result<Self, Unavailable> {
        let mut turn = Self { events: Vec::with_capacity(effects.len() + 4), messages: Vec::new(), now };
        let mut effects = VecDeque::from(effects);
        let mut tasks = 0;
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Append(event) => turn.events.push(event),
                Effect::Schedule(task) => {
                    tasks += 1;
                    if tasks > TASKS_PER_TURN {
                        return Err(Unavailable::new("Workflow", "the definition goes in a circle without waiting"));
                    }
                    for event in turn.perform(queues, task)? {
                        let more = execution.on(event, now).map_err(|error| Unavailable::new("Workflow", error))?;
                        effects.extend(more);
                    }
                }
                // The execution is asked when the turn is over.
                Effect::SetTimer(_) | Effect::ClearTimer | Effect::Finish(_) => {}
            }
        }
        Ok(turn)
    }

    /// Begins a task, and says what to tell the engine of it.
    fn perform(&mut self, queues: &SqliteQueues, task: Task) -> Result<Vec<Event>, Unavailable> {
        let id = task.id;
        let waits = match &task.integration {
            Integration::Service { service, action, pattern } if service == "sqs" && action == "sendMessage" => {
                match pattern {
                    Pattern::WaitForTaskToken => true,
                    Pattern::RequestResponse => false,
                    Pattern::RunAJob => return Ok(not_here(id, &task.resource)),
                }
            }
            _ => return Ok(not_here(id, &task.resource)),
        };
        Ok(match message(queues, task.parameters) {
            Ok((prepared, output)) => {
                self.messages.push(prepared);
                let done = if waits {
                    Event::TaskSubmitted { task: id, output }
                } else {
                    Event::TaskSucceeded { task: id, output }
                };
                vec![Event::TaskStarted(id), done]
            }
            Err(SendFault::Unavailable(unavailable)) => return Err(unavailable),
            Err(SendFault::Refused(Fault { error, cause })) => {
                let (error, cause) = (Some(error.to_owned()), Some(cause));
                let failed = if waits {
                    Event::SubmitFailed { task: id, error, cause }
                } else {
                    Event::TaskFailed { task: id, error, cause }
                };
                vec![Event::TaskStarted(id), failed]
            }
        })
    }

    /// Everything as text and numbers, so that the writer only binds.
    pub(super) fn render(self, seq: i64, version: i64, execution: &Execution) -> Result<Rendered, Unavailable> {
        let status = execution.status();
        let failed = |error: serde_json::Error| Unavailable::new("Workflow", error);
        Ok(Rendered {
            seq,
            version,
            starts: None,
            status,
            next_timer: execution.next_timer().map(ceiling),
            now: self.now.as_millisecond(),
            snapshot: serde_json::to_string(&execution.snapshot()).map_err(failed)?,
            events: journal::render(&self.events, self.now).map_err(failed)?,
            messages: self.messages,
            finished: (status != ExecutionStatus::Running).then(|| status_name(status)),
        })
    }
}

/// The first whole millisecond at or after `at`, so that no timer fires early and finds nothing to do.
fn ceiling(at: Timestamp) -> i64 {
    let millis = at.as_millisecond();
    if crate::clock::timestamp(millis) < at { millis + 1 } else { millis }
}

/// What AWS says of a service it can't call.
fn not_here(task: TaskId, resource: &str) -> Vec<Event> {
    let cause = format!("only sqs:sendMessage tasks are performed here, not {resource}");
    vec![Event::StartFailed { task, error: Some("States.TaskFailed".to_owned()), cause: Some(cause) }]
}

enum SendFault {
    Refused(Fault),
    Unavailable(Unavailable),
}

fn refused(error: &'static str, cause: impl Into<String>) -> SendFault {
    SendFault::Refused(Fault { error, cause: cause.into() })
}

/// The message that the parameters of `sqs:sendMessage` describe, and what SQS would answer.
fn message(queues: &SqliteQueues, parameters: Value) -> Result<(Prepared, Value), SendFault> {
    const INVALID: &str = "SQS.SqsException";
    let Value::Object(mut parameters) = parameters else {
        return Err(refused(INVALID, "the parameters are no object"));
    };
    let url = parameters.get("QueueUrl").and_then(Value::as_str);
    let queue = url.and_then(queue_of).ok_or_else(|| {
        refused("SQS.QueueDoesNotExistException", format!("no queue has the URL {}", url.unwrap_or("(none)")))
    })?;
    let body = match parameters.remove("MessageBody") {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => return Err(refused(INVALID, "there is no MessageBody")),
        Some(json) => json.to_string(),
    };
    let delay = parameters.get("DelaySeconds").map(|delay| delay.as_u64().ok_or("DelaySeconds is no whole number"));
    let delay = delay.transpose().map_err(|cause| refused(INVALID, cause))?.unwrap_or_default();
    let attributes = match parameters.remove("MessageAttributes") {
        Some(Value::Object(attributes)) => strings(attributes)?,
        Some(Value::Null) | None => BTreeMap::new(),
        Some(_) => return Err(refused(INVALID, "MessageAttributes is no object")),
    };
    let md5 = md5_of(&body);
    let outgoing = Outgoing { body, attributes, delay: Duration::from_secs(delay), ..Outgoing::default() };
    let prepared = queues.prepare(queue.into(), outgoing).map_err(|error| match error {
        SendError::Invalid(cause) => refused("SQS.InvalidMessageContentsException", cause),
        SendError::Unavailable(unavailable) => SendFault::Unavailable(unavailable),
    })?;
    let output = json!({ "MD5OfMessageBody": md5, "MessageId": prepared.id.to_string() });
    Ok((prepared, output))
}

/// Message attributes of the type `String`, the only ones that travel here.
fn strings(attributes: Map<String, Value>) -> Result<BTreeMap<String, String>, SendFault> {
    let text = |(name, value): (String, Value)| match value.get("StringValue") {
        Some(Value::String(text)) => Ok((name, text.clone())),
        _ => Err(refused("SQS.SqsException", format!("the attribute {name} has no StringValue"))),
    };
    attributes.into_iter().map(text).collect()
}

/// In hex, as SQS answers it.
pub(crate) fn md5_of(text: &str) -> String {
    use std::fmt::Write as _;
    Md5::digest(text.as_bytes()).iter().fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a String never fails.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}
