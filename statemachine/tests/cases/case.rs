//! How a case is written. `README.md` explains it to whoever writes one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// One file: a part of the language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// What holds for all of its cases, and where that is written.
    #[serde(rename = "about")]
    _about: Vec<String>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// A sentence.
    pub(crate) name: String,
    definition: Option<Value>,
    state: Option<Value>,
    rule: Option<Value>,
    text: Option<String>,
    #[serde(default = "empty")]
    pub(crate) input: Value,
    /// Inputs for which a rule holds, and for which it doesn't.
    #[serde(default)]
    pub(crate) holds: Vec<Value>,
    #[serde(default)]
    pub(crate) fails: Vec<Value>,
    /// What comes back for each task of a state, try after try.
    #[serde(default)]
    pub(crate) tasks: BTreeMap<String, Vec<Answer>>,
    pub(crate) stop: Option<Stop>,
    pub(crate) redrive: Option<Redriven>,
    pub(crate) expect: Option<Expect>,
    /// What the author of the definition is told.
    #[serde(default)]
    pub(crate) refused: Vec<String>,
}

/// What becomes of one task; all times are seconds since it was scheduled. Nothing at all: nobody answers.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Answer {
    /// When somebody begins, and, for an activity, who.
    pub(crate) started: Option<i64>,
    pub(crate) worker: Option<String>,
    /// What the service said to the job or the message, at once.
    #[serde(default, deserialize_with = "also_null")]
    pub(crate) submitted: Option<Value>,
    #[serde(default)]
    pub(crate) heartbeats: Vec<i64>,
    #[serde(default)]
    pub(crate) after: i64,
    #[serde(default, deserialize_with = "also_null")]
    pub(crate) succeeds: Option<Value>,
    pub(crate) fails: Option<Failed>,
    pub(crate) start_fails: Option<Failed>,
    pub(crate) submit_fails: Option<Failed>,
    /// The execution no longer waits for this answer, and refuses it.
    #[serde(default)]
    pub(crate) too_late: bool,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failed {
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    pub(crate) after: i64,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redriven {
    /// Seconds since the execution ended.
    pub(crate) after: i64,
    /// The state to go on from, where it is not the last one that was entered.
    pub(crate) from: Option<String>,
    /// Why it is not redriven.
    pub(crate) refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) status: String,
    #[serde(default, deserialize_with = "also_null")]
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    /// How long it ran.
    pub(crate) seconds: Option<f64>,
    /// When each task of a state was scheduled, in seconds since the start; a pair is the earliest and the latest.
    #[serde(default)]
    pub(crate) tries: BTreeMap<String, Vec<Value>>,
    /// With what each task of a state was scheduled.
    #[serde(default)]
    pub(crate) given: BTreeMap<String, Vec<Value>>,
    /// Each event's type and state; or an object with those of its fields that matter.
    pub(crate) history: Option<Vec<Value>>,
}

fn empty() -> Value {
    json!({})
}

/// `null` is a value here, and only absence is none.
fn also_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

impl File {
    pub(crate) fn read(topic: &str) -> Self {
        let path = folder().join(format!("{topic}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Case {
    /// The definition's text, whichever way the case gives it.
    pub(crate) fn definition(&self) -> String {
        let given = [&self.definition, &self.state, &self.rule].into_iter().flatten().count();
        assert_eq!(given + usize::from(self.text.is_some()), 1, "{}: one of definition, state, rule, text", self.name);
        if let Some(text) = &self.text {
            return text.clone();
        }
        if let Some(definition) = &self.definition {
            return definition.to_string();
        }
        if let Some(rule) = &self.rule {
            let mut rule = rule.clone();
            rule["Next"] = json!("Holds");
            return json!({"StartAt": "It", "States": {
                "It": {"Type": "Choice", "Choices": [rule], "Default": "Fails"},
                "Holds": {"Type": "Pass", "Result": true, "End": true},
                "Fails": {"Type": "Pass", "Result": false, "End": true},
            }})
            .to_string();
        }
        let mut state = self.state.clone().unwrap();
        let ends = matches!(state["Type"].as_str(), Some("Succeed" | "Fail" | "Choice"));
        if !ends && state.get("Next").is_none() && state.get("End").is_none() {
            state["End"] = json!(true);
        }
        json!({"StartAt": "It", "States": {"It": state}}).to_string()
    }

    pub(crate) fn is_refused(&self) -> bool {
        !self.refused.is_empty()
    }
}

/// Long texts are not written out: `{"text of length": 9}` is nine times `x`.
pub(crate) fn written_out(value: &Value) -> Value {
    match value {
        Value::Object(fields) => match fields.get("text of length").and_then(Value::as_u64) {
            Some(length) => json!("x".repeat(usize::try_from(length).unwrap())),
            None => fields.iter().map(|(name, value)| (name.clone(), written_out(value))).collect(),
        },
        Value::Array(items) => items.iter().map(written_out).collect(),
        other => other.clone(),
    }
}
