//! Payload templates: `Parameters`, `ResultSelector` and `Credentials`.
//!
//! Compiled when a definition is loaded. A part without any path is one literal and is cloned as it is. Not for
//! intrinsic functions, which are refused at load.
//!
//! Source: Amazon States Language specification, "Payload Template".

use serde_json::{Map, Value};

use crate::context::ContextObject;
use crate::document::{Excess, Size, measure_all};
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::path::{BadPath, Path, Problem};

/// A compiled payload template.
#[derive(Clone, Debug)]
pub(crate) enum Template {
    /// No path inside.
    Literal {
        value: Value,
        size: Size,
    },
    /// `"name.$": "$.path"`, with the field as the definition writes it: AWS names it in errors.
    Selected {
        field: String,
        path: Path,
    },
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
}

impl Template {
    /// Compiles; each fault comes with the field it is in.
    pub(crate) fn parse(value: &Value, faults: &mut Vec<(String, BadPath)>) -> Self {
        match value {
            Value::Object(fields) => {
                let mut compiled = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    let Some(target) = name.strip_suffix(".$") else {
                        compiled.push((name.clone(), Self::parse(value, faults)));
                        continue;
                    };
                    if fields.contains_key(target) {
                        faults.push((
                            name.clone(),
                            BadPath::Invalid(format!("`{target}` is there as well: only one of the two can be")),
                        ));
                    }
                    let parsed = match value {
                        Value::String(text) => Path::parse(text),
                        _ => Err(BadPath::Invalid("the value of a field that ends in `.$` must be a path".to_owned())),
                    };
                    match parsed {
                        Ok(path) => compiled.push((target.to_owned(), Self::Selected { field: name.clone(), path })),
                        Err(fault) => faults.push((name.clone(), fault)),
                    }
                }
                if compiled.iter().all(|(_, part)| matches!(part, Self::Literal { .. })) {
                    return Self::literal(value);
                }
                Self::Object(compiled)
            }
            Value::Array(items) => {
                let compiled: Vec<Self> = items.iter().map(|item| Self::parse(item, faults)).collect();
                if compiled.iter().all(|part| matches!(part, Self::Literal { .. })) {
                    return Self::literal(value);
                }
                Self::Array(compiled)
            }
            other => Self::literal(other),
        }
    }

    fn literal(value: &Value) -> Self {
        Self::Literal { value: value.clone(), size: measure_all(value) }
    }

    /// Fills the template in, up to what a payload may have, or says in AWS's words which path found nothing.
    pub(crate) fn fill(&self, data: &Value, context: &ContextObject<'_>) -> Result<Value, Problem> {
        self.fill_into(data, context, &mut { MAX_PAYLOAD_BYTES })
    }

    /// Each part takes up room: whatever is selected is bounded, and yet may be selected thousands of times.
    fn fill_into(&self, data: &Value, context: &ContextObject<'_>, room: &mut usize) -> Result<Value, Problem> {
        match self {
            Self::Literal { value, size } => {
                *room = room.checked_sub(size.bytes).ok_or(Problem::TooLarge(Excess::Bytes))?;
                context.budget.spend(size.cost)?;
                Ok(value.clone())
            }
            Self::Selected { field, path } => {
                path.read(data, context, room).map_err(|unread| unread.told(|_| not_found(path, field, data)))
            }
            Self::Object(fields) => {
                let filled: Result<Map<String, Value>, Problem> = fields
                    .iter()
                    .map(|(name, part)| Ok((name.clone(), part.fill_into(data, context, room)?)))
                    .collect();
                filled.map(Value::Object)
            }
            Self::Array(items) => items.iter().map(|part| part.fill_into(data, context, room)).collect(),
        }
    }

    /// Every path inside.
    pub(crate) fn paths<'t>(&'t self, found: &mut Vec<&'t Path>) {
        match self {
            Self::Literal { .. } => {}
            Self::Selected { path, .. } => found.push(path),
            Self::Object(fields) => fields.iter().for_each(|(_, part)| part.paths(found)),
            Self::Array(items) => items.iter().for_each(|part| part.paths(found)),
        }
    }
}

/// AWS's wording for a path in a named field that found nothing.
pub(crate) fn not_found(path: &Path, field: &str, data: &Value) -> String {
    format!("The JSONPath '{}' specified for the field '{field}' could not be found in the input '{data}'", path.text())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::context::tests::with_context;

    fn fill(template: Value, data: Value) -> Result<Value, String> {
        let mut faults = Vec::new();
        let template = Template::parse(&template, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        with_context(|context| template.fill(&data, context)).map_err(|problem| match problem {
            Problem::Words(words) => words,
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn paths_are_replaced_at_any_depth_and_the_rest_stays() {
        assert_eq!(
            fill(json!({"a.$": "$.x", "b": {"c": [1, {"d.$": "$$.Execution.Name"}]}}), json!({"x": [7]})),
            Ok(json!({"a": [7], "b": {"c": [1, {"d": "order-1"}]}}))
        );
    }

    #[test]
    fn a_path_to_nothing_names_its_field() {
        assert_eq!(
            fill(json!({"a.$": "$.x"}), json!({"y": 1})),
            Err("The JSONPath '$.x' specified for the field 'a.$' could not be found in the input '{\"y\":1}'"
                .to_owned())
        );
    }

    #[test]
    fn a_field_given_twice_or_without_a_path_is_a_fault() {
        let mut faults = Vec::new();
        Template::parse(&json!({"a": 1, "a.$": "$.x", "b.$": 1, "c.$": "x"}), &mut faults);
        let fields: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["a.$", "b.$", "c.$"]);
    }
}
