//! Executions recorded on AWS Step Functions, replayed on the engine.
//!
//! The recordings stand outside of the repository: `source` says where. What they prove: for every recorded definition
//! that the engine supports, the same history, field for field. What they miss: timing, and whatever nobody recorded.
//! What must hold without them is in `tests/cases`.
//!
//! How many rows each test compares, and how many it leaves out and why, is written down in it: a row can't get lost in silence.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod compare;
mod replay;
mod source;
mod states;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use statemachine::{Definition, ExecutionStatus};

use source::rows;

/// Rows whose history cannot be the recorded one, each with the level it reaches. They count as failures.
const CANNOT_BE_MET: [(&str, u8, &str); 3] = [
    (
        "TestBaseScenarios::test_parallel_state_lambda::get_execution_history",
        0,
        "the recording's filter has replaced the output by the name of its field",
    ),
    (
        "TestBaseScenarios::test_lambda_invoke_with_retry_extended_input::get_execution_history",
        2,
        "recorded in October 2023, before AWS added RedriveCount to the context object; later recordings have it",
    ),
    (
        "TestBaseScenarios::test_lambda_service_invoke_with_retry_extended_input::get_execution_history",
        2,
        "recorded in October 2023, before AWS added RedriveCount to the context object; later recordings have it",
    ),
];

/// The one described execution that no engine can match; counts as a failure, too.
const DESCRIBED_BUT_ERASED: &str = "TestExpressSync::test_query_runtime_memory::start_execution_sync_response";

/// How many choices depend on a time that the recording has replaced by a label; these count as failures.
const TIMES_ERASED: usize = 6;

/// What an execution was started with; nothing given is an empty object.
fn input(row: &Value) -> Value {
    row["input"].as_str().map_or_else(|| json!({}), |text| serde_json::from_str(text).unwrap())
}

fn short(id: &str) -> &str {
    id.split_once("::").map_or(id, |(_, short)| short)
}

/// The definition of a row; `None` when it uses what the engine does not do yet.
fn supported(definition: &Value) -> Option<Result<Arc<Definition>, String>> {
    let text = definition.as_str().map_or_else(|| definition.to_string(), str::to_owned);
    match Definition::parse(&text) {
        Ok(definition) => Some(Ok(Arc::new(definition))),
        Err(invalid) if invalid.is_only_unsupported() => None,
        Err(invalid) => Some(Err(invalid.to_string())),
    }
}

#[test]
fn histories_are_those_of_aws() {
    let mut actual = String::new();
    let (mut levels, mut areas) = (BTreeMap::new(), BTreeMap::new());
    let (mut not_yet, mut unexpected) = (0, Vec::new());
    let Some(rows) = rows("executions.jsonl") else { return };
    for row in rows.iter().filter(|row| row["kind"] == "history") {
        let id = row["id"].as_str().unwrap();
        let events = row["expected"]["events"].as_array().unwrap();
        let mut definition = row["definition"].clone();
        replay::label_resources(&mut definition, events);
        let (level, why) = match supported(&definition) {
            None => {
                not_yet += 1;
                continue;
            }
            Some(Err(refused)) => (0, refused),
            Some(Ok(definition)) => {
                let input = input(row);
                let recorded = events[0]["executionStartedEventDetails"].get("input");
                let input = recorded.map_or_else(
                    || input.clone(),
                    |recorded| replay::labelled(&input, &replay::json_of(Some(recorded))),
                );
                let stop = events.last().unwrap()["type"] == "ExecutionAborted";
                let run = replay::run(
                    definition,
                    replay::context(row["type"].as_str().unwrap()),
                    input,
                    replay::answers(events),
                    stop,
                );
                let own = run.events();
                writeln!(actual, "{}", json!({"id": id, "events": own})).unwrap();
                compare::level(events, &own)
            }
        };
        *levels.entry(level).or_insert(0) += 1;
        areas
            .entry(row["area"].as_str().unwrap())
            .or_insert_with(BTreeMap::new)
            .entry(level)
            .and_modify(|n| *n += 1)
            .or_insert(1);
        let exception = CANNOT_BE_MET.iter().find(|(name, ..)| short(id) == *name);
        match exception {
            Some((_, expected, _)) if *expected == level => {}
            Some((_, expected, _)) => {
                unexpected.push(format!("{} is at L{level}, listed as L{expected}: {why}", short(id)))
            }
            None if level < 3 => unexpected.push(format!("{} is at L{level}: {why}", short(id))),
            None => {}
        }
    }
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("ACTUAL.jsonl");
    std::fs::write(&target, actual).unwrap();
    println!("levels {levels:?}, not yet {not_yet}; by area {areas:?}; written to {}", target.display());
    let ids: BTreeSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).map(short).collect();
    for (name, _, reason) in CANNOT_BE_MET {
        println!("cannot be met: {name}: {reason}");
        assert!(ids.contains(name), "{name} is listed but not recorded");
    }
    assert!(unexpected.is_empty(), "\n{}", unexpected.join("\n"));
    assert_eq!(
        (levels, not_yet),
        (BTreeMap::from([(0, 1), (2, 2), (3, 125)]), 220),
        "rows per level, and those not yet supported"
    );
}

#[test]
fn executions_described_by_aws_end_the_same_way() {
    let (mut compared, mut erased, mut answers_unknown, mut not_yet, mut wrong) = (0, 0, 0, 0, Vec::new());
    let Some(rows) = rows("executions.jsonl") else { return };
    for row in rows.iter().filter(|row| row["kind"] == "sync") {
        let id = row["id"].as_str().unwrap();
        // Only a history tells what a task's service answered.
        if row["needs"] != json!([]) {
            answers_unknown += 1;
            continue;
        }
        let definition = match supported(&row["definition"]) {
            None => {
                not_yet += 1;
                continue;
            }
            Some(Err(refused)) => {
                wrong.push(format!("{}: {refused}", short(id)));
                continue;
            }
            Some(Ok(definition)) => definition,
        };
        let expected = &row["expected"];
        let status = expected["status"].as_str().unwrap();
        if short(id) == DESCRIBED_BUT_ERASED {
            erased += 1;
            println!("cannot be met: {}: its times are labels that are no placeholders", short(id));
            continue;
        }
        compared += 1;
        let input = input(row);
        let run = replay::run(
            definition,
            replay::context(row["type"].as_str().unwrap()),
            input,
            replay::Answers::new(),
            status == "ABORTED",
        );
        let outcome = run.outcome.unwrap();
        let text = |field: &str| expected.get(field).cloned().unwrap_or(Value::Null);
        let wanted = json!({"status": status, "output": replay::json_of(expected.get("output")), "error": text("error"), "cause": text("cause")});
        let got =
            json!({"status": outcome.status, "output": outcome.output, "error": outcome.error, "cause": outcome.cause});
        wrong.extend(compare::difference(&compare::unwrap(&wanted), &compare::unwrap(&got), short(id)));
    }
    println!(
        "described executions: {compared} compared, {erased} erased, {answers_unknown} without their tasks' answers, {not_yet} not yet"
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!((compared, erased, answers_unknown, not_yet), (7, 1, 3, 0));
}

#[test]
fn choice_operators_decide_as_aws_does() {
    let (mut compared, mut erased, mut not_yet, mut wrong) = (0, 0, 0, Vec::new());
    let Some(rows) = rows("choice_operators.jsonl") else { return };
    for row in rows {
        let id = row["id"].as_str().unwrap();
        match supported(&row["definition"]) {
            None => not_yet += 1,
            Some(Err(refused)) => wrong.push(format!("{}: {refused}", short(id))),
            Some(Ok(definition)) => {
                compared += 1;
                let run = replay::run(
                    definition,
                    replay::context("STANDARD"),
                    row["input"].clone(),
                    replay::Answers::new(),
                    false,
                );
                let outcome = run.outcome.unwrap();
                if outcome.output.as_ref() != Some(&row["expected_output"])
                    || outcome.status != ExecutionStatus::Succeeded
                {
                    // The recording has the label `date` for some times, and nobody can compare with that.
                    if row["input"]["Variable"] == "date" {
                        erased += 1;
                        continue;
                    }
                    wrong.push(format!("{}: expected {}, got {outcome:?}; {}", short(id), row["expected_output"], row));
                }
            }
        }
    }
    println!(
        "choice operators: {compared} compared, of which {erased} cannot be met, since the recording has erased their times; {not_yet} not yet"
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!((compared, erased, not_yet), (297, TIMES_ERASED, 0));
}
