//! Reads JSON and finds names that are given twice, which `serde_json` would silently let the last one win.
//!
//! What reads a definition goes down into it by recursion and repeats names in faults, so both are bounded before it is parsed.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits::{MAX_DEFINITION_BYTES, MAX_DEFINITION_DEPTH, MAX_FAULTS, MAX_FIELD_NAME_BYTES};

/// The value, and the place of every second occurrence of a name in one object.
pub(crate) fn read(text: &str) -> Result<(Value, Vec<Vec<String>>), serde_json::Error> {
    let (place, twice) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Reader { place: &place, twice: &twice }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, twice.into_inner()))
}

/// Says which bound a definition's text breaks. Whether it is JSON is not asked here.
pub(crate) fn check_bounds(text: &str) -> Result<(), String> {
    if text.len() > MAX_DEFINITION_BYTES {
        return Err(format!("a definition has at most {MAX_DEFINITION_BYTES} bytes, this one has {}", text.len()));
    }
    let (mut depth, mut line, mut string) = (0, 1, None);
    // The bytes of the string that has just ended: a name, if a colon follows.
    let mut ended = 0;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (string, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(from), b'"') => (string, ended) = (None, at - from - 1),
            (Some(_), _) => {}
            (None, b'"') => string = Some(at),
            (None, b'{' | b'[') => {
                depth += 1;
                if depth > MAX_DEFINITION_DEPTH {
                    return Err(format!("is nested deeper than {MAX_DEFINITION_DEPTH} levels in line {line}"));
                }
            }
            (None, b'}' | b']') => depth = depth.saturating_sub(1),
            (None, b':') if ended > MAX_FIELD_NAME_BYTES => {
                let most = MAX_FIELD_NAME_BYTES;
                return Err(format!("the name of a field has at most {most} bytes, one in line {line} has {ended}"));
            }
            (None, b'\n') => line += 1,
            (None, _) => {}
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Reader<'r> {
    place: &'r RefCell<Vec<String>>,
    twice: &'r RefCell<Vec<Vec<String>>>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            self.place.borrow_mut().push(format!("[{}]", items.len()));
            let item = seq.next_element_seed(self)?;
            self.place.borrow_mut().pop();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            self.place.borrow_mut().push(name.clone());
            // One more than is told of: each holds its whole place, of which a text can have a great many.
            if fields.contains_key(&name) && self.twice.borrow().len() <= MAX_FAULTS {
                self.twice.borrow_mut().push(self.place.borrow().clone());
            }
            let value = map.next_value_seed(self)?;
            fields.insert(name, value);
            self.place.borrow_mut().pop();
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_second_occurrence_of_a_name_is_found() {
        let (value, twice) =
            read(r#"{"a": 1, "b": [{"c": 1, "c": 2}], "a": 3, "d": null, "e": [true, -1, 1.5, "x"]}"#).unwrap();
        assert_eq!(value, json!({"a": 3, "b": [{"c": 2}], "d": null, "e": [true, -1, 1.5, "x"]}));
        assert_eq!(twice, [vec!["b", "[0]", "c"], vec!["a"]]);
    }

    #[test]
    fn text_after_the_value_is_an_error() {
        assert!(read("{} x").is_err());
    }
}
