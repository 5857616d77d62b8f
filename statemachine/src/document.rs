//! JSON that flows from state to state: parsed once, rendered once, shared by everything that shows it.
//!
//! The output of one state is the input of the next and appears in two or three history events; all of them share one
//! value and one text. Not for building JSON: that is [`crate::template`] and [`crate::reference`].

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::limits::{MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH};

/// An immutable JSON value with its text, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Document(Arc<Content>);

/// In what a payload is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    Bytes,
    Depth,
}

#[derive(Debug)]
struct Content {
    value: Value,
    text: OnceLock<Arc<str>>,
}

impl Document {
    pub(crate) fn new(value: Value) -> Self {
        Self(Arc::new(Content { value, text: OnceLock::new() }))
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0.value
    }

    /// The JSON text, rendered on first use.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(self.0.text.get_or_init(|| Arc::from(self.0.value.to_string())))
    }

    /// In what it is too large for a payload, if it is.
    pub(crate) fn excess(&self) -> Option<Excess> {
        if deeper_than(self.value(), MAX_PAYLOAD_DEPTH) {
            Some(Excess::Depth)
        } else if self.text().len() > MAX_PAYLOAD_BYTES {
            Some(Excess::Bytes)
        } else {
            None
        }
    }

    /// The value itself, without a copy when nothing else holds the document.
    pub(crate) fn into_value(self) -> Value {
        match Arc::try_unwrap(self.0) {
            Ok(content) => content.value,
            Err(shared) => shared.value.clone(),
        }
    }
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| deeper_than(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| deeper_than(field, levels - 1)),
        _ => false,
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::new)
    }
}
