//! Reads `Retry` and `Catch`.

use std::sync::Arc;

use serde_json::Value;

use super::StateIndex;
use super::fields::{Fields, kind};
use crate::language::{ALL, CATCHER_FIELDS, RETRIER_FIELDS};
use crate::limits::{MAX_DELAY_SECONDS, MAX_SECONDS};
use crate::retry::{Catcher, Retrier};

/// The defaults of AWS: a second, three times, doubling.
pub(crate) fn retriers(fields: &Fields<'_>) -> Vec<Retrier> {
    elements(fields, "Retry", |element| {
        element.only(&RETRIER_FIELDS, &[], "a retrier");
        let interval_seconds = element.number("IntervalSeconds", 1, MAX_SECONDS).unwrap_or(1);
        let max_delay_seconds = element.number("MaxDelaySeconds", 1, MAX_DELAY_SECONDS - 1);
        if max_delay_seconds.is_some_and(|longest| longest <= interval_seconds) {
            element.fault("MaxDelaySeconds", "must be greater than `IntervalSeconds`");
        }
        let backoff_rate = element.get("BackoffRate").map_or(Some(2.0), Value::as_f64).filter(|rate| *rate >= 1.0);
        if backoff_rate.is_none() {
            element.fault("BackoffRate", "must be a number of at least 1");
        }
        let full_jitter = match element.text("JitterStrategy") {
            None | Some("NONE") => false,
            Some("FULL") => true,
            Some(other) => {
                element.fault("JitterStrategy", format!("must be `FULL` or `NONE`, not `{other}`"));
                false
            }
        };
        Some(Retrier {
            errors: errors(element),
            interval_seconds,
            max_attempts: element.number("MaxAttempts", 0, MAX_SECONDS).unwrap_or(3),
            backoff_rate: backoff_rate.unwrap_or(2.0),
            max_delay_seconds,
            full_jitter,
        })
    })
}

/// `target` resolves a `Next` and reports one that leads nowhere.
pub(crate) fn catchers(fields: &Fields<'_>, target: &dyn Fn(&Fields<'_>, &str) -> Option<StateIndex>) -> Vec<Catcher> {
    elements(fields, "Catch", |element| {
        for (field, what) in [("Assign", "variables are"), ("Output", "JSONata outputs are")] {
            if element.has(field) {
                element.unsupported(field, format!("{what} not supported yet"));
            }
        }
        element.only(&[&CATCHER_FIELDS[..], &["Assign", "Output"]].concat(), &[], "a catcher");
        if !element.has("Next") {
            element.fault("Next", "is missing");
        }
        let next = target(element, "Next");
        let (errors, result_path) = (errors(element), element.result_path());
        Some(Catcher { errors, result_path, next: next? })
    })
}

fn elements<T>(fields: &Fields<'_>, list: &str, read: impl Fn(&Fields<'_>) -> Option<T>) -> Vec<T> {
    let items = fields.list(list);
    let mut elements = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let place = format!("{list}[{at}]");
        let Value::Object(map) = item else {
            fields.fault(&place, format!("must be an object, not {}", kind(item)));
            continue;
        };
        let prefix = format!("{}{place}.", fields.prefix);
        let element = Fields { prefix: &prefix, map, ..*fields };
        let errors = element.get("ErrorEquals").and_then(Value::as_array);
        if at + 1 < items.len() && errors.is_some_and(|errors| errors.iter().any(|name| name == ALL)) {
            element.fault(
                "ErrorEquals",
                format!("`States.ALL` must be in the last element of `{list}`: those after it would never match"),
            );
        }
        elements.extend(read(&element));
    }
    elements
}

fn errors(element: &Fields<'_>) -> Arc<[String]> {
    if !element.has("ErrorEquals") {
        element.fault("ErrorEquals", "is missing");
        return Arc::from([]);
    }
    let items = element.list("ErrorEquals");
    if items.is_empty() && element.get("ErrorEquals").is_some_and(Value::is_array) {
        element.fault("ErrorEquals", "must name at least one error");
    }
    if items.len() > 1 && items.iter().any(|name| name == ALL) {
        element.fault("ErrorEquals", "`States.ALL` must stand alone");
    }
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::String(name) => names.push(name.clone()),
            other => element.fault("ErrorEquals", format!("must hold strings, not {}", kind(other))),
        }
    }
    Arc::from(names)
}
