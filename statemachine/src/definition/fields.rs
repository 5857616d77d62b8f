//! Typed reading of one JSON object of a definition: every wrong type and every unknown name becomes a fault.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::fault::{Fault, InvalidDefinition};
use super::{Seconds, Selection};
use crate::limits::{MAX_FAULTS, MAX_FIELD_NAME_BYTES, MAX_SECONDS, MAX_SUGGESTIONS};
use crate::path::{BadPath, Path};
use crate::reference::ResultPath;
use crate::template::Template;

/// Where faults are collected while loading. All are counted; the first are kept, so that a text of nothing but faults costs
/// little more than reading it.
#[derive(Default)]
pub(crate) struct Faults(RefCell<Found>);

#[derive(Default)]
struct Found {
    kept: Vec<Fault>,
    more: usize,
    /// Whether any, kept or not, is more than that something isn't supported yet.
    invalid: bool,
}

impl Faults {
    pub(crate) fn push(&self, fault: Fault) {
        let mut found = self.0.borrow_mut();
        found.invalid |= !fault.is_unsupported();
        if found.kept.len() < MAX_FAULTS {
            found.kept.push(fault);
        } else {
            found.more += 1;
        }
    }

    pub(crate) fn count(&self) -> usize {
        let found = self.0.borrow();
        found.kept.len() + found.more
    }

    /// The candidate that a mistyped name most likely means; looked for only in the first faults.
    pub(crate) fn closest<'c>(&self, name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
        let told = self.count() < MAX_SUGGESTIONS && name.len() <= MAX_FIELD_NAME_BYTES;
        if told { closest(name, candidates) } else { None }
    }

    /// What is wrong with the definition, if anything is.
    pub(crate) fn into_result(self) -> Result<(), InvalidDefinition> {
        let Found { kept, more, invalid } = self.0.into_inner();
        if kept.is_empty() { Ok(()) } else { Err(InvalidDefinition::new(kept, more, invalid)) }
    }
}

/// One object, with where it is.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'l> {
    pub(crate) state: Option<&'l str>,
    /// What stands before a field's name in faults, such as `Retry[0].`.
    pub(crate) prefix: &'l str,
    pub(crate) map: &'l Map<String, Value>,
    pub(crate) faults: &'l Faults,
}

impl<'l> Fields<'l> {
    fn place(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    pub(crate) fn fault(&self, field: &str, problem: impl Into<String>) {
        self.faults.push(Fault::new(self.state, Some(&self.place(field)), problem));
    }

    /// A fault about the object itself rather than one of its fields.
    pub(crate) fn fault_here(&self, problem: impl Into<String>) {
        let place = self.prefix.trim_end_matches('.');
        let field = if place.is_empty() { None } else { Some(place) };
        self.faults.push(Fault::new(self.state, field, problem));
    }

    pub(crate) fn unsupported(&self, field: &str, problem: impl Into<String>) {
        self.faults.push(Fault::unsupported(self.state, Some(&self.place(field)), problem));
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.map.contains_key(field)
    }

    pub(crate) fn get(&self, field: &str) -> Option<&'l Value> {
        self.map.get(field)
    }

    /// Reports every name that is not allowed here. `elsewhere` tells of names that other objects of the kind have.
    pub(crate) fn only(&self, allowed: &[&str], elsewhere: &[&str], owner: &str) {
        for name in self.map.keys().filter(|name| !allowed.contains(&name.as_str()) && name.as_str() != "Comment") {
            let problem = if elsewhere.contains(&name.as_str()) {
                format!("{owner} has no such field")
            } else {
                match self.faults.closest(name, allowed.iter().copied()) {
                    Some(meant) => format!("{owner} has no such field; did you mean `{meant}`?"),
                    None => format!("{owner} has no such field"),
                }
            };
            self.fault(name, problem);
        }
    }

    pub(crate) fn text(&self, field: &str) -> Option<&'l str> {
        let value = self.map.get(field)?;
        if value.as_str().is_none() {
            self.fault(field, format!("must be a string, not {}", kind(value)));
        }
        value.as_str()
    }

    pub(crate) fn required_text(&self, field: &str) -> Option<&'l str> {
        if !self.has(field) {
            self.fault(field, "is missing");
        }
        self.text(field)
    }

    pub(crate) fn list(&self, field: &str) -> &'l [Value] {
        match self.map.get(field) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.fault(field, format!("must be an array, not {}", kind(other)));
                &[]
            }
        }
    }

    /// A whole number within bounds.
    pub(crate) fn number(&self, field: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.map.get(field)?;
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.fault(field, format!("must be a whole number from {least} to {most}, not {}", shown(value)));
        }
        number
    }

    pub(crate) fn bad_path(&self, field: &str, fault: BadPath) {
        match fault {
            BadPath::Invalid(problem) => self.fault(field, format!("is not a valid path: {problem}")),
            BadPath::Unsupported(_) => self.unsupported(field, fault.to_string()),
        }
    }

    pub(crate) fn path(&self, field: &str) -> Option<Path> {
        let text = self.text(field)?;
        Path::parse(text).map_err(|fault| self.bad_path(field, fault)).ok()
    }

    /// `InputPath` or `OutputPath`.
    pub(crate) fn selection(&self, field: &str) -> Selection {
        match self.map.get(field) {
            None => Selection::Whole,
            Some(Value::Null) => Selection::Nothing,
            Some(_) => match self.path(field) {
                Some(path) if !path.is_whole_data() => Selection::Path(path),
                _ => Selection::Whole,
            },
        }
    }

    pub(crate) fn result_path(&self) -> ResultPath {
        match self.map.get("ResultPath") {
            None => ResultPath::Replace,
            Some(Value::Null) => ResultPath::Discard,
            Some(_) => self
                .text("ResultPath")
                .and_then(|text| ResultPath::parse(text).map_err(|fault| self.bad_path("ResultPath", fault)).ok())
                .unwrap_or(ResultPath::Replace),
        }
    }

    pub(crate) fn template(&self, field: &str) -> Option<Template> {
        let value = self.map.get(field)?;
        if !value.is_object() {
            self.fault(field, format!("must be an object, not {}", kind(value)));
            return None;
        }
        let mut faults = Vec::new();
        let template = Template::parse(value, &mut faults);
        for (inner, fault) in faults {
            self.bad_path(&format!("{field}.{inner}"), fault);
        }
        Some(template)
    }

    /// `TimeoutSeconds` with `TimeoutSecondsPath`, or the same of a heartbeat.
    pub(crate) fn seconds(&self, field: &str, path_field: &str) -> Option<Seconds> {
        if self.has(field) && self.has(path_field) {
            self.fault(path_field, format!("can't be together with `{field}`"));
        }
        let fixed = self.number(field, 1, MAX_SECONDS).map(Seconds::Fixed);
        let path = self.reference(path_field).map(Seconds::Path);
        fixed.or(path)
    }

    /// A path that must select one place.
    pub(crate) fn reference(&self, field: &str) -> Option<Path> {
        let path = self.path(field)?;
        if path.definite().is_none() {
            self.fault(field, format!("`{}` is not a reference path: it may select several places", path.text()));
            return None;
        }
        Some(path)
    }
}

/// What a JSON value is, for a sentence.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        scalar => format!("`{scalar}`"),
    }
}

/// How many names are compared with a mistyped one.
const CANDIDATES: usize = 1000;

fn closest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .take(CANDIDATES)
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
