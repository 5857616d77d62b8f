//! What an author is told about a faulty definition, word for word.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

use serde_json::{Value, json};
use statemachine::Definition;

fn faults(definition: &Value) -> Vec<String> {
    faults_in(&definition.to_string())
}

fn faults_in(text: &str) -> Vec<String> {
    match Definition::parse(text) {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid.faults().iter().map(ToString::to_string).collect(),
    }
}

/// A machine whose first state is this one and that has a state `Done`.
fn machine(first: Value) -> Value {
    json!({"StartAt": "First", "States": {"First": first, "Done": {"Type": "Succeed"}}})
}

fn task(extra: Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Next": "Done"});
    for (name, value) in extra.as_object().unwrap() {
        task[name] = value.clone();
    }
    machine(task)
}

#[test]
fn a_sound_definition_has_no_faults() {
    assert_eq!(faults(&task(json!({}))), Vec::<String>::new());
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    assert_eq!(
        Definition::parse("{").unwrap_err().to_string(),
        "invalid state machine definition\n  is not JSON: EOF while parsing an object at line 1 column 1"
    );
    assert_eq!(faults_in("[]"), ["must be a JSON object, not an array"]);
}

#[test]
fn what_is_missing_at_the_top_is_told_at_once() {
    assert_eq!(faults(&json!({})), ["`States`: is missing", "`StartAt`: is missing"]);
    assert_eq!(
        faults(&json!({"StartAt": "A", "States": {}})),
        ["`States`: must hold at least one state", "`StartAt`: there is no state `A` here"]
    );
}

#[test]
fn a_next_to_nowhere_names_what_was_probably_meant() {
    assert_eq!(
        faults(&machine(json!({"Type": "Pass", "Next": "Doen"}))),
        ["state `First`, `Next`: there is no state `Doen` here; did you mean `Done`?"]
    );
    assert_eq!(
        faults(&machine(json!({"Type": "Pass", "Next": "Xyz"}))),
        ["state `First`, `Next`: there is no state `Xyz` here"]
    );
}

#[test]
fn a_state_goes_to_one_place_or_ends() {
    assert_eq!(faults(&machine(json!({"Type": "Pass"}))), ["state `First`: has neither `Next` nor `End`"]);
    assert_eq!(
        faults(&machine(json!({"Type": "Pass", "Next": "Done", "End": true}))),
        ["state `First`, `End`: can't be together with `Next`"]
    );
    assert_eq!(faults(&machine(json!({"Type": "Pass", "End": false}))), ["state `First`, `End`: can only be `true`"]);
}

#[test]
fn a_state_nobody_can_reach_is_a_fault() {
    assert_eq!(
        faults(&machine(json!({"Type": "Pass", "End": true}))),
        ["state `Done`: can't be reached from `StartAt`"]
    );
}

#[test]
fn a_branch_cannot_leave_its_parallel_state() {
    let branch = json!({"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "Next": "Done"}}});
    assert_eq!(
        faults(&machine(json!({"Type": "Parallel", "Branches": [branch], "Next": "Done"}))),
        ["state `Inner`, `Next`: there is no state `Done` here"]
    );
    let empty = json!({"StartAt": "Inner", "Stats": {}});
    assert_eq!(
        faults(&machine(json!({"Type": "Parallel", "Branches": [empty], "Next": "Done"}))),
        [
            "state `First`, `Branches[0].Stats`: a branch has no such field; did you mean `States`?",
            "state `First`, `Branches[0].States`: is missing",
            "state `First`, `Branches[0].StartAt`: there is no state `Inner` here",
        ]
    );
}

#[test]
fn names_are_unique_in_the_whole_definition() {
    let branch = json!({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}});
    assert_eq!(
        faults(&machine(json!({"Type": "Parallel", "Branches": [branch], "Next": "Done"}))),
        ["state `Done`: there is another state of this name; names must be unique in the whole definition"]
    );
}

#[test]
fn an_unknown_field_comes_with_a_suggestion() {
    assert_eq!(
        faults(&task(json!({"TimeoutSecond": 5, "Color": "red"}))),
        [
            "state `First`, `Color`: a `Task` state has no such field",
            "state `First`, `TimeoutSecond`: a `Task` state has no such field; did you mean `TimeoutSeconds`?",
        ]
    );
    assert_eq!(
        faults(&machine(json!({"Type": "Pass", "Next": "Done", "Catch": []}))),
        ["state `First`, `Catch`: a `Pass` state has no such field"]
    );
    assert_eq!(
        faults(&machine(json!({"Type": "Tsak", "Next": "Done"}))),
        ["state `First`, `Type`: `Tsak` is not a type of state; did you mean `Task`?"]
    );
}

#[test]
fn states_all_stands_alone_and_last() {
    let retry = json!([{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["Declined"]}]);
    assert_eq!(
        faults(&task(json!({"Retry": retry}))),
        [
            "state `First`, `Retry[0].ErrorEquals`: `States.ALL` must be in the last element of `Retry`: those after it would never match"
        ]
    );
    let catch = json!([{"ErrorEquals": ["States.ALL", "Declined"], "Next": "Done"}]);
    assert_eq!(
        faults(&task(json!({"Catch": catch}))),
        ["state `First`, `Catch[0].ErrorEquals`: `States.ALL` must stand alone"]
    );
}

#[test]
fn the_numbers_of_a_retrier_are_within_bounds() {
    let retry = json!([{
        "ErrorEquals": [], "IntervalSeconds": 0, "MaxAttempts": -1, "BackoffRate": 0.5, "MaxDelaySeconds": 1, "JitterStrategy": "SOME"
    }]);
    assert_eq!(
        faults(&task(json!({"Retry": retry}))),
        [
            "state `First`, `Retry[0].IntervalSeconds`: must be a whole number from 1 to 99999999, not `0`",
            "state `First`, `Retry[0].MaxDelaySeconds`: must be greater than `IntervalSeconds`",
            "state `First`, `Retry[0].BackoffRate`: must be a number of at least 1",
            "state `First`, `Retry[0].JitterStrategy`: must be `FULL` or `NONE`, not `SOME`",
            "state `First`, `Retry[0].ErrorEquals`: must name at least one error",
            "state `First`, `Retry[0].MaxAttempts`: must be a whole number from 0 to 99999999, not `-1`",
        ]
    );
}

#[test]
fn a_bad_path_is_told_with_its_field() {
    assert_eq!(
        faults(&task(json!({"InputPath": "order", "ResultPath": "$.a[*]", "Parameters": {"a": {"b.$": "$."}}}))),
        [
            "state `First`, `InputPath`: is not a valid path: a path starts with `$`",
            "state `First`, `Parameters.b.$`: is not a valid path: a name is missing after `.` in `$.`",
            "state `First`, `ResultPath`: is not a valid path: `$.a[*]` is not a reference path: it may select several places",
        ]
    );
}

#[test]
fn times_and_resources_are_checked() {
    assert_eq!(
        faults(&task(
            json!({"Resource": "sqs", "TimeoutSeconds": 5, "HeartbeatSeconds": 5, "TimeoutSecondsPath": "$.t"})
        )),
        [
            "state `First`, `Resource`: `sqs` is not an ARN",
            "state `First`, `TimeoutSecondsPath`: can't be together with `TimeoutSeconds`",
            "state `First`, `HeartbeatSeconds`: must be less than `TimeoutSeconds`",
        ]
    );
    assert_eq!(
        faults(&machine(json!({"Type": "Wait", "Timestamp": "2016-12-05 21:29:29Z", "Next": "Done"}))),
        [
            "state `First`, `Timestamp`: `2016-12-05 21:29:29Z` is not an RFC 3339 timestamp such as `2026-03-14T01:59:00Z`"
        ]
    );
    assert_eq!(
        faults(&machine(json!({"Type": "Wait", "Seconds": 1, "SecondsPath": "$.s", "Next": "Done"}))),
        ["state `First`: needs exactly one of `Seconds`, `SecondsPath`, `Timestamp` and `TimestampPath`"]
    );
}

#[test]
fn a_choice_rule_is_checked_to_its_depth() {
    let choices = json!([
        {"Variable": "$.a", "StringEqual": "x", "Next": "Done"},
        {"And": [{"Variable": "$.a", "NumericEquals": "1", "Next": "Done"}, {"StringEquals": "x"}], "Next": "Done"},
        {"Variable": "$.a"},
    ]);
    assert_eq!(
        faults(&machine(json!({"Type": "Choice", "Choices": choices}))),
        [
            "state `First`, `Choices[0].StringEqual`: is not an operator; did you mean `StringEquals`?",
            "state `First`, `Choices[1].And[0].Next`: only a rule at the top of `Choices` goes somewhere",
            "state `First`, `Choices[1].And[0].NumericEquals`: must be a number, not `\"1\"`",
            "state `First`, `Choices[1].And[1].Variable`: is missing",
            "state `First`, `Choices[2].Next`: is missing",
            "state `First`, `Choices[2]`: a rule has exactly one comparison or boolean operator; there is none",
        ]
    );
}

#[test]
fn a_name_given_twice_is_told() {
    let text =
        r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed", "Comment": "x", "Comment": "y"}}, "StartAt": "A"}"#;
    assert_eq!(faults_in(text), ["state `A`, `Comment`: is given twice", "`StartAt`: is given twice"]);
}

#[test]
fn what_is_not_supported_yet_is_told_as_such() {
    let unsupported = |definition: Value| {
        let invalid = Definition::parse(&definition.to_string()).unwrap_err();
        assert!(invalid.is_only_unsupported(), "{invalid}");
        invalid.faults().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        unsupported(machine(json!({"Type": "Map", "Next": "Done"}))),
        ["state `First`, `Type`: `Map` is not supported yet"]
    );
    assert_eq!(
        unsupported(task(json!({"QueryLanguage": "JSONata", "Arguments": "{% 1 %}"}))),
        ["state `First`, `QueryLanguage`: JSONata is not supported yet"]
    );
    assert_eq!(
        unsupported(task(json!({"Assign": {"a": 1}, "Parameters": {"a.$": "States.UUID()", "b.$": "$a.b"}}))),
        [
            "state `First`, `Assign`: variables are not supported yet",
            "state `First`, `Parameters.a.$`: intrinsic functions are not supported yet",
            "state `First`, `Parameters.b.$`: variables are not supported yet",
        ]
    );
}
