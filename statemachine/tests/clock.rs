//! Executions on a virtual clock: what a case in `tests/cases` can't say. Tokens, snapshots, a clock that is late.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use statemachine::{
    Context, Definition, Effect, Event, EventType, Execution, ExecutionStatus, NotRedrivable, Outcome, Redrive, Task,
    TaskToken, Unexpected,
};

const QUEUE: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";

/// An execution with its clock and all that it has told.
struct Clocked {
    execution: Execution,
    now: Timestamp,
    effects: Vec<Effect>,
}

impl Clocked {
    fn start(definition: Value, input: Value) -> Self {
        let definition = Arc::new(Definition::parse(&definition.to_string()).unwrap());
        let context = Context {
            execution_arn: "arn:aws:states:eu-central-1:000000000000:execution:order:order-1".to_owned(),
            execution_name: "order-1".to_owned(),
            role_arn: "arn:aws:iam::000000000000:role/order".to_owned(),
            state_machine_arn: "arn:aws:states:eu-central-1:000000000000:stateMachine:order".to_owned(),
            state_machine_name: "order".to_owned(),
        };
        let now = Timestamp::UNIX_EPOCH;
        let (execution, effects) = Execution::start(definition, context, input, 42, now);
        Self { execution, now, effects }
    }

    fn tell(&mut self, event: Event) -> Result<(), Unexpected> {
        self.effects.extend(self.execution.on(event, self.now)?);
        Ok(())
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        if self.execution.status() == ExecutionStatus::Running {
            self.tell(Event::TimerFired).unwrap();
        }
    }

    /// Goes to the next timer and tells how far that was.
    fn pass_to_timer(&mut self) -> f64 {
        let at = self.execution.next_timer().unwrap();
        let passed = at.duration_since(self.now).as_secs_f64();
        self.now = at;
        self.tell(Event::TimerFired).unwrap();
        passed
    }

    fn task(&self) -> Task {
        let tasks = self.effects.iter().rev();
        tasks
            .filter_map(|effect| if let Effect::Schedule(task) = effect { Some(task.clone()) } else { None })
            .next()
            .unwrap()
    }

    fn fail(&mut self, error: &str) {
        let task = self.task().id;
        self.tell(Event::TaskFailed { task, error: Some(error.to_owned()), cause: None }).unwrap();
    }

    fn kinds(&self) -> Vec<EventType> {
        self.effects
            .iter()
            .filter_map(|effect| if let Effect::Append(event) = effect { Some(event.kind) } else { None })
            .collect()
    }

    fn outcome(&self) -> Outcome {
        match self.effects.last() {
            Some(Effect::Finish(outcome)) => outcome.clone(),
            other => panic!("not finished: {other:?}"),
        }
    }
}

fn one_task(extra: Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": QUEUE, "Parameters": {"t.$": "$$.Task.Token"}, "End": true});
    for (name, value) in extra.as_object().unwrap() {
        task[name] = value.clone();
    }
    json!({"StartAt": "Charge", "States": {"Charge": task, "Undo": {"Type": "Pass", "End": true}}})
}

/// A task that goes to `Undo` on these errors.
fn caught(extra: Value, errors: &[&str]) -> Value {
    let mut machine = one_task(extra);
    machine["States"]["Charge"]["Catch"] = json!([{"ErrorEquals": errors, "ResultPath": "$.error", "Next": "Undo"}]);
    machine
}

#[test]
fn retries_back_off_and_each_has_a_fresh_token() {
    let retry = json!([{"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 3, "MaxDelaySeconds": 10}]);
    let mut run = Clocked::start(caught(json!({"Retry": retry}), &["States.ALL"]), json!({}));
    let mut tokens = vec![run.task().token.unwrap()];
    for expected in [3.0, 6.0, 10.0] {
        run.fail("Busy");
        assert_eq!(run.execution.open_tasks().count(), 0);
        assert_eq!(run.pass_to_timer(), expected);
        tokens.push(run.task().token.unwrap());
        assert_eq!(run.task().parameters["t"], json!(tokens.last().unwrap().as_str()));
    }
    run.fail("Busy");
    assert_eq!(run.outcome().output, Some(json!({"error": {"Error": "Busy", "Cause": null}})));
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
    assert!(tokens.iter().all(|token| run.execution.task_of(token).is_none()));
}

#[test]
fn only_the_token_that_was_given_opens_its_task() {
    let run = Clocked::start(caught(json!({}), &["States.ALL"]), json!({}));
    let task = run.task();
    let token = task.token.unwrap();
    assert_eq!(TaskToken::parse(token.as_str()), Some(("order-1".to_owned(), task.id)));
    assert_eq!(run.execution.task_of(&token), Some(task.id));
    let forged = format!("{}x{}", &token.as_str()[..20], &token.as_str()[21..]);
    assert!(TaskToken::parse(&forged).is_some(), "it still looks like a token");
    assert_eq!(run.execution.task_of(&TaskToken::from_text(forged)), None);
}

#[test]
fn of_two_timers_that_are_both_late_the_earlier_happens_first() {
    let mut run = Clocked::start(
        json!({"TimeoutSeconds": 70, "StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": true}}}),
        json!({}),
    );
    run.pass(1000);
    assert_eq!(run.outcome().status, ExecutionStatus::Succeeded);
}

#[test]
fn branches_that_give_null_come_together_also_across_a_snapshot() {
    let branch =
        |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Task", "Resource": QUEUE, "End": true}}});
    let mut run = Clocked::start(
        json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [branch("A"), branch("B")], "End": true}}}),
        json!(null),
    );
    let tasks: Vec<_> = run.execution.open_tasks().collect();
    for task in tasks {
        run.tell(Event::TaskSucceeded { task, output: json!(null) }).unwrap();
        let text = serde_json::to_string(&run.execution.snapshot()).unwrap();
        run.execution = Execution::resume(Arc::clone(run.execution.definition()), serde_json::from_str(&text).unwrap());
    }
    assert_eq!(run.outcome().output, Some(json!([null, null])));
}

#[test]
fn a_loop_ends_with_the_history_full() {
    let run = Clocked::start(
        json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}),
        json!({}),
    );
    assert_eq!(run.execution.last_event_id(), 25_000);
    assert_eq!(run.kinds().last(), Some(&EventType::ExecutionFailed));
    let outcome = run.outcome();
    assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
    assert_eq!(outcome.cause.as_deref(), Some("The execution reached the maximum number of history events (25000)."));
}

#[test]
fn another_definition_than_the_one_it_ran_with_fails_the_execution() {
    let mut run = Clocked::start(caught(json!({}), &["States.ALL"]), json!({}));
    let other = Definition::parse(r#"{"StartAt": "X", "States": {"X": {"Type": "Succeed"}}}"#).unwrap();
    let text = serde_json::to_string(&run.execution.snapshot()).unwrap();
    run.execution = Execution::resume(Arc::new(other), serde_json::from_str(&text).unwrap());
    run.tell(Event::TimerFired).unwrap();
    assert_eq!(run.outcome().error.as_deref(), Some("States.Runtime"));
}

fn charge() -> Value {
    json!({
        "StartAt": "Reserve",
        "States": {
            "Reserve": { "Type": "Pass", "Result": { "reserved": true }, "Next": "Charge" },
            "Charge": {
                "Type": "Task", "Resource": QUEUE, "TimeoutSeconds": 60, "End": true,
                "Parameters": { "QueueUrl": "q", "MessageBody": { "at.$": "$$.State.EnteredTime" } },
                "Retry": [{ "ErrorEquals": ["Busy"], "MaxAttempts": 1, "IntervalSeconds": 1 }],
            },
        },
    })
}

fn from_charge(count: u32) -> Redrive {
    Redrive { state: "Charge".to_owned(), input: json!({ "reserved": true }), execution_input: json!({}), count }
}

#[test]
fn a_redriven_execution_goes_on_from_its_state_with_all_its_retries() {
    let mut clocked = Clocked::start(charge(), json!({}));
    clocked.tell(Event::Stop { error: None, cause: None }).unwrap();
    let old = clocked.task();
    clocked.pass(100_000);
    let now = clocked.now;
    let effects = clocked.execution.redrive(from_charge(1), now).unwrap();
    let (Effect::Append(redriven), Effect::Append(scheduled)) = (&effects[0], &effects[1]) else {
        panic!("{effects:?}")
    };
    assert_eq!((redriven.kind, scheduled.kind), (EventType::ExecutionRedriven, EventType::TaskScheduled));
    assert_eq!(serde_json::to_value(redriven).unwrap()["executionRedrivenEventDetails"], json!({ "redriveCount": 1 }));
    assert_eq!(scheduled.previous_event_id, redriven.id);
    clocked.effects = effects;

    // A new task: the old token stays spent, and the worker sees when this try began.
    let task = clocked.task();
    assert_ne!(task.token, old.token);
    assert_eq!(clocked.execution.task_of(old.token.as_ref().unwrap()), None);
    assert_eq!(task.parameters["MessageBody"]["at"], "1970-01-02T03:46:40.000Z");
    clocked.tell(Event::TaskFailed { task: task.id, error: Some("Busy".into()), cause: None }).unwrap();
    assert_eq!(clocked.execution.status(), ExecutionStatus::Running, "it may be retried");
    clocked.pass(2);
    let task = clocked.task();
    clocked.tell(Event::TaskSucceeded { task: task.id, output: json!("charged") }).unwrap();
    assert_eq!(clocked.execution.status(), ExecutionStatus::Succeeded);
}

#[test]
fn only_an_unsuccessful_execution_is_redriven_and_only_from_a_state_it_has() {
    let mut clocked = Clocked::start(charge(), json!({}));
    assert_eq!(clocked.execution.redrive(from_charge(1), clocked.now), Err(NotRedrivable::Status));
    clocked.tell(Event::Stop { error: None, cause: None }).unwrap();
    let nowhere = Redrive { state: "Refund".to_owned(), ..from_charge(1) };
    assert_eq!(clocked.execution.redrive(nowhere, clocked.now), Err(NotRedrivable::State("Refund".to_owned())));
    assert_eq!(clocked.execution.status(), ExecutionStatus::Aborted, "nothing has changed");
    clocked.execution.redrive(from_charge(1), clocked.now).unwrap();
    assert_eq!(clocked.execution.redrive(from_charge(2), clocked.now), Err(NotRedrivable::Status));
}
