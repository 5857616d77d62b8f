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
    /// Not in itself, but together with what other branches hold.
    Branches,
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

/// How large a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// The length of its JSON text.
    pub(crate) bytes: usize,
    /// What it costs to walk through it or to copy it: each piece takes about as long as some bytes of text.
    pub(crate) cost: usize,
}

/// What a bracket, a comma, a name or a value costs beside its bytes.
const PIECE_COST: usize = 16;

/// Measures a value without writing it down; `None` as soon as its text is longer than `most`.
pub(crate) fn measure(value: &Value, most: usize) -> Option<Size> {
    struct Scales {
        size: Size,
        most: usize,
    }
    impl std::io::Write for Scales {
        fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
            self.size.bytes += piece.len();
            self.size.cost += piece.len() + PIECE_COST;
            if self.size.bytes > self.most { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(piece.len()) }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut scales = Scales { size: Size::default(), most };
    serde_json::to_writer(&mut scales, value).ok().map(|()| scales.size)
}

/// Measures a value that is within bounds already, or nearly.
pub(crate) fn measure_all(value: &Value) -> Size {
    let beyond = Size { bytes: usize::MAX, cost: usize::MAX };
    measure(value, usize::MAX).unwrap_or(beyond)
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
