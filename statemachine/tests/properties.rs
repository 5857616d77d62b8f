//! Random workflows under random events: what must hold whatever happens.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use statemachine::{
    Context, Definition, Effect, Event, Execution, ExecutionStatus, HistoryEvent, Snapshot, TaskId, Unexpected,
};

/// What a generated state is; targets are numbers of states, taken modulo how many there are.
#[derive(Clone, Debug)]
enum Shape {
    Pass { result: bool },
    Task { token: bool, retry: Option<u8>, catch: Option<usize>, timeout: bool, heartbeat: bool },
    Choice { yes: usize, no: usize },
    Wait(u8),
    Succeed,
    Fail,
    Parallel { branches: Vec<Vec<Shape>>, catch: Option<usize>, retry: bool },
}

fn leaf() -> impl Strategy<Value = Shape> {
    prop_oneof![
        any::<bool>().prop_map(|result| Shape::Pass { result }),
        (any::<bool>(), proptest::option::of(0..3_u8), proptest::option::of(0..6_usize), any::<bool>(), any::<bool>())
            .prop_map(|(token, retry, catch, timeout, heartbeat)| Shape::Task {
                token,
                retry,
                catch,
                timeout,
                heartbeat
            }),
        (0..6_usize, 0..6_usize).prop_map(|(yes, no)| Shape::Choice { yes, no }),
        (0..5_u8).prop_map(Shape::Wait),
        Just(Shape::Succeed),
        Just(Shape::Fail),
    ]
}

fn machine() -> impl Strategy<Value = Vec<Shape>> {
    let state = leaf().prop_recursive(2, 12, 3, |inner| {
        (
            proptest::collection::vec(proptest::collection::vec(inner, 1..3), 1..3),
            proptest::option::of(0..6_usize),
            any::<bool>(),
        )
            .prop_map(|(branches, catch, retry)| Shape::Parallel { branches, catch, retry })
    });
    proptest::collection::vec(state, 1..6)
}

/// Renders a machine. A last choice leads everywhere, so that no state is unreachable.
fn render(shapes: &[Shape], prefix: &str) -> Value {
    let name = |at: usize| format!("{prefix}{}", at % shapes.len());
    let mut states = serde_json::Map::new();
    for (at, shape) in shapes.iter().enumerate() {
        let mut state = match shape {
            Shape::Pass { result: true } => json!({"Type": "Pass", "Result": {"go": true}, "ResultPath": "$.passed"}),
            Shape::Pass { result: false } => {
                json!({"Type": "Pass", "Parameters": {"all.$": "$", "me.$": "$$.State.Name"}})
            }
            Shape::Task { token, retry, catch, timeout, heartbeat } => {
                let pattern = if *token { ".waitForTaskToken" } else { "" };
                let mut task = json!({"Type": "Task", "Resource": format!("arn:aws:states:::sqs:sendMessage{pattern}"), "ResultPath": "$.done"});
                if *timeout {
                    task["TimeoutSeconds"] = json!(7);
                }
                if *heartbeat {
                    task["HeartbeatSeconds"] = json!(3);
                }
                if let Some(attempts) = retry {
                    task["Retry"] =
                        json!([{"ErrorEquals": ["States.ALL"], "MaxAttempts": attempts, "JitterStrategy": "FULL"}]);
                }
                if let Some(target) = catch {
                    task["Catch"] =
                        json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": name(*target)}]);
                }
                task
            }
            Shape::Choice { yes, no } => json!({
                "Type": "Choice",
                "Choices": [{"Variable": "$.done", "IsPresent": true, "Next": name(*yes)}],
                "Default": name(*no),
            }),
            Shape::Wait(seconds) => json!({"Type": "Wait", "Seconds": seconds}),
            Shape::Succeed => json!({"Type": "Succeed"}),
            Shape::Fail => json!({"Type": "Fail", "Error": "Broken"}),
            Shape::Parallel { branches, catch, retry } => {
                let branches: Vec<Value> = branches
                    .iter()
                    .enumerate()
                    .map(|(branch, inner)| render(inner, &format!("{prefix}{at}-{branch}.")))
                    .collect();
                let mut parallel = json!({"Type": "Parallel", "Branches": branches, "ResultPath": "$.branches"});
                if *retry {
                    parallel["Retry"] = json!([{"ErrorEquals": ["Broken"], "MaxAttempts": 1}]);
                }
                if let Some(target) = catch {
                    parallel["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "Next": name(*target)}]);
                }
                parallel
            }
        };
        if !matches!(shape, Shape::Choice { .. } | Shape::Succeed | Shape::Fail) {
            if at + 1 == shapes.len() {
                state["End"] = json!(true);
            } else {
                state["Next"] = json!(name(at + 1));
            }
        }
        states.insert(name(at), state);
    }
    let rules: Vec<Value> =
        (0..shapes.len()).map(|at| json!({"Variable": "$.start", "NumericEquals": at, "Next": name(at)})).collect();
    let start = format!("{prefix}start");
    states.insert(start.clone(), json!({"Type": "Choice", "Choices": rules, "Default": name(0)}));
    json!({"StartAt": start, "States": states})
}

/// An event whose task, where it has one, is the n-th that was scheduled, open or not.
#[derive(Clone, Debug)]
enum Happening {
    Started(usize),
    Submitted(usize),
    Succeeded(usize),
    Failed(usize),
    StartFailed(usize),
    SubmitFailed(usize),
    Heartbeat(usize),
    /// The clock goes to the next timer, or by this many seconds.
    Time(Option<u8>),
    Stop,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => (0..9_usize).prop_map(Happening::Started),
        2 => (0..9_usize).prop_map(Happening::Submitted),
        8 => (0..9_usize).prop_map(Happening::Succeeded),
        4 => (0..9_usize).prop_map(Happening::Failed),
        1 => (0..9_usize).prop_map(Happening::StartFailed),
        1 => (0..9_usize).prop_map(Happening::SubmitFailed),
        2 => (0..9_usize).prop_map(Happening::Heartbeat),
        6 => proptest::option::of(0..10_u8).prop_map(Happening::Time),
        1 => Just(Happening::Stop),
    ]
}

fn context() -> Context {
    Context {
        execution_arn: "arn:aws:states:eu-central-1:000000000000:execution:m:e".to_owned(),
        execution_name: "e".to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/r".to_owned(),
        state_machine_arn: "arn:aws:states:eu-central-1:000000000000:stateMachine:m".to_owned(),
        state_machine_name: "m".to_owned(),
    }
}

struct Running {
    execution: Execution,
    now: Timestamp,
    scheduled: Vec<TaskId>,
    effects: Vec<Effect>,
}

impl Running {
    fn start(definition: &Arc<Definition>, input: Value) -> Self {
        let now = Timestamp::UNIX_EPOCH;
        let (execution, effects) = Execution::start(Arc::clone(definition), context(), input, 7, now);
        let mut running = Self { execution, now, scheduled: Vec::new(), effects: Vec::new() };
        running.keep(effects);
        running
    }

    fn keep(&mut self, effects: Vec<Effect>) {
        for effect in &effects {
            if let Effect::Schedule(task) = effect {
                self.scheduled.push(task.id);
                if let Some(token) = &task.token {
                    assert_eq!(
                        self.execution.task_of(token).is_some(),
                        self.execution.open_tasks().any(|open| open == task.id)
                    );
                }
            }
        }
        self.effects.extend(effects);
    }

    fn happen(&mut self, happening: &Happening) -> Result<(), Unexpected> {
        let task = |at: usize| {
            let recent = self.scheduled.len().saturating_sub(4);
            let candidates = &self.scheduled[recent..];
            if candidates.is_empty() { TaskId::new(99) } else { candidates[at % candidates.len()] }
        };
        let (error, cause) = (Some("Broken".to_owned()), None);
        let event = match happening {
            Happening::Started(at) => Event::TaskStarted(task(*at)),
            Happening::Submitted(at) => Event::TaskSubmitted { task: task(*at), output: json!({"MessageId": "m"}) },
            Happening::Succeeded(at) => Event::TaskSucceeded { task: task(*at), output: json!({"ok": at}) },
            Happening::Failed(at) => Event::TaskFailed { task: task(*at), error, cause },
            Happening::StartFailed(at) => Event::StartFailed { task: task(*at), error, cause },
            Happening::SubmitFailed(at) => Event::SubmitFailed { task: task(*at), error, cause },
            Happening::Heartbeat(at) => Event::Heartbeat(task(*at)),
            Happening::Time(seconds) => {
                self.now = match (seconds, self.execution.next_timer()) {
                    (None, Some(at)) => self.now.max(at),
                    (seconds, _) => self.now + SignedDuration::from_secs(i64::from(seconds.unwrap_or(1))),
                };
                Event::TimerFired
            }
            Happening::Stop => Event::Stop { error, cause },
        };
        let before = self.execution.next_timer();
        let effects = self.execution.on(event, self.now)?;
        check_timer_effects(before, &self.execution, &effects);
        self.keep(effects);
        Ok(())
    }

    fn history(&self) -> Vec<&HistoryEvent> {
        self.effects
            .iter()
            .filter_map(|effect| if let Effect::Append(event) = effect { Some(event) } else { None })
            .collect()
    }
}

/// The caller, who only hears of changes, always knows the next timer.
fn check_timer_effects(before: Option<Timestamp>, execution: &Execution, effects: &[Effect]) {
    let told: Vec<Option<Timestamp>> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::SetTimer(at) => Some(Some(*at)),
            Effect::ClearTimer => Some(None),
            _ => None,
        })
        .collect();
    assert!(told.len() <= 1, "{told:?}");
    assert_eq!(told.first().copied().unwrap_or(before), execution.next_timer());
}

fn through_json(execution: &Execution) -> Execution {
    let text = serde_json::to_string(&execution.snapshot()).unwrap();
    let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(snapshot, execution.snapshot());
    Execution::resume(Arc::clone(execution.definition()), snapshot)
}

fn check(running: &Running) {
    let history = running.history();
    for (at, event) in history.iter().enumerate() {
        assert_eq!(event.id, at as u64 + 1, "ids rise by one");
        assert!(event.previous_event_id < event.id, "an event follows an earlier one: {event:?}");
    }
    let finishes = running.effects.iter().filter(|effect| matches!(effect, Effect::Finish(_))).count();
    assert_eq!(finishes, usize::from(running.execution.status() != ExecutionStatus::Running));
    if finishes == 1 {
        assert!(matches!(running.effects.last(), Some(Effect::Finish(_))));
        assert_eq!(running.execution.next_timer(), None);
    } else {
        let waits = running.execution.next_timer().is_some() || running.execution.open_tasks().next().is_some();
        assert!(waits, "an execution that runs waits for something");
    }
    let mut exits = BTreeMap::new();
    for event in history {
        if let Some(state) = event.state_name() {
            let kind = format!("{:?}", event.kind);
            *exits.entry(state).or_insert(0_i32) += if kind.ends_with("Entered") { 1 } else { -1 };
        }
    }
    assert!(exits.values().all(|open| *open >= 0), "no state is left before it is entered: {exits:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_history_is_sound_and_a_snapshot_loses_nothing(
        shapes in machine(),
        happenings in proptest::collection::vec(happening(), 0..40),
        start in 0..6_usize,
        resume_at in 0..40_usize,
    ) {
        let definition = Arc::new(Definition::parse(&render(&shapes, "s").to_string()).unwrap());
        let input = json!({"start": start});
        let mut plain = Running::start(&definition, input.clone());
        let mut resumed = Running::start(&definition, input.clone());
        let mut once = Running::start(&definition, input);
        for (at, happening) in happenings.iter().enumerate() {
            resumed.execution = through_json(&resumed.execution);
            if at == resume_at {
                once.execution = through_json(&once.execution);
            }
            let before = plain.execution.snapshot();
            let result = plain.happen(happening);
            if result.is_err() {
                prop_assert_eq!(&before, &plain.execution.snapshot(), "a refused event changes nothing");
            }
            prop_assert_eq!(result, resumed.happen(happening));
            prop_assert_eq!(result, once.happen(happening));
        }
        prop_assert_eq!(&plain.effects, &resumed.effects);
        prop_assert_eq!(&plain.effects, &once.effects);
        check(&plain);
    }

    #[test]
    fn any_text_is_parsed_or_refused_without_a_panic(text in "\\PC{0,200}") {
        if let Err(invalid) = Definition::parse(&text) {
            prop_assert!(!invalid.faults().is_empty());
        }
    }

    #[test]
    fn any_path_is_parsed_or_refused_without_a_panic(path in "[$.\\[\\]'\"a-z0-9*?@()=: ,\\\\-]{0,24}", key in "[a-z.$]{0,8}") {
        let text = json!({
            "StartAt": "A",
            "States": {"A": {"Type": "Pass", "InputPath": path, "Parameters": {format!("{key}.$"): path}, "ResultPath": path, "End": true}},
        });
        if let Ok(definition) = Definition::parse(&text.to_string()) {
            let (execution, _) = Execution::start(Arc::new(definition), context(), json!({"a": [1]}), 1, Timestamp::UNIX_EPOCH);
            prop_assert_ne!(execution.status(), ExecutionStatus::Running);
        }
    }
}
