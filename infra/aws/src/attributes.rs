//! Items of DynamoDB: making attribute values, and reading them back.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use orders::ports::Unavailable;

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Renders for an attribute; the types have string keys only, so this fails on no input.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<AttributeValue, Unavailable> {
    serde_json::to_string(value).map(AttributeValue::S).map_err(|error| Unavailable::new("Store", error))
}

/// A string or number attribute, parsed. An item that can't be read is somebody else's: no retry of ours will change it,
/// but an operator may.
pub(crate) fn read<T: FromStr>(item: &Item, name: &str) -> Result<T, Unavailable> {
    string(item, name).and_then(|text| text.parse().ok()).ok_or_else(|| unreadable(name))
}

/// A string attribute that holds JSON.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(item: &Item, name: &str) -> Result<T, Unavailable> {
    let text = string(item, name).ok_or_else(|| unreadable(name))?;
    serde_json::from_str(text).map_err(|error| Unavailable::new("Store", format_args!("attribute `{name}`: {error}")))
}

/// A string's text or a number's digits, if there is such an attribute.
pub(crate) fn string<'a>(item: &'a Item, name: &str) -> Option<&'a String> {
    match item.get(name)? {
        AttributeValue::S(text) | AttributeValue::N(text) => Some(text),
        _ => None,
    }
}

fn unreadable(name: &str) -> Unavailable {
    Unavailable::new("Store", format_args!("an item's attribute `{name}` is missing or can't be read"))
}
