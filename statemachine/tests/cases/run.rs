//! Plays a case on a virtual clock and compares how it went with what it expects.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use statemachine::history::Details;
use statemachine::{
    Context, Definition, Effect, Event, Execution, ExecutionStatus, HistoryEvent, Outcome, Redrive, Task, TaskId,
    Unexpected,
};

use crate::case::{Answer, Case, Expect, Failed, written_out};

const START: &str = "2026-01-01T00:00:00Z";

/// Whether a case is as it says; the error says in what it isn't.
pub(crate) fn check(case: &Case) -> Result<(), String> {
    let text = case.definition();
    if case.is_refused() {
        return check_refusal(case, &text);
    }
    let definition = Arc::new(Definition::parse(&text).map_err(|invalid| invalid.to_string())?);
    for (inputs, holds) in [(&case.holds, true), (&case.fails, false)] {
        for input in inputs {
            let mut run = Run::start(case, &definition, input.clone());
            run.go_on()?;
            match run.outcome {
                Some(Outcome { output: Some(Value::Bool(went)), .. }) if went == holds => {}
                outcome => return Err(format!("for {input} it should be {holds}, but: {outcome:?}")),
            }
        }
    }
    let Some(expect) = &case.expect else {
        assert!(case.holds.len() + case.fails.len() > 0, "{} expects nothing", case.name);
        return Ok(());
    };
    let mut run = Run::start(case, &definition, written_out(&case.input));
    run.go_on()?;
    if run.redrive()? {
        run.go_on()?;
    }
    run.compare(expect)
}

fn check_refusal(case: &Case, text: &str) -> Result<(), String> {
    let Err(invalid) = Definition::parse(text) else { return Err("it was accepted".to_owned()) };
    let told: Vec<String> = invalid.faults().iter().map(ToString::to_string).collect();
    if told != case.refused {
        return Err(format!("it was refused with {told:#?}"));
    }
    let not_yet = case.refused.iter().all(|fault| fault.ends_with("not supported yet"));
    if invalid.is_only_unsupported() != not_yet {
        return Err(format!("that nothing is wrong but what is not supported yet should be {not_yet}"));
    }
    Ok(())
}

pub(crate) fn context() -> Context {
    Context {
        execution_arn: "arn:aws:states:eu-central-1:000000000000:execution:machine:name".to_owned(),
        execution_name: "name".to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/machine".to_owned(),
        state_machine_arn: "arn:aws:states:eu-central-1:000000000000:stateMachine:machine".to_owned(),
        state_machine_name: "machine".to_owned(),
    }
}

/// Something that is to be told to the execution.
struct Pending {
    at: Timestamp,
    event: Event,
    too_late: bool,
}

struct Run<'c> {
    case: &'c Case,
    input: Value,
    execution: Execution,
    now: Timestamp,
    answers: BTreeMap<&'c str, VecDeque<Answer>>,
    pending: Vec<Pending>,
    history: Vec<HistoryEvent>,
    outcome: Option<Outcome>,
    tries: BTreeMap<String, Vec<f64>>,
    given: BTreeMap<String, Vec<Value>>,
    unanswered: Vec<String>,
}

impl<'c> Run<'c> {
    fn start(case: &'c Case, definition: &Arc<Definition>, input: Value) -> Self {
        let now: Timestamp = START.parse().unwrap();
        let (execution, effects) = Execution::start(Arc::clone(definition), context(), input.clone(), 42, now);
        let answers =
            case.tasks.iter().map(|(state, answers)| (state.as_str(), answers.iter().cloned().collect())).collect();
        let mut run = Self {
            case,
            input,
            execution,
            now,
            answers,
            pending: Vec::new(),
            history: Vec::new(),
            outcome: None,
            tries: BTreeMap::new(),
            given: BTreeMap::new(),
            unanswered: Vec::new(),
        };
        if let Some(stop) = &case.stop {
            let event = Event::Stop { error: stop.error.clone(), cause: stop.cause.clone() };
            run.pending.push(Pending { at: later(now, stop.after), event, too_late: false });
        }
        run.perform(effects);
        run
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append(event) => self.history.push(event),
                Effect::Schedule(task) => self.scheduled(&task),
                Effect::Finish(outcome) => self.outcome = Some(outcome),
                Effect::SetTimer(_) | Effect::ClearTimer => {}
            }
        }
    }

    fn scheduled(&mut self, task: &Task) {
        let elapsed = self.elapsed();
        self.tries.entry(task.state.clone()).or_default().push(elapsed);
        let token = task.token.as_ref().map(|token| token.as_str());
        self.given.entry(task.state.clone()).or_default().push(without_token(&task.parameters, token));
        let Some(answer) = self.answers.get_mut(task.state.as_str()).and_then(VecDeque::pop_front) else {
            self.unanswered.push(task.state.clone());
            return;
        };
        let steps = steps(&answer, task.id);
        let pending = steps.into_iter().map(|(after, event)| {
            let too_late = answer.too_late
                && !matches!(
                    event,
                    Event::TaskStarted(_)
                        | Event::ActivityStarted { .. }
                        | Event::TaskSubmitted { .. }
                        | Event::Heartbeat(_)
                );
            Pending { at: later(self.now, after), event, too_late }
        });
        self.pending.extend(pending);
    }

    /// Tells the execution whatever happens, in the order of time, until nothing does. Of two at once, timers come first.
    fn go_on(&mut self) -> Result<(), String> {
        loop {
            let timer = self.execution.next_timer();
            let next = self.pending.iter().enumerate().min_by_key(|(_, pending)| pending.at);
            match (timer, next) {
                (Some(timer), next) if next.is_none_or(|(_, pending)| timer <= pending.at) => {
                    self.now = self.now.max(timer);
                    let effects =
                        self.execution.on(Event::TimerFired, self.now).map_err(|refused| refused.to_string())?;
                    self.perform(effects);
                }
                (_, Some((at, _))) => {
                    let pending = self.pending.remove(at);
                    self.now = self.now.max(pending.at);
                    match (self.execution.on(pending.event, self.now), pending.too_late) {
                        (Ok(effects), false) => self.perform(effects),
                        (Err(Unexpected::UnknownTask | Unexpected::Finished), true) => {}
                        (Ok(_), true) => return Err("an answer that is too late was taken".to_owned()),
                        (Err(refused), false) => return Err(format!("an answer was refused: {refused}")),
                    }
                }
                (_, None) => return Ok(()),
            }
        }
    }

    /// Redrives as the platform does: from the last state that was entered.
    fn redrive(&mut self) -> Result<bool, String> {
        let Some(redriven) = &self.case.redrive else { return Ok(false) };
        let entered = self.history.iter().rev().find_map(|event| match &event.details {
            Some(Details::StateEntered(entered)) => Some(entered),
            _ => None,
        });
        let entered = entered.ok_or("no state was entered")?;
        let from = Redrive {
            state: redriven.from.clone().unwrap_or_else(|| entered.name.to_string()),
            input: serde_json::from_str(&entered.input).unwrap(),
            execution_input: self.input.clone(),
            count: 1,
        };
        self.now = later(self.now, redriven.after);
        match (self.execution.redrive(from, self.now), &redriven.refused) {
            (Ok(effects), None) => {
                self.outcome = None;
                self.perform(effects);
                Ok(true)
            }
            (Err(refused), Some(why)) if refused.to_string() == *why => Ok(false),
            (result, _) => Err(format!("redriving: {:?}", result.map(|_| "accepted"))),
        }
    }

    fn elapsed(&self) -> f64 {
        self.now.duration_since(START.parse().unwrap()).as_secs_f64()
    }

    fn compare(&self, expect: &Expect) -> Result<(), String> {
        let ended = self.outcome.as_ref();
        let status = ended.map_or(ExecutionStatus::Running, |outcome| outcome.status);
        differ("status", &json!(expect.status), &json!(status))
            .and_then(|()| differ("error", &json!(expect.error), &json!(ended.and_then(|it| it.error.clone()))))
            .and_then(|()| differ("cause", &json!(expect.cause), &json!(ended.and_then(|it| it.cause.clone()))))
            .map_err(|difference| format!("{difference}; in all {ended:?}"))?;
        let output = expect.output.as_ref().map(written_out);
        differ("output", &json!(output), &json!(ended.and_then(|outcome| outcome.output.clone())))?;
        if let Some(seconds) = expect.seconds {
            differ("seconds", &json!(seconds), &json!(self.elapsed()))?;
        }
        for (state, tries) in &expect.tries {
            let actual = self.tries.get(state).map(Vec::as_slice).unwrap_or_default();
            let right = |(expected, actual): (&Value, &f64)| match expected.as_array().map(Vec::as_slice) {
                Some([least, most]) => (least.as_f64().unwrap()..=most.as_f64().unwrap()).contains(actual),
                _ => expected.as_f64() == Some(*actual),
            };
            if tries.len() != actual.len() || !tries.iter().zip(actual).all(right) {
                return Err(format!("tries of {state}: expected {tries:?}, got {actual:?}"));
            }
        }
        for (state, given) in &expect.given {
            differ(&format!("given to {state}"), &json!(given), &json!(self.given.get(state)))?;
        }
        if let Some(history) = &expect.history {
            self.compare_history(history)?;
        }
        // An answer that nobody asked for means that the execution went another way than the case's author thinks.
        let left = self.answers.iter().find(|(_, answers)| !answers.is_empty());
        match (left, self.unanswered.first()) {
            (Some((state, _)), _) => Err(format!("the case has more answers for {state} than there were tries")),
            (None, Some(state)) => Err(format!("the case has no answer for a try of {state}")),
            (None, None) => Ok(()),
        }
    }

    fn compare_history(&self, expected: &[Value]) -> Result<(), String> {
        let told: Vec<String> = self.history.iter().map(label).collect();
        let labels: Vec<&str> =
            expected.iter().map(|event| event.as_str().or_else(|| event["type"].as_str()).unwrap()).collect();
        let same = |(expected, told): (&&str, &String)| told == expected || told.split(' ').next() == Some(*expected);
        if labels.len() != told.len() || !labels.iter().zip(&told).all(same) {
            return Err(format!("history: expected {labels:#?}, got {told:#?}"));
        }
        for (expected, event) in expected.iter().zip(&self.history) {
            let event = serde_json::to_value(event).unwrap();
            for (field, value) in expected.as_object().into_iter().flatten() {
                differ(&format!("{}.{field}", event["type"]), value, &parsed(&event[field]))?;
            }
        }
        Ok(())
    }
}

fn steps(answer: &Answer, task: TaskId) -> Vec<(i64, Event)> {
    let mut steps = Vec::new();
    match (answer.started, &answer.worker) {
        (Some(at), Some(worker)) => {
            steps.push((at, Event::ActivityStarted { task, worker_name: Some(worker.clone()) }));
        }
        (Some(at), None) => steps.push((at, Event::TaskStarted(task))),
        (None, _) => {}
    }
    if let Some(output) = &answer.submitted {
        steps.push((0, Event::TaskSubmitted { task, output: output.clone() }));
    }
    steps.extend(answer.heartbeats.iter().map(|at| (*at, Event::Heartbeat(task))));
    if let Some(output) = &answer.succeeds {
        steps.push((answer.after, Event::TaskSucceeded { task, output: written_out(output) }));
    }
    if let Some(Failed { error, cause }) = answer.fails.clone() {
        steps.push((answer.after, Event::TaskFailed { task, error, cause }));
    }
    if let Some(Failed { error, cause }) = answer.start_fails.clone() {
        steps.push((answer.after, Event::StartFailed { task, error, cause }));
    }
    if let Some(Failed { error, cause }) = answer.submit_fails.clone() {
        steps.push((answer.after, Event::SubmitFailed { task, error, cause }));
    }
    steps
}

fn later(time: Timestamp, seconds: i64) -> Timestamp {
    time + SignedDuration::from_secs(seconds)
}

/// An event's type, with the state where it names one.
fn label(event: &HistoryEvent) -> String {
    let kind = format!("{:?}", event.kind);
    event.state_name().map_or(kind.clone(), |state| format!("{kind} {state}"))
}

/// A token is different each time; a case writes `<token>`.
fn without_token(value: &Value, token: Option<&str>) -> Value {
    match value {
        Value::String(text) if Some(text.as_str()) == token => json!("<token>"),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), without_token(value, token))).collect()
        }
        Value::Array(items) => items.iter().map(|item| without_token(item, token)).collect(),
        other => other.clone(),
    }
}

/// JSON text inside an event is compared as the JSON it is.
fn parsed(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['{', '[', '"']) => serde_json::from_str(text).unwrap_or(json!(text)),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), parsed(value))).collect(),
        other => other.clone(),
    }
}

fn differ(what: &str, expected: &Value, actual: &Value) -> Result<(), String> {
    let same = match (expected.as_f64(), actual.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => expected == actual,
    };
    if same { Ok(()) } else { Err(format!("{what}: expected {expected}, got {actual}")) }
}
