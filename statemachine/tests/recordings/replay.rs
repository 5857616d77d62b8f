//! Runs a definition on a virtual clock and answers its tasks with what a recording says came back.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use statemachine::{Context, Definition, Effect, Event, Execution, ExecutionStatus, HistoryEvent, Outcome, TaskId};

use crate::compare::details_of;

/// Where an activity's recorded label goes, since a resource must be an ARN.
const ACTIVITY: &str = "arn:aws:states:us-east-1:111111111111:activity:";

/// A run: its history and how it ended (`None`: it waits for something that the recording does not tell).
pub(crate) struct Run {
    pub(crate) history: Vec<HistoryEvent>,
    pub(crate) outcome: Option<Outcome>,
}

impl Run {
    /// As `GetExecutionHistory` returns it.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.history.iter().map(|event| relabel(&serde_json::to_value(event).unwrap())).collect()
    }
}

fn relabel(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.strip_prefix(ACTIVITY).unwrap_or(text)),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), relabel(value))).collect(),
        other => other.clone(),
    }
}

/// What a recording says came back for one task: events to report, in order. None: it timed out.
pub(crate) type Answers = VecDeque<Vec<Reply>>;

pub(crate) enum Reply {
    Started(Option<String>),
    Submitted(Value),
    Succeeded(Value),
    Failed(Option<String>, Option<String>),
    StartFailed(Option<String>, Option<String>),
    SubmitFailed(Option<String>, Option<String>),
}

/// Reads the replies out of a recorded history, task by task in the order in which they were scheduled.
pub(crate) fn answers(events: &[Value]) -> Answers {
    let mut answers = Answers::new();
    // Inside Parallel the recording's filter has sorted all events, so they are given out in turn.
    let sorted = events.iter().any(|event| event["id"].is_array());
    let mut counts = [0_usize; 3];
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        let details = details_of(event);
        let text =
            |name: &str| details.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let (step, reply) = match kind {
            "TaskScheduled" | "LambdaFunctionScheduled" | "ActivityScheduled" => {
                answers.push_back(Vec::new());
                continue;
            }
            "TaskStarted" | "LambdaFunctionStarted" | "ActivityStarted" => (0, Reply::Started(text("workerName"))),
            "TaskSubmitted" => (1, Reply::Submitted(json_of(details.get("output")))),
            "TaskSucceeded" | "LambdaFunctionSucceeded" | "ActivitySucceeded" => {
                (2, Reply::Succeeded(json_of(details.get("output"))))
            }
            "TaskFailed" | "LambdaFunctionFailed" | "ActivityFailed" => {
                (2, Reply::Failed(text("error"), text("cause")))
            }
            "TaskStartFailed" | "LambdaFunctionStartFailed" | "ActivityScheduleFailed" => {
                (2, Reply::StartFailed(text("error"), text("cause")))
            }
            "TaskSubmitFailed" => (2, Reply::SubmitFailed(text("error"), text("cause"))),
            _ => continue,
        };
        let at = if sorted { counts[step] } else { answers.len().saturating_sub(1) };
        counts[step] += 1;
        if let Some(replies) = answers.get_mut(at) {
            replies.push(reply);
        }
    }
    answers
}

/// A recorded output: JSON text that the recording has unwrapped where it held an object or an array.
pub(crate) fn json_of(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Some(other) => other.clone(),
        None => Value::Null,
    }
}

/// Takes over the recording's labels, wherever it has replaced a text of the input by one: `queue-406fa1f9` by
/// `sqs_queue_url`. Times stay, since the engine has to read them.
pub(crate) fn labelled(input: &Value, recorded: &Value) -> Value {
    match (input, recorded) {
        (Value::String(_), Value::String(label)) if label != "date" && !label.contains("timestamp") => json!(label),
        (Value::Object(a), Value::Object(b)) => a
            .iter()
            .map(|(name, value)| {
                (name.clone(), b.get(name).map_or_else(|| value.clone(), |label| labelled(value, label)))
            })
            .collect(),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).map(|(value, label)| labelled(value, label)).collect()
        }
        (other, _) => other.clone(),
    }
}

/// Gives the functions and activities in a definition the labels that the recording has for them.
pub(crate) fn label_resources(definition: &mut Value, events: &[Value]) {
    let mut state = String::new();
    for event in events {
        let details = details_of(event);
        match event["type"].as_str() {
            Some("TaskStateEntered") => state = details["name"].as_str().unwrap_or_default().to_owned(),
            Some("LambdaFunctionScheduled") => {
                set_resource(definition, &state, details["resource"].as_str().unwrap_or_default())
            }
            Some("ActivityScheduled") => {
                let label = details["resource"].as_str().unwrap_or_default();
                set_resource(definition, &state, &format!("{ACTIVITY}{label}"));
            }
            _ => {}
        }
    }
}

fn set_resource(value: &mut Value, state: &str, resource: &str) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            if name == state && value.get("Resource").is_some() {
                value["Resource"] = json!(resource);
            }
            set_resource(value, state, resource);
        }
    }
}

/// The context of a recorded execution; `kind` is the type of its state machine.
pub(crate) fn context(kind: &str) -> Context {
    // The labels of the two kinds of recordings differ, also in the role's.
    let (execution_arn, role_arn) = match kind {
        "EXPRESS" => ("arn:aws:states:us-east-1:111111111111:express:machine:execution:1", "sfn_role_arn"),
        _ => ("arn:aws:states:us-east-1:111111111111:execution:machine:execution", "snf_role_arn"),
    };
    Context {
        execution_arn: execution_arn.to_owned(),
        execution_name: "execution".to_owned(),
        role_arn: role_arn.to_owned(),
        state_machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:machine".to_owned(),
        state_machine_name: "machine".to_owned(),
    }
}

/// Runs to the end, or until only a stop can help and `stop` says so.
pub(crate) fn run(
    definition: Arc<Definition>,
    context: Context,
    input: Value,
    mut answers: Answers,
    stop: bool,
) -> Run {
    let mut now: Timestamp = "2026-11-23T06:42:00Z".parse().unwrap();
    let (mut execution, effects) = Execution::start(definition, context, input, 1, now);
    let mut run = Run { history: Vec::new(), outcome: None };
    let mut waiting = perform(effects, &mut run);
    while execution.status() == ExecutionStatus::Running {
        let effects = if let Some(task) = waiting.pop_front() {
            let mut effects = Vec::new();
            for reply in answers.pop_front().unwrap_or_default() {
                effects.extend(execution.on(event(task, reply), now).unwrap());
            }
            effects
        } else if stop {
            execution.on(Event::Stop { error: None, cause: None }, now).unwrap()
        } else if let Some(at) = execution.next_timer() {
            now = now.max(at);
            execution.on(Event::TimerFired, now).unwrap()
        } else {
            break;
        };
        waiting.extend(perform(effects, &mut run));
    }
    run
}

fn event(task: TaskId, reply: Reply) -> Event {
    match reply {
        Reply::Started(worker_name) => Event::ActivityStarted { task, worker_name },
        Reply::Submitted(output) => Event::TaskSubmitted { task, output },
        Reply::Succeeded(output) => Event::TaskSucceeded { task, output },
        Reply::Failed(error, cause) => Event::TaskFailed { task, error, cause },
        Reply::StartFailed(error, cause) => Event::StartFailed { task, error, cause },
        Reply::SubmitFailed(error, cause) => Event::SubmitFailed { task, error, cause },
    }
}

fn perform(effects: Vec<Effect>, run: &mut Run) -> VecDeque<TaskId> {
    let mut scheduled = VecDeque::new();
    for effect in effects {
        match effect {
            Effect::Append(event) => run.history.push(event),
            Effect::Schedule(task) => scheduled.push_back(task.id),
            Effect::Finish(outcome) => run.outcome = Some(outcome),
            Effect::SetTimer(_) | Effect::ClearTimer => {}
        }
    }
    scheduled
}
