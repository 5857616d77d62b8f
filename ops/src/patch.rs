//! A JSON Patch for message bodies, within limits: a `copy` doubles a document, and forty of them fill any memory.

use std::io::{Error, Write};

use orders::ports::MAX_MESSAGE_BYTES;
use producer::misfit;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More operations are refused.
const MOST_OPERATIONS: usize = 100;
/// A body may nest this deep; messages of ours nest five deep.
const DEEPEST: usize = 64;

/// A JSON Patch (RFC 6902) of 100 operations at most, none of which may make more of a body than a message can carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "json_patch::Patch", into = "json_patch::Patch")]
pub struct Patch(json_patch::Patch);

/// Why a patch is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a patch has {MOST_OPERATIONS} operations at most, and this one {0}")]
pub struct TooManyOperations(usize);

impl TryFrom<json_patch::Patch> for Patch {
    type Error = TooManyOperations;

    fn try_from(patch: json_patch::Patch) -> Result<Self, TooManyOperations> {
        if patch.len() > MOST_OPERATIONS { Err(TooManyOperations(patch.len())) } else { Ok(Self(patch)) }
    }
}

impl From<Patch> for json_patch::Patch {
    fn from(patch: Patch) -> Self {
        patch.0
    }
}

impl Patch {
    /// A body with the patch applied.
    ///
    /// # Errors
    /// Which operation can't be applied, and why.
    pub fn apply(&self, body: &str) -> Result<String, String> {
        let mut document: Value = serde_json::from_str(body).map_err(|error| misfit::of_json(&error))?;
        for (operation, number) in self.0.iter().zip(1..) {
            let at = |why: &dyn std::fmt::Display| {
                format!("operation {number} of the patch, at `{}`: {why}", operation.path())
            };
            json_patch::patch_unsafe(&mut document, std::slice::from_ref(operation))
                .map_err(|error| at(&error.kind))?;
            if !nests_within(&document, DEEPEST) {
                return Err(at(&format_args!("the body would nest deeper than {DEEPEST} levels")));
            }
            if serde_json::to_writer(Room(MAX_MESSAGE_BYTES), &document).is_err() {
                return Err(at(&format_args!(
                    "the body would be larger than a message may be, {MAX_MESSAGE_BYTES} bytes"
                )));
            }
        }
        Ok(document.to_string())
    }
}

fn nests_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| nests_within(item, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|item| nests_within(item, levels - 1)),
        _ => true,
    }
}

/// Takes this many bytes, and forgets them.
struct Room(usize);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| Error::other("full"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn patch(operations: Value) -> Patch {
        serde_json::from_value(operations).unwrap()
    }

    fn copies(count: usize, path: impl Fn(usize) -> String) -> Patch {
        patch((0..count).map(|number| json!({ "op": "copy", "from": "", "path": path(number) })).collect())
    }

    #[test]
    fn a_patch_changes_the_body_or_says_why_not() {
        let replaced = patch(json!([{ "op": "replace", "path": "/a", "value": 2 }]));
        assert_eq!(replaced.apply(r#"{"a":1}"#).unwrap(), r#"{"a":2}"#);
        let why = replaced.apply(r#"{"b":1}"#).unwrap_err();
        assert!(why.contains("operation 1 of the patch, at `/a`"), "{why}");
        assert!(replaced.apply("poison").unwrap_err().contains("not JSON"));
    }

    #[test]
    fn what_doubles_a_body_stops_at_the_message_limit() {
        let why = copies(40, |number| format!("/p{number}")).apply(r#"{"step":"ChargePayment"}"#).unwrap_err();
        assert!(why.contains("larger than a message may be, 1048576 bytes"), "{why}");
        let list = patch(json!([
            { "op": "add", "path": "/a", "value": ["x".repeat(60_000)] },
            { "op": "copy", "from": "/a", "path": "/a/-" }, { "op": "copy", "from": "/a", "path": "/a/-" },
            { "op": "copy", "from": "/a", "path": "/a/-" }, { "op": "copy", "from": "/a", "path": "/a/-" },
            { "op": "copy", "from": "/a", "path": "/a/-" },
        ]));
        assert!(list.apply("{}").unwrap_err().contains("operation 6 of the patch"), "16 of 60 KB fit, 32 don't");
    }

    #[test]
    fn what_nests_a_body_stops_at_its_depth() {
        let why = copies(7, |number| "/a".repeat(1 << number)).apply("{}").unwrap_err();
        assert!(why.contains("operation 7 of the patch") && why.contains("deeper than 64 levels"), "{why}");
        let moves: Value = (0..100).map(|_| json!({ "op": "move", "from": "", "path": "/a" })).collect();
        assert!(patch(moves).apply("{}").unwrap_err().contains("inside itself"));
    }

    #[test]
    fn a_patch_has_a_hundred_operations_at_most() {
        let operations = |count| Value::from(vec![json!({ "op": "test", "path": "", "value": {} }); count]);
        assert_eq!(patch(operations(100)).apply("{}").unwrap(), "{}");
        let refused = serde_json::from_value::<Patch>(operations(101)).unwrap_err();
        assert!(refused.to_string().contains("100 operations at most, and this one 101"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_patch_makes_more_of_a_body_than_a_message_carries(
            steps in proptest::collection::vec((0..5_usize, "(/[ab-]){0,3}", "(/[ab-]){0,3}"), 0..60)
        ) {
            let operation = |(kind, from, path): (usize, String, String)| match kind {
                0 => json!({ "op": "add", "path": path, "value": [[], {}] }),
                1 => json!({ "op": "move", "from": from, "path": path }),
                2 => json!({ "op": "replace", "path": path, "value": { "a": { "b": "text" } } }),
                _ => json!({ "op": "copy", "from": from, "path": path }),
            };
            let steps: Value = steps.into_iter().map(operation).collect();
            if let Ok(body) = patch(steps).apply(r#"{"a":{"b":[1]},"b":[]}"#) {
                prop_assert!(body.len() <= MAX_MESSAGE_BYTES);
                prop_assert!(nests_within(&serde_json::from_str(&body).unwrap(), DEEPEST));
            }
        }
    }
}
