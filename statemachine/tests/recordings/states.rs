//! `TestState` requests, and definitions that AWS accepted or refused.

use serde_json::{Value, json};
use statemachine::{Definition, ExecutionStatus};

use crate::source::rows;
use crate::{compare, replay, short, supported};

/// A state on its own, with a place to go for each of its targets.
fn machine_of(state: &Value) -> Value {
    let mut states = json!({"Tested": state});
    let mut add = |target: Option<&Value>| {
        if let Some(Value::String(name)) = target {
            states[name] = json!({"Type": "Succeed"});
        }
    };
    add(state.get("Next"));
    add(state.get("Default"));
    for list in ["Choices", "Catch"] {
        for item in state.get(list).and_then(Value::as_array).into_iter().flatten() {
            add(item.get("Next"));
        }
    }
    json!({"StartAt": "Tested", "States": states})
}

#[test]
fn single_states_do_what_aws_says_they_do() {
    let (mut compared, mut not_ours, mut not_yet, mut wrong) = (0, 0, 0, Vec::new());
    let Some(rows) = rows("test_state.jsonl") else { return };
    for row in rows {
        let (args, expected) = (&row["args"], &row["expected"]);
        let definition = replay::json_of(args.get("definition"));
        let whole = definition.get("States").is_some();
        let state = match args["stateName"].as_str() {
            Some(name) if whole => definition["States"][name].clone(),
            _ => definition.clone(),
        };
        let mock = &args["mock"];
        // What belongs to the TestState API itself (mocks of Parallel, made-up contexts, real services) is not the engine's.
        let concerns_engine = expected["status"].is_string()
            && args.get("context").is_none()
            && args.get("variables").is_none()
            && state["Type"] != "Parallel"
            && (state["Type"] != "Task" || mock["result"].is_string() || mock["errorOutput"].is_object());
        let mut alone = machine_of(&state);
        if let Some(language) = definition.get("QueryLanguage") {
            alone["QueryLanguage"] = language.clone();
        }
        if !concerns_engine {
            not_ours += 1;
            continue;
        }
        let Some(machine) = supported(&alone) else {
            not_yet += 1;
            continue;
        };
        let machine = match machine {
            Ok(machine) => machine,
            Err(refused) => {
                wrong.push(format!("{}: {refused}", short(row["id"].as_str().unwrap())));
                continue;
            }
        };
        compared += 1;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let reply = match &mock["errorOutput"] {
            Value::Null => replay::Reply::Succeeded(replay::json_of(mock.get("result"))),
            error => replay::Reply::Failed(text(&error["error"]), text(&error["cause"])),
        };
        let input = args.get("input").map_or_else(|| json!({}), |input| replay::json_of(Some(input)));
        let run = replay::run(machine, replay::context("STANDARD"), input, [vec![reply]].into(), false);
        let id = short(row["id"].as_str().unwrap());
        let outcome = run.outcome.clone().unwrap();
        let wanted = match expected["status"].as_str() {
            Some("FAILED") => ExecutionStatus::Failed,
            _ => ExecutionStatus::Succeeded,
        };
        if outcome.status != wanted {
            wrong.push(format!("{id}: expected {expected}, got {outcome:?}"));
        }
        // The first state that is left is the tested one; what it gives is what TestState tells.
        let output = run
            .events()
            .iter()
            .find(|event| event["type"].as_str().is_some_and(|kind| kind.ends_with("StateExited")))
            .map(|event| event["stateExitedEventDetails"]["output"].clone());
        if let Some(told) = expected.get("output") {
            wrong.extend(compare::difference(
                &compare::unwrap(told),
                &compare::unwrap(&output.unwrap_or(Value::Null)),
                id,
            ));
        }
        for (field, own) in [("error", outcome.error), ("cause", outcome.cause)] {
            if expected.get(field).and_then(Value::as_str) != own.as_deref() {
                wrong.push(format!("{id}: {field}: expected {}, got {own:?}", expected[field]));
            }
        }
        if let Some(next) = expected["nextState"].as_str()
            && !run.history.iter().any(|event| event.state_name() == Some(next))
        {
            wrong.push(format!("{id}: did not go to {next}"));
        }
    }
    println!("single states: {compared} compared, {not_ours} not the engine's, {not_yet} not yet");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!((compared, not_ours, not_yet), (21, 46, 54));
}

#[test]
fn definitions_are_accepted_and_refused_as_by_aws() {
    let (mut accepted, mut refused, mut untold, mut not_yet, mut wrong) = (0, 0, 0, 0, Vec::new());
    let Some(rows) = rows("definition_validation.jsonl") else { return };
    for row in rows {
        let id = short(row["id"].as_str().unwrap());
        let [machine] = row["machines"].as_array().unwrap().as_slice() else {
            panic!("{id} has not one machine");
        };
        let text = machine["definition"].as_str().map_or_else(|| machine["definition"].to_string(), str::to_owned);
        let snapshot = row["snapshot"].to_string();
        let says_invalid = snapshot.contains("SCHEMA_VALIDATION_FAILED");
        let says_valid = snapshot.contains("\"events\"") || snapshot.contains("creation_resp");
        match Definition::parse(&text) {
            // Map's labels, logging, aliases: neither refused by the schema nor run.
            _ if says_invalid == says_valid => untold += 1,
            Err(invalid) if invalid.is_only_unsupported() => not_yet += 1,
            Ok(_) if says_valid => accepted += 1,
            Err(invalid) if says_invalid => {
                refused += 1;
                // AWS names the place as a JSON pointer; the same field must be named here.
                let place =
                    snapshot.rsplit(" at /").next().and_then(|rest| rest.split(['\'', '"']).next()).unwrap_or_default();
                let field = place.rsplit('/').next().unwrap_or_default();
                if !invalid.to_string().contains(field) {
                    wrong.push(format!("{id}: {invalid} does not name {place}"));
                }
            }
            Ok(_) => wrong.push(format!("{id}: AWS refuses it: {snapshot}")),
            Err(invalid) => wrong.push(format!("{id}: AWS accepts it: {invalid}")),
        }
    }
    println!("definitions: {accepted} accepted and {refused} refused as by AWS, {untold} untold, {not_yet} not yet");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!((accepted, refused, untold, not_yet), (10, 5, 56, 1));
}
