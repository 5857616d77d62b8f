//! What serde says of a text that doesn't fit its types, in the words of whoever wrote the text. Rust's types are ours alone.
//!
//! There is nothing to go by but serde's sentences ("invalid type: map, expected a string"; see `serde::de::Error` and
//! `serde::de::Unexpected`). One that is none of them is one of our own types', and is passed on.

use std::borrow::Cow;
use std::fmt;

use serde_json::error::Category;
use serde_path_to_error::Segment;

use crate::problem::Fault;

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A body, or a message.
    Json,
    /// A configuration file.
    Toml,
}

impl Format {
    const fn object(self) -> &'static str {
        match self {
            Self::Json => "an object",
            Self::Toml => "a table",
        }
    }
}

/// What doesn't fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The field that it is about, seen from where serde noticed.
    pub field: Option<String>,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "`{field}`: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl Misfit {
    /// Of one of serde's sentences.
    pub fn of(sentence: &str, format: Format) -> Self {
        let field = |field: &str, detail: String| Self { field: Some(field.to_owned()), detail };
        let whole = |detail: String| Self { field: None, detail };
        if let Some(name) = between(sentence, "missing field `", "`") {
            field(name, "this field is missing".to_owned())
        } else if let Some(name) = between(sentence, "duplicate field `", "`") {
            field(name, "this field is here twice".to_owned())
        } else if let Some((name, known)) = split(sentence, "unknown field `", "`, expected ") {
            field(name, format!("there is no such field; there are {}", names(known)))
        } else if let Some(name) = between(sentence, "unknown field `", "`, there are no fields") {
            field(name, "there is no such field, nor any other".to_owned())
        } else if let Some((_, known)) = split(sentence, "unknown variant `", "`, expected ") {
            whole(format!("not one of {}", names(known)))
        } else if let Some((found, wanted)) = split(sentence, "invalid type: ", ", expected ")
            .or_else(|| split(sentence, "invalid value: ", ", expected "))
        {
            whole(format!("expected {}, not {}", expected(wanted, format), unexpected(found, format)))
        } else if let Some((_, wanted)) = split(sentence, "invalid length ", ", expected ") {
            whole(format!("expected {}", expected(wanted, format)))
        } else {
            whole(sentence.to_owned())
        }
    }
}

/// What stands between the two, if the sentence begins and ends with them.
fn between<'s>(sentence: &'s str, begin: &str, end: &str) -> Option<&'s str> {
    sentence.strip_prefix(begin)?.strip_suffix(end)
}

/// Both sides of the last `middle`, if the sentence begins like that: the first side quotes what was sent.
fn split<'s>(sentence: &'s str, begin: &str, middle: &str) -> Option<(&'s str, &'s str)> {
    sentence.strip_prefix(begin)?.rsplit_once(middle)
}

/// "one of `a`, `b`", "`a` or `b`" or "`a`".
fn names(quoted: &str) -> String {
    quoted.split('`').skip(1).step_by(2).collect::<Vec<_>>().join(", ")
}

fn unexpected(found: &str, format: Format) -> Cow<'_, str> {
    let in_backticks = || found.split('`').nth(1).unwrap_or(found);
    match found.split([' ', '`']).next().unwrap_or_default() {
        "boolean" | "integer" | "floating" => in_backticks().into(),
        "string" => found.trim_start_matches("string ").into(),
        "character" => "a string".into(),
        "unit" | "null" | "Option" => "null".into(),
        "sequence" => "an array".into(),
        "map" => format.object().into(),
        _ => found.into(),
    }
}

fn expected(wanted: &str, format: Format) -> Cow<'_, str> {
    let fields = ["struct ", "internally tagged enum ", "adjacently tagged enum ", "map with "];
    let items = ["tuple struct ", "a tuple of size ", "an array of length "];
    match wanted {
        "a boolean" => "true or false".into(),
        "a borrowed string" | "string" | "variant identifier" => "a string".into(),
        "a sequence" => "an array".into(),
        "a map" => format.object().into(),
        "unit" => "null".into(),
        "f32" | "f64" => "a number".into(),
        "string or map" => format!("a string or {}", format.object()).into(),
        "a timestamp string" => "a time, such as 2026-01-31T12:00:00Z".into(),
        "a signed duration string" => "a length of time, such as 30s or 5m".into(),
        _ if fields.iter().any(|fields| wanted.starts_with(fields)) => format.object().into(),
        _ if items.iter().any(|items| wanted.starts_with(items)) => "an array".into(),
        _ => integer(wanted).unwrap_or(wanted.into()),
    }
}

/// An integer's name and range.
fn integer(wanted: &str) -> Option<Cow<'static, str>> {
    let (least, kind) = match wanted.strip_prefix("a nonzero ") {
        Some(kind) => (1, kind),
        None => (0, wanted),
    };
    Some(match kind {
        "u8" => format!("an integer from {least} to {}", u8::MAX).into(),
        "u16" => format!("an integer from {least} to {}", u16::MAX).into(),
        "u32" => format!("an integer from {least} to {}", u32::MAX).into(),
        "u64" | "u128" | "usize" => format!("an integer of {least} or more").into(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer".into(),
        _ => return None,
    })
}

/// What is wrong with a JSON text.
pub fn of_json(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => Misfit::of(&without_place(&error.to_string()), Format::Json).to_string(),
        Category::Syntax | Category::Eof | Category::Io => not_json(error),
    }
}

fn without_place(text: &str) -> Cow<'_, str> {
    text.rsplit_once(" at line ").map_or(text, |(sentence, _)| sentence).into()
}

fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = [
        ("EOF while parsing", "it ends within"),
        ("recursion limit exceeded", "it is nested too deeply"),
        ("expected ident", "expected true, false or null"),
    ];
    format!("this is not JSON: {}", words.iter().fold(text, |text, (theirs, ours)| text.replacen(theirs, ours, 1)))
}

/// The fault of a body.
pub(crate) fn fault(error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let text = error.inner().to_string();
    let sentence = without_place(&text);
    let pointer = pointer_of(error.path());
    if sentence == "number out of range" {
        return Fault::at(pointer, "the number is out of range");
    }
    if error.inner().classify() != Category::Data {
        return Fault::at("", not_json(error.inner()));
    }
    match Misfit::of(&sentence, Format::Json) {
        // Its name is the place already.
        Misfit { field: Some(_), detail } if sentence.starts_with("unknown field") => Fault::at(pointer, detail),
        Misfit { field: Some(field), detail } => Fault::at(join(pointer, &field), detail),
        Misfit { field: None, detail } => Fault::at(pointer, detail),
    }
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => join(pointer, key),
        Segment::Enum { variant } => join(pointer, variant),
        Segment::Unknown => pointer,
    })
}

/// One step deeper (RFC 6901, 3).
pub(crate) fn join(mut pointer: String, key: &str) -> String {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sentence: &str) -> String {
        Misfit::of(sentence, Format::Json).to_string()
    }

    #[test]
    fn serdes_sentences_are_said_in_the_words_of_json() {
        assert_eq!(said("missing field `a`"), "`a`: this field is missing");
        assert_eq!(said("duplicate field `a`"), "`a`: this field is here twice");
        assert_eq!(said("unknown field `x`, expected `a` or `b`"), "`x`: there is no such field; there are a, b");
        assert_eq!(
            said("unknown field `x`, expected one of `a`, `b`, `c`"),
            "`x`: there is no such field; there are a, b, c"
        );
        assert_eq!(said("unknown field `x`, there are no fields"), "`x`: there is no such field, nor any other");
        assert_eq!(said("unknown variant `x`, expected one of `a`, `b`"), "not one of a, b");
        assert_eq!(said("invalid type: map, expected a sequence"), "expected an array, not an object");
        assert_eq!(said("invalid type: sequence, expected struct Selection"), "expected an object, not an array");
        assert_eq!(said("invalid type: null, expected a boolean"), "expected true or false, not null");
        assert_eq!(said("invalid type: floating point `1.5`, expected i64"), "expected an integer, not 1.5");
        assert_eq!(
            said("invalid value: integer `-1`, expected a nonzero u32"),
            "expected an integer from 1 to 4294967295, not -1"
        );
        assert_eq!(said("invalid value: integer `-1`, expected usize"), "expected an integer of 0 or more, not -1");
        assert_eq!(said("invalid length 0, expected struct Selection with 5 elements"), "expected an object");
        assert_eq!(said("not a valid SKU: 1 to 64, expected or not"), "not a valid SKU: 1 to 64, expected or not");
    }

    #[test]
    fn what_was_sent_is_not_taken_for_serdes_own_words() {
        let sent = r#"invalid type: string "x, expected a map", expected a string"#;
        assert_eq!(said(sent), r#"expected a string, not "x, expected a map""#);
        let sent = "unknown field `x`, expected `y`, expected `a`";
        assert_eq!(said(sent), "`x`, expected `y`: there is no such field; there are a");
    }

    #[test]
    fn a_file_has_tables() {
        let said = Misfit::of("invalid type: string \"x\", expected a map", Format::Toml);
        assert_eq!(said.detail, "expected a table, not \"x\"");
    }
}
