//! Compares a history with a recording, by the same rules as `compare.py` beside the recordings.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| Regex::new("<[^<>]*(?:<[^<>]*>)?[^<>]*>").unwrap());

/// What a recording's events have that no engine can know.
const DROPPED: [&str; 6] =
    ["timestamp", "roleArn", "ResponseMetadata", "SdkHttpMetadata", "SdkResponseMetadata", "taskCredentials"];

/// Parses JSON text inside JSON, and drops what cannot be compared.
pub(crate) fn unwrap(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['{', '[']) => match serde_json::from_str::<Value>(text) {
            Ok(inner) => unwrap(&inner),
            Err(_) => value.clone(),
        },
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, _)| !DROPPED.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), unwrap(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(unwrap).collect()),
        other => other.clone(),
    }
}

/// Where the two differ; a placeholder in the expectation is any text of the same shape.
pub(crate) fn difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    let differ = || Some(format!("{path}: expected {expected}, got {actual}"));
    match (expected, actual) {
        (Value::String(text), _) if expected != actual && is_pattern(text) => {
            let shown = match actual {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return differ(),
            };
            if matches!(text.as_str(), "timestamp" | "date") || pattern(text).is_match(&shown) {
                None
            } else {
                differ()
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            names.into_iter().find_map(|name| match (a.get(name), b.get(name)) {
                (Some(a), Some(b)) => difference(a, b, &format!("{path}.{name}")),
                (None, _) => Some(format!("{path}.{name} is too much")),
                (_, None) => Some(format!("{path}.{name} is missing")),
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| difference(a, b, &format!("{path}[{at}]")))
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        _ if expected == actual => None,
        _ => differ(),
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains('<') || matches!(text, "timestamp" | "date" | "snf_role_arn") || text.ends_with("timestamp")
}

fn pattern(text: &str) -> Regex {
    let mut regex = String::from("(?s)^");
    let mut at = 0;
    for found in PLACEHOLDER.find_iter(text) {
        regex += &regex::escape(&text[at..found.start()]);
        regex += ".*?";
        at = found.end();
    }
    regex += &regex::escape(&text[at..]);
    regex += "$";
    Regex::new(&regex.replace("111111111111", "[0-9]{12}")).unwrap()
}

fn details(event: &Value) -> Value {
    let found = event.as_object().and_then(|fields| fields.iter().find(|(name, _)| name.ends_with("EventDetails")));
    found.map(|(_, details)| details.clone()).filter(|details| !details.is_null()).unwrap_or_else(|| json!({}))
}

/// How far a history agrees: 0 not at all, 1 in how it ends, 2 in its events' order, 3 in every field; and where not.
pub(crate) fn level(expected: &[Value], actual: &[Value]) -> (u8, String) {
    let expected: Vec<Value> = expected.iter().map(unwrap).collect();
    let actual: Vec<Value> = actual.iter().map(unwrap).collect();
    let (Some(last), Some(end)) = (expected.last(), actual.last()) else { return (0, "no events".to_owned()) };
    let ending = |event: &Value| {
        let details = details(event);
        let get = |name: &str| details.get(name).cloned().unwrap_or(Value::Null);
        json!({"type": event["type"], "output": get("output"), "error": get("error"), "cause": get("cause")})
    };
    if let Some(difference) = difference(&ending(last), &ending(end), "terminal") {
        return (0, difference);
    }
    if expected.iter().any(|event| event["id"].is_array()) {
        // The recording's filter sorted the events within Parallel, and dropped ParallelStateSucceeded.
        return if multiset(&expected) == multiset(&actual) {
            (3, String::new())
        } else {
            (1, "parallel multiset".to_owned())
        };
    }
    let skeleton = |events: &[Value]| -> Value {
        let bone = |event: &Value| {
            let previous = event.get("previousEventId").cloned().unwrap_or(json!(0));
            json!({"type": event["type"], "prev": previous, "name": details(event).get("name")})
        };
        Value::Array(events.iter().map(bone).collect())
    };
    if let Some(difference) = difference(&skeleton(&expected), &skeleton(&actual), "") {
        return (1, difference);
    }
    match difference(&Value::Array(expected), &Value::Array(actual), "") {
        Some(difference) => (2, difference),
        None => (3, String::new()),
    }
}

fn multiset(events: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] != "ParallelStateSucceeded") {
        let name = details(event).get("name").map(Value::to_string).unwrap_or_default();
        *counts.entry((event["type"].to_string(), name)).or_insert(0) += 1;
    }
    counts
}

/// The details of an event, whatever its type.
pub(crate) fn details_of(event: &Value) -> Map<String, Value> {
    details(event).as_object().cloned().unwrap_or_default()
}
