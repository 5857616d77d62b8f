//! Whatever the engine knows has a case: whoever adds to the language adds one.

use std::collections::BTreeSet;

use serde_json::Value;
use statemachine::EventType;
use statemachine::language::{
    BRANCH_FIELDS, CATCHER_FIELDS, CONTEXT_FIELDS, ERRORS, MACHINE_FIELDS, RETRIER_FIELDS, STATE_TYPES,
    choice_operators,
};

use crate::TOPICS;
use crate::case::{Case, File, folder};

/// What stands in the cases that run, as `Owner.Field`, with all their errors and events.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    fn in_all_cases() -> Self {
        let mut seen = Self::default();
        for case in TOPICS.iter().flat_map(|topic| File::read(topic).cases).filter(|case| !case.is_refused()) {
            seen.machine("Machine", &serde_json::from_str(&case.definition()).unwrap());
            seen.expectations(&case);
        }
        seen
    }

    fn fields(&mut self, owner: &str, value: &Value) {
        self.0.extend(value.as_object().into_iter().flatten().map(|(field, _)| format!("{owner}.{field}")));
    }

    fn machine(&mut self, owner: &str, machine: &Value) {
        self.fields(owner, machine);
        for state in machine["States"].as_object().unwrap().values() {
            self.fields(state["Type"].as_str().unwrap(), state);
            let list = |field: &str| state[field].as_array().into_iter().flatten();
            list("Branches").for_each(|branch| self.machine("Branch", branch));
            for (owner, field) in [("Retrier", "Retry"), ("Catcher", "Catch")] {
                for element in list(field) {
                    self.fields(owner, element);
                    let errors = element["ErrorEquals"].as_array().into_iter().flatten().filter_map(Value::as_str);
                    self.0.extend(errors.map(|error| format!("Error.{error}")));
                }
            }
            list("Choices").for_each(|rule| self.rule(rule));
            let text = state.to_string();
            let context =
                CONTEXT_FIELDS.iter().flat_map(|(part, fields)| fields.iter().map(move |it| format!("{part}.{it}")));
            self.0.extend(context.filter(|field| text.contains(&format!("$$.{field}"))));
        }
    }

    fn rule(&mut self, rule: &Value) {
        self.fields("Rule", rule);
        for operator in ["And", "Or"] {
            rule[operator].as_array().into_iter().flatten().for_each(|inner| self.rule(inner));
        }
        if let Some(inner) = rule.get("Not") {
            self.rule(inner);
        }
    }

    fn expectations(&mut self, case: &Case) {
        let Some(expect) = &case.expect else { return };
        self.0.extend(expect.error.iter().map(|error| format!("Error.{error}")));
        let events = expect.history.iter().flatten();
        let kinds = events.filter_map(|event| event.as_str().or_else(|| event["type"].as_str()));
        self.0.extend(kinds.filter_map(|kind| Some(format!("Event.{}", kind.split(' ').next()?))));
    }
}

#[test]
fn whatever_the_engine_knows_has_a_case() {
    let mut known: Vec<String> = Vec::new();
    let owners = STATE_TYPES.iter().map(|kind| (kind.name, kind.fields)).chain([
        ("Machine", &MACHINE_FIELDS[..]),
        ("Branch", &BRANCH_FIELDS[..]),
        ("Retrier", &RETRIER_FIELDS[..]),
        ("Catcher", &CATCHER_FIELDS[..]),
        ("Error", &ERRORS[..]),
    ]);
    known.extend(owners.flat_map(|(owner, fields)| fields.iter().map(move |field| format!("{owner}.{field}"))));
    known.extend(choice_operators().iter().map(|operator| format!("Rule.{operator}")));
    known.extend(CONTEXT_FIELDS.iter().flat_map(|(part, fields)| fields.iter().map(move |it| format!("{part}.{it}"))));
    known.extend(event_types().iter().map(|kind| format!("Event.{kind}")));
    let seen = Seen::in_all_cases().0;
    let missing: Vec<&String> = known.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no case in tests/cases that runs has: {missing:#?}");
}

/// All types of events: what serde says that it would have taken.
fn event_types() -> Vec<String> {
    let refused = serde_json::from_str::<EventType>("\"none\"").unwrap_err().to_string();
    let named = refused.split('`').skip(3).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    assert!(named.contains(&"ExecutionStarted".to_owned()), "{refused}");
    named
}

#[test]
fn every_file_is_run_and_every_case_has_a_name_of_its_own() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().to_str().unwrap().strip_suffix(".json").map(str::to_owned))
        .collect();
    assert_eq!(
        files,
        TOPICS.iter().map(|topic| (*topic).to_owned()).collect(),
        "the files, and those that main.rs names"
    );
    let mut names = BTreeSet::new();
    for case in TOPICS.iter().flat_map(|topic| File::read(topic).cases) {
        assert!(names.insert(case.name.clone()), "two cases are called: {}", case.name);
    }
}
