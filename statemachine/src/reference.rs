//! Reference paths: where a `ResultPath` puts a result.
//!
//! A reference path names exactly one place (`$.a.b[0]`), which may not exist yet: objects on the way are made. Not for
//! reading: that is [`crate::path`].
//!
//! Source: Amazon States Language specification, "Reference Paths"; AWS Step Functions Developer Guide,
//! "Specifying state output using ResultPath".

use serde_json::{Map, Value};

use crate::path::{BadPath, Path, Root, Segment, position};

/// A compiled `ResultPath`.
#[derive(Clone, Debug)]
pub(crate) enum ResultPath {
    /// `null`: the result is dropped and the input goes on.
    Discard,
    /// `$`: the result replaces the input.
    Replace,
    /// Anything below: the result becomes a part of the input.
    Insert(Vec<Segment>),
}

impl ResultPath {
    pub(crate) fn parse(text: &str) -> Result<Self, BadPath> {
        let path = Path::parse(text)?;
        match (path.root(), path.definite()) {
            (Root::Data, Some([])) => Ok(Self::Replace),
            (Root::Data, Some(segments)) => Ok(Self::Insert(segments.to_vec())),
            (Root::Context, _) => Err(BadPath::Invalid(format!("`{text}` would write to the context object"))),
            (Root::Data, None) => {
                Err(BadPath::Invalid(format!("`{text}` is not a reference path: it may select several places")))
            }
        }
    }

    /// Puts the result in its place below `input`, or says which step was impossible (`States.ResultPathMatchFailure`).
    pub(crate) fn insert(segments: &[Segment], input: Value, result: Value) -> Result<Value, String> {
        let mut whole = input;
        let mut at = &mut whole;
        for segment in segments {
            at = match segment {
                Segment::Field(name) => match at {
                    Value::Object(fields) => fields.entry(name.as_str()).or_insert_with(|| Value::Object(Map::new())),
                    other => return Err(impossible(segment, other)),
                },
                Segment::Index(index) => {
                    let place = match &*at {
                        Value::Array(items) => position(*index, items.len()).filter(|place| *place < items.len()),
                        _ => None,
                    };
                    match (at, place) {
                        (Value::Array(items), Some(place)) => &mut items[place],
                        (other, _) => return Err(impossible(segment, other)),
                    }
                }
            };
        }
        *at = result;
        Ok(whole)
    }
}

fn impossible(segment: &Segment, input: &Value) -> String {
    format!("Unable to apply step \"{segment}\" to input {input}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn insert(path: &str, input: Value, result: Value) -> Result<Value, String> {
        match ResultPath::parse(path).unwrap() {
            ResultPath::Discard => Ok(input),
            ResultPath::Replace => Ok(result),
            ResultPath::Insert(segments) => ResultPath::insert(&segments, input, result),
        }
    }

    #[test]
    fn objects_on_the_way_are_made() {
        assert_eq!(insert("$.a.b", json!({"x": 1}), json!(2)), Ok(json!({"x": 1, "a": {"b": 2}})));
    }

    #[test]
    fn an_existing_place_is_overwritten() {
        assert_eq!(insert("$.a[1]", json!({"a": [1, 2]}), json!(3)), Ok(json!({"a": [1, 3]})));
    }

    #[test]
    fn a_place_that_cannot_be_is_a_match_failure() {
        assert!(insert("$.a.b", json!({"a": 1}), json!(2)).is_err());
        assert!(insert("$.a", json!([1]), json!(2)).is_err());
        assert!(insert("$.a[7]", json!({"a": [1]}), json!(2)).is_err());
    }

    #[test]
    fn a_path_to_several_places_is_refused() {
        for path in ["$.a[*]", "$..a", "$$.Execution", "a"] {
            assert!(ResultPath::parse(path).is_err(), "{path}");
        }
    }
}
