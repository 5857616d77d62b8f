//! What became of each state: in executions of the engine, in those recorded on AWS, and wherever their histories are cut.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

#[path = "../../../statemachine/tests/recordings/source.rs"]
mod source;
mod story;

use std::sync::Arc;

use asl_graph::{EdgeKind, Execution, Status, events, statuses};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use statemachine::history::Details;
use statemachine::{Definition, EventType, ExecutionStatus, HistoryEvent};
use story::machines::{machine_of, states};
use story::{Answer, Story};

const DECLINED: [Answer<'_>; 5] =
    [Answer::Done(310), Answer::Fails("PaymentDeclined", 1_400), Answer::Done(95), Answer::Done(40), Answer::Done(510)];

/// How an execution stands, after a check at each of its events.
fn told_of(definition: &Definition, story: &Story) -> Execution {
    check(definition, &story.history);
    statuses(definition, &story.history, story.now)
}

fn told(story: &Story) -> Execution {
    told_of(&story::order(), story)
}

/// The states that were entered, in the order of their names.
fn entered(execution: &Execution) -> Vec<(&str, Status)> {
    let states = execution.states.iter().map(|(name, state)| (name.as_str(), state.status));
    states.filter(|(_, status)| *status != Status::Pending).collect()
}

/// The transitions that were taken, by the names of their states; none is the start or the end.
fn taken(execution: &Execution) -> Vec<(Option<&str>, Option<&str>, EdgeKind)> {
    execution.taken.iter().map(|it| (it.from.as_deref(), it.to.as_deref(), it.kind)).collect()
}

#[test]
fn a_happy_order_goes_straight_through() {
    let mut story = Story::start(&story::order());
    let execution = told(story.answer([Answer::Done(310), Answer::Done(1_900), Answer::Done(420)]));
    let succeeded = ["ChargePayment", "ReserveInventory", "SendConfirmation"].map(|name| (name, Status::Succeeded));
    assert_eq!(entered(&execution), succeeded);
    assert_eq!(
        taken(&execution),
        [
            (None, Some("ReserveInventory"), EdgeKind::Start),
            (Some("ReserveInventory"), Some("ChargePayment"), EdgeKind::Next),
            (Some("ChargePayment"), Some("SendConfirmation"), EdgeKind::Next),
            (Some("SendConfirmation"), None, EdgeKind::End),
        ]
    );
    assert_eq!(execution.text, "Succeeded after 2.6 s");
    assert_eq!(execution.states["ChargePayment"].spent_ms, 1_900);
}

#[test]
fn a_declined_order_shows_how_it_was_undone() {
    let mut story = Story::start(&story::order());
    let execution = told(story.answer(DECLINED));
    assert_eq!(
        entered(&execution),
        [
            ("ChargePayment", Status::Caught),
            ("NotifyRejected", Status::Succeeded),
            ("RefundPayment", Status::Succeeded),
            ("ReleaseInventory", Status::Succeeded),
            ("ReserveInventory", Status::Succeeded),
        ]
    );
    assert_eq!(
        taken(&execution)[2..],
        [
            (Some("ChargePayment"), Some("RefundPayment"), EdgeKind::Catch),
            (Some("RefundPayment"), Some("ReleaseInventory"), EdgeKind::Next),
            (Some("ReleaseInventory"), Some("NotifyRejected"), EdgeKind::Next),
            (Some("NotifyRejected"), None, EdgeKind::End),
        ]
    );
    assert_eq!(execution.text, "Succeeded after 2.3 s · PaymentDeclined in ChargePayment was caught");
    let charge = &execution.states["ChargePayment"];
    assert_eq!(charge.error.as_deref(), Some("PaymentDeclined"));
    let event = story.history.iter().find(|event| Some(event.id) == charge.error_event).unwrap();
    assert_eq!(event.failure().unwrap().0, Some("PaymentDeclined"));
}

#[test]
fn a_cancelled_order_is_undone_from_the_mail_backwards() {
    let mut story = Story::start(&story::order());
    let cancelled = [Answer::Done(1), Answer::Done(1), Answer::Fails("Cancelled", 1)];
    let execution = told(story.answer(cancelled).answer([Answer::Done(1); 3]));
    assert_eq!(execution.states["SendConfirmation"].status, Status::Caught);
    assert_eq!(execution.states["CloseOrder"].status, Status::Pending);
    assert!(taken(&execution).contains(&(Some("SendConfirmation"), Some("RefundPayment"), EdgeKind::Catch)));
}

#[test]
fn a_retry_is_shown_while_it_waits_and_counted_when_it_is_over() {
    let mut story = Story::start(&story::order());
    let waiting = told(story.answer([Answer::Fails("SQS.SdkClientException", 20)]));
    let reserve = &waiting.states["ReserveInventory"];
    assert_eq!((reserve.status, reserve.attempts), (Status::Retrying, 1));
    assert!(reserve.text.starts_with("Retrying SQS.SdkClientException"), "{}", reserve.text);
    assert_eq!(reserve.times_out, None);

    let again = told(story.wait());
    assert_eq!(
        (again.states["ReserveInventory"].status, again.states["ReserveInventory"].attempts),
        (Status::Running, 2)
    );
    let done = told(story.answer([Answer::Done(10)]));
    assert_eq!(
        (done.states["ReserveInventory"].status, done.states["ReserveInventory"].attempts),
        (Status::Succeeded, 2)
    );
    assert_eq!(done.states["ReserveInventory"].visits, 1);
}

#[test]
fn a_time_out_is_caught_like_any_failure() {
    let mut story = Story::start(&story::order());
    let execution = told(story.answer([Answer::Done(1), Answer::Never]));
    let charge = &execution.states["ChargePayment"];
    assert_eq!((charge.status, charge.error.as_deref()), (Status::Caught, Some("States.Timeout")));
    assert_eq!(execution.states["RefundPayment"].status, Status::Running);
}

#[test]
fn a_task_that_is_out_of_time_is_told_apart_when_nothing_catches_it() {
    let task = |catch: Value| {
        json!({"StartAt": "Ask", "States": {
            "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {},
                    "TimeoutSeconds": 60, "HeartbeatSeconds": 5, "Catch": catch, "End": true},
            "GiveUp": {"Type": "Fail", "Error": "NoAnswer"}}})
    };
    let definition = parsed(&task(json!([{"ErrorEquals": ["Busy"], "Next": "GiveUp"}])));
    let mut story = Story::start_with(&definition, json!({}));
    let asked = statuses(&definition, &story.history, story.now);
    assert_eq!(asked.states["Ask"].heartbeat_seconds, Some(5));
    assert_eq!(asked.states["Ask"].times_out, Some(story.now + SignedDuration::from_secs(60)));
    let execution = told_of(&definition, story.answer([Answer::Never]));
    assert_eq!(execution.states["Ask"].status, Status::TimedOut);
    assert_eq!((execution.status, execution.error.as_deref()), (ExecutionStatus::Failed, Some("States.Timeout")));

    let definition = parsed(&task(json!([{"ErrorEquals": ["States.ALL"], "Next": "GiveUp"}])));
    let mut story = Story::start_with(&definition, json!({}));
    let execution = told_of(&definition, story.answer([Answer::Never]));
    assert_eq!(execution.states["Ask"].status, Status::Caught);
    let failed = &execution.states["GiveUp"];
    assert_eq!((failed.status, failed.error.as_deref()), (Status::Failed, Some("NoAnswer")));
    assert_eq!(execution.text, "Failed at GiveUp: NoAnswer after 5.0 s · States.Timeout in Ask was caught");
}

#[test]
fn a_failure_without_an_event_of_its_own_is_caught_as_well() {
    let definition = parsed(&json!({"StartAt": "Ask", "States": {
        "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {}, "ResultPath": "$.a.b",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}], "End": true},
        "Tell": {"Type": "Pass", "End": true}}}));
    let mut story = Story::start_with(&definition, json!({"a": "nothing can be put into this"}));
    let execution = told_of(&definition, story.answer([Answer::Done(1)]));
    assert_eq!(entered(&execution), [("Ask", Status::Caught), ("Tell", Status::Succeeded)]);
    assert!(taken(&execution).contains(&(Some("Ask"), Some("Tell"), EdgeKind::Catch)));
}

#[test]
fn an_execution_that_fails_says_where() {
    let definition = parsed(&json!({"StartAt": "Ask", "States": {
        "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {}, "Next": "Tell"},
        "Tell": {"Type": "Pass", "End": true}}}));
    let mut story = Story::start_with(&definition, json!({}));
    let execution = told_of(&definition, story.answer([Answer::Fails("Sqs.Refused", 2_000)]));
    assert_eq!(entered(&execution), [("Ask", Status::Failed)]);
    assert_eq!(execution.text, "Failed at Ask: Sqs.Refused after 2.0 s");
}

#[test]
fn a_stop_aborts_what_is_under_way_and_nothing_else() {
    let mut story = Story::start(&story::order());
    let execution = told(story.answer([Answer::Done(10)]).stop());
    assert_eq!(entered(&execution), [("ChargePayment", Status::Aborted), ("ReserveInventory", Status::Succeeded)]);
    assert_eq!((execution.status, execution.error.as_deref()), (ExecutionStatus::Aborted, Some("Stopped")));
}

#[test]
fn a_redriven_execution_visits_its_state_anew() {
    let mut story = Story::start(&story::order());
    story.answer([Answer::Done(10)]).pass(1_000).stop().pass(3_600_000).redrive("ChargePayment", 1);
    let going_on = told(story.pass(500));
    let charge = &going_on.states["ChargePayment"];
    assert_eq!((charge.status, charge.visits, charge.attempts), (Status::Running, 2, 1));
    assert_eq!(charge.spent_ms, 1_500, "the hour in which nothing happened is nobody's");
    assert_eq!((going_on.status, going_on.ended, going_on.error.as_deref()), (ExecutionStatus::Running, None, None));

    let execution = told(story.answer([Answer::Done(10), Answer::Done(10)]));
    assert_eq!(execution.status, ExecutionStatus::Succeeded);
    assert!(entered(&execution).iter().all(|(_, status)| *status == Status::Succeeded));
    assert!(execution.taken.iter().all(|it| it.times == 1));
}

#[test]
fn branches_do_not_mix() {
    let definition = story::pictures::shipping();
    let parcel = json!({"weight": 5, "value": 900, "collected": true});
    let start = || {
        let mut story = Story::start_with(&definition, parcel.clone());
        story.answer([Answer::Done(50)]);
        story
    };
    let mut story = start();
    let within = told_of(&definition, story.answer([Answer::Done(80)]));
    let status = |execution: &Execution, name: &str| execution.states[name].status;
    assert_eq!(["PrepareParcel", "PrintLabel", "Stick", "Insure", "NotInsured"].map(|name| status(&within, name)), {
        use Status::{Pending, Running, Succeeded};
        [Running, Succeeded, Succeeded, Running, Pending]
    });

    let mut story = start();
    let failed = told_of(&definition, story.answer([Answer::Fails("OutOfInk", 80)]));
    assert_eq!(["PrepareParcel", "PrintLabel", "Insure", "CancelBooking"].map(|name| status(&failed, name)), {
        use Status::{Aborted, Caught, Failed, Running};
        [Caught, Failed, Aborted, Running]
    });
    assert_eq!(failed.states["PrepareParcel"].error.as_deref(), Some("OutOfInk"), "a box fails with its branch");
}

fn parsed(definition: &Value) -> Arc<Definition> {
    Arc::new(Definition::parse(&definition.to_string()).unwrap())
}

/// Cuts a history off after each of its events, and checks that nothing is said to be over that is not, and nothing to
/// go on that is over. What is true is found out here by other means: the last event that names a state.
fn check(definition: &Definition, history: &[HistoryEvent]) {
    for cut in 0..=history.len() {
        let events = &history[..cut];
        let now = events.last().map_or(Timestamp::UNIX_EPOCH, |event| event.timestamp);
        let execution = statuses(definition, events, now);
        let is_over = events.last().is_some_and(|event| is_end(event.kind));
        assert_eq!(execution.status != ExecutionStatus::Running, is_over, "after {events:?}");
        for (name, state) in &execution.states {
            let last = events.iter().rfind(|event| event.state_name() == Some(name));
            let entered = last.map(|event| matches!(event.details, Some(Details::StateEntered(_))));
            let right = match state.status {
                Status::Pending => entered.is_none(),
                Status::Running | Status::Retrying => entered == Some(true) && !is_over,
                Status::Succeeded | Status::Caught => entered == Some(false),
                Status::Failed | Status::TimedOut | Status::Aborted => {
                    let within_a_box = !definition.states().any(|it| it.name() == name);
                    let fails = last.is_some_and(|event| event.kind == EventType::FailStateEntered);
                    entered == Some(true) && (is_over || fails || within_a_box)
                }
            };
            assert!(right, "{name} is said to be {:?} after {events:?}", state.status);
        }
        let steps: u32 = execution.taken.iter().filter(|it| it.to.is_some()).map(|it| it.times).sum();
        let top = |event: &&HistoryEvent| definition.states().any(|it| Some(it.name()) == event.state_name());
        let entered = events.iter().filter(|it| matches!(it.details, Some(Details::StateEntered(_))));
        let (inner, outer): (Vec<_>, Vec<_>) = entered.partition(|event| !top(event));
        assert!(usize::try_from(steps).unwrap() >= outer.len(), "each state that was entered was led to");
        assert!(usize::try_from(steps).unwrap() <= outer.len() + inner.len());
    }
}

fn is_end(kind: EventType) -> bool {
    use EventType::{ExecutionAborted, ExecutionFailed, ExecutionSucceeded, ExecutionTimedOut};
    matches!(kind, ExecutionAborted | ExecutionFailed | ExecutionSucceeded | ExecutionTimedOut)
}

/// A recorded history as `GetExecutionHistory` would give it: the recording has unwrapped JSON texts and erased times.
fn as_told(recorded: &[Value]) -> Vec<HistoryEvent> {
    let start: Timestamp = "2026-11-25T09:30:00Z".parse().unwrap();
    let told = recorded.iter().enumerate().map(|(at, event)| {
        let mut event = event.clone();
        for (name, details) in event.as_object_mut().unwrap() {
            let fields = details.as_object_mut().filter(|_| name.ends_with("EventDetails"));
            for value in fields.into_iter().flatten().map(|(_, value)| value) {
                if value.is_object() || value.is_array() {
                    *value = json!(value.to_string());
                }
            }
        }
        event["timestamp"] = json!((start + SignedDuration::from_secs(i64::try_from(at).unwrap())).to_string());
        event
    });
    events(told)
}

#[test]
fn executions_recorded_on_aws_are_read_as_they_went() {
    let Some(rows) = source::rows("executions.jsonl") else { return };
    let (mut read, mut not_drawn, mut erased) = (0, 0, 0);
    for row in rows {
        let Some(recorded) = row["expected"]["events"].as_array() else { continue };
        let history = as_told(recorded);
        // A history of something else altogether says nothing of orders, and does no harm.
        let stranger = statuses(&story::order(), &history, Timestamp::UNIX_EPOCH);
        assert!(stranger.states.values().all(|state| state.status == Status::Pending));
        let text = row["definition"].as_str().map_or_else(|| row["definition"].to_string(), str::to_owned);
        let Ok(definition) = Definition::parse(&text) else {
            not_drawn += 1;
            continue;
        };
        if history.len() < recorded.len() {
            erased += 1;
            continue;
        }
        read += 1;
        check(&definition, &history);
        let ended = statuses(&definition, &history, history.last().unwrap().timestamp);
        let word = format!("{:?}", history.last().unwrap().kind);
        assert_eq!(format!("Execution{:?}", ended.status), word);
    }
    assert_eq!((read, not_drawn, erased), (123, 222, 3), "rows that were read, can't be drawn, and have no event ids");
}

fn answer() -> impl Strategy<Value = Answer<'static>> {
    prop_oneof![
        6 => Just(Answer::Done(1)),
        3 => (0..7_usize).prop_map(|n| Answer::Fails(["E0", "E1", "E2", "E3", "E4", "E5", "E6"][n], 1)),
        1 => Just(Answer::Fails("Other", 1)),
    ]
}

proptest! {
    #[test]
    fn any_execution_is_read_right_wherever_its_history_is_cut(
        seeds in states(2),
        n in 0..10,
        answers in proptest::collection::vec(answer(), 0..20),
        stop in any::<bool>(),
    ) {
        let definition = parsed(&machine_of(&seeds));
        let mut story = Story::start_with(&definition, json!({"n": n}));
        for answer in answers {
            if story.is_waiting() {
                story.answer([answer]);
            }
        }
        if stop && story.is_running() {
            story.stop();
        }
        // A loop without a task goes round until the history is full.
        story.history.truncate(80);
        check(&definition, &story.history);
    }
}
