//! JSONPath: compiled when a definition is loaded, evaluated at each step.
//!
//! A *definite* path (`$.a['b'][0]`) selects one value; it is walked by the few lines below, because nearly all paths of
//! a workflow are of this kind and a step is a hot path. Anything else (wildcards, slices, filters, descendants) is
//! RFC 9535 and belongs to `serde_json_path`; as in Jayway, which AWS uses, such a path gives an array, maybe an empty one.
//! Not for writing to a place: that is [`crate::reference`]. Not for variables or intrinsic functions.
//!
//! Source: AWS Step Functions Developer Guide, "Using JSONPath paths"; Amazon States Language specification, "Paths".

mod bounds;

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::budget::Spent;
use crate::context::ContextObject;
use crate::document::{Excess, measure, measure_all};
use crate::limits::{MAX_PATH_BYTES, MAX_PATH_STEPS, MAX_PAYLOAD_BYTES};

/// What a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// `$`: the state's data.
    Data,
    /// `$$`: the context object.
    Context,
}

/// One step of a definite path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Field(String),
    /// Counted from the end when negative.
    Index(i64),
}

#[derive(Clone, Debug)]
enum Query {
    Definite(Vec<Segment>),
    /// With how often it may select the same place.
    Indefinite(Box<JsonPath>, usize),
}

/// A compiled path.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    text: String,
    root: Root,
    query: Query,
}

/// Why a definite path found nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// How many segments were found before the one that was not.
    pub(crate) found: usize,
}

/// Why a path gave nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    Missing(Missing),
    /// It selects more than a payload may have.
    TooLarge,
    Spent,
}

/// Why data could not be read or made: what to tell of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// In AWS's words.
    Words(String),
    TooLarge(Excess),
    Spent,
}

impl Unread {
    /// `words` are for something that isn't there.
    pub(crate) fn told(self, words: impl FnOnce(&Missing) -> String) -> Problem {
        match self {
            Self::Missing(missing) => Problem::Words(words(&missing)),
            Self::TooLarge => Problem::TooLarge(Excess::Bytes),
            Self::Spent => Problem::Spent,
        }
    }
}

impl From<Spent> for Unread {
    fn from(Spent: Spent) -> Self {
        Self::Spent
    }
}

impl From<Spent> for Problem {
    fn from(Spent: Spent) -> Self {
        Self::Spent
    }
}

/// Why a text is not a path this engine can run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPath {
    #[error("{0}")]
    Invalid(String),
    #[error("{0} are not supported yet")]
    Unsupported(&'static str),
}

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, BadPath> {
        if text.len() > MAX_PATH_BYTES {
            return Err(BadPath::Invalid(format!(
                "a path has at most {MAX_PATH_BYTES} bytes, this one has {}",
                text.len()
            )));
        }
        if text.starts_with("States.") {
            return Err(BadPath::Unsupported("intrinsic functions"));
        }
        let (root, rest) = match (text.strip_prefix("$$"), text.strip_prefix('$')) {
            (Some(rest), _) => (Root::Context, rest),
            (None, Some(rest)) => (Root::Data, rest),
            (None, None) => return Err(BadPath::Invalid("a path starts with `$`".to_owned())),
        };
        if rest.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err(BadPath::Unsupported("variables"));
        }
        let query = match segments(rest).map_err(BadPath::Invalid)? {
            Some(segments) => Query::Definite(segments),
            None => {
                let text = standard(rest);
                let fan = bounds::check(&text).map_err(BadPath::Invalid)?;
                let query = JsonPath::parse(&text).map_err(|error| BadPath::Invalid(error.to_string()))?;
                Query::Indefinite(Box::new(query), fan)
            }
        };
        Ok(Self { text: text.to_owned(), root, query })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn root(&self) -> Root {
        self.root
    }

    pub(crate) fn is_whole_data(&self) -> bool {
        self.root == Root::Data && matches!(&self.query, Query::Definite(segments) if segments.is_empty())
    }

    /// The segments, when the path is definite.
    pub(crate) fn definite(&self) -> Option<&[Segment]> {
        match &self.query {
            Query::Definite(segments) => Some(segments),
            Query::Indefinite(..) => None,
        }
    }

    /// What the path selects; borrowed wherever the data already holds it as it is.
    pub(crate) fn select<'v>(&self, data: &'v Value, context: &'v ContextObject<'_>) -> Result<Cow<'v, Value>, Unread> {
        match &self.query {
            Query::Definite(segments) => {
                context.budget.spend(STEP_COST * (1 + segments.len()))?;
                match self.root {
                    Root::Data => walk(data, segments).map(Cow::Borrowed).map_err(Unread::Missing),
                    Root::Context => context.select(segments),
                }
            }
            Query::Indefinite(query, fan) => match self.root {
                Root::Data => all(query, *fan, data, context),
                Root::Context => all(query, *fan, &context.whole(), context),
            }
            .map(Cow::Owned),
        }
    }

    /// A copy of what the path selects, which takes up `room`.
    pub(crate) fn read(&self, data: &Value, context: &ContextObject<'_>, room: &mut usize) -> Result<Value, Unread> {
        let value = self.select(data, context)?;
        let size = measure(&value, *room).ok_or(Unread::TooLarge)?;
        *room -= size.bytes;
        context.budget.spend(size.cost)?;
        Ok(value.into_owned())
    }

    /// AWS's (that is Jayway's) wording for a definite path that found nothing.
    pub(crate) fn missing(&self, missing: &Missing) -> String {
        let segments = self.definite().unwrap_or_default();
        let upto = segments.get(..=missing.found).unwrap_or(segments);
        let place: String = upto.iter().map(Segment::to_string).collect();
        let what = if missing.found + 1 < segments.len() { "Missing property in path" } else { "No results for path:" };
        format!("Invalid path '{}' : {what} ${place}", self.text)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "['{name}']"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Follows definite segments.
pub(crate) fn walk<'v>(data: &'v Value, segments: &[Segment]) -> Result<&'v Value, Missing> {
    let mut at = data;
    for (found, segment) in segments.iter().enumerate() {
        at = match (segment, at) {
            (Segment::Field(name), Value::Object(fields)) => fields.get(name),
            (Segment::Index(index), Value::Array(items)) => position(*index, items.len()).and_then(|i| items.get(i)),
            _ => None,
        }
        .ok_or(Missing { found })?;
    }
    Ok(at)
}

/// The place that a possibly negative index means in an array of this length.
pub(crate) fn position(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// What a step costs: some look-ups take about as long as reading so many bytes.
const STEP_COST: usize = 16;

fn all(query: &JsonPath, fan: usize, data: &Value, context: &ContextObject<'_>) -> Result<Value, Unread> {
    context.budget.spend(measure_all(data).cost.saturating_mul(fan))?;
    let mut room = MAX_PAYLOAD_BYTES;
    let mut found = Vec::new();
    for value in query.query(data).all() {
        // The comma as well: a list of nothing but small values is long, too.
        room = measure(value, room).and_then(|size| room.checked_sub(size.bytes + 1)).ok_or(Unread::TooLarge)?;
        found.push(value.clone());
    }
    Ok(Value::Array(found))
}

/// The segments after the root, or `None` for a path that may select several values.
fn segments(text: &str) -> Result<Option<Vec<Segment>>, String> {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '.' => {
                if rest.starts_with(['.', '*']) {
                    return Ok(None);
                }
                let end = rest.find(ends_name).unwrap_or(rest.len());
                if end == 0 {
                    return Err(format!("a name is missing after `.` in `${text}`"));
                }
                segments.push(Segment::Field(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            '[' => {
                let Some((segment, after)) = bracket(rest) else { return Ok(None) };
                segments.push(segment);
                rest = after;
            }
            other => return Err(format!("`{other}` is not expected in `${text}`")),
        }
    }
    if segments.len() > MAX_PATH_STEPS {
        return Err(bounds::too_many_steps(segments.len()));
    }
    Ok(Some(segments))
}

/// What can't be part of a name after a dot. Jayway takes nearly everything else, hyphens for one, and so does AWS.
fn ends_name(c: char) -> bool {
    matches!(c, '.' | '[' | ']' | '(' | ')' | '*' | '?' | '@' | ',' | ':' | '\'' | '"' | '\\')
        || c.is_whitespace()
        || c.is_control()
}

/// `'name']`, `"name"]` or `12]`; `None` for any other selector.
fn bracket(text: &str) -> Option<(Segment, &str)> {
    let text = text.trim_start();
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let mut name = String::new();
        let mut chars = text[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                // Only what would end the name needs an escape; before anything else a backslash is a backslash.
                '\\' => match chars.clone().next()?.1 {
                    escaped if escaped == quote || escaped == '\\' => {
                        name.push(escaped);
                        chars.next();
                    }
                    _ => name.push(c),
                },
                _ if c == quote => {
                    let after = text[1 + at + 1..].trim_start().strip_prefix(']')?;
                    return Some((Segment::Field(name), after));
                }
                _ => name.push(c),
            }
        }
        return None;
    }
    let (number, after) = text.split_once(']')?;
    Some((Segment::Index(number.trim().parse().ok()?), after))
}

/// The path as RFC 9535 wants it: names after a dot which only Jayway takes go into brackets.
fn standard(rest: &str) -> String {
    let mut out = String::from("$");
    let mut rest = rest;
    while let Some(first) = rest.chars().next() {
        if first == '[' {
            let end = closing(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if first == '.' && !rest[1..].starts_with(['.', '*', '[']) {
            let end = rest[1..].find(ends_name).map_or(rest.len(), |end| end + 1);
            let dots = if out.ends_with('.') { "." } else { "" };
            let name = &rest[1..end];
            let plain = name
                .chars()
                .enumerate()
                .all(|(i, c)| c == '_' || !c.is_ascii() || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit()));
            if plain || name.is_empty() {
                out.push_str(&rest[..end]);
            } else {
                out.push_str(dots);
                out.push_str(&format!("['{name}']"));
            }
            rest = &rest[end..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// The length of the bracketed text at the start, brackets and quotes inside respected.
fn closing(text: &str) -> usize {
    let (mut depth, mut quote, mut escaped) = (0_u32, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::context::tests::with_context;

    fn select(path: &str, data: Value) -> Result<Value, String> {
        let path = Path::parse(path).map_err(|error| error.to_string())?;
        with_context(|context| {
            let told = |unread: Unread| match unread.told(|missing| path.missing(missing)) {
                Problem::Words(words) => words,
                other => format!("{other:?}"),
            };
            path.select(&data, context).map(Cow::into_owned).map_err(told)
        })
    }

    #[test]
    fn a_definite_path_gives_its_value() {
        let data = json!({"a": {"b-c": [1, {"d e": 2}]}, "ü": 3});
        assert_eq!(select("$", json!(1)), Ok(json!(1)));
        assert_eq!(select("$.a.b-c[0]", data.clone()), Ok(json!(1)));
        assert_eq!(select("$['a']['b-c'][-1][\"d e\"]", data.clone()), Ok(json!(2)));
        assert_eq!(select("$.ü", data), Ok(json!(3)));
        assert_eq!(select(r#"$['it\'s']['a\\b']['\"']"#, json!({"it's": {"a\\b": {"\\\"": 1}}})), Ok(json!(1)));
    }

    #[test]
    fn an_indefinite_path_gives_an_array_and_an_empty_one_when_nothing_is_there() {
        let data = json!({"a-b": [{"n": 1}, {"n": 2}, {"n": 3}]});
        assert_eq!(select("$.a-b[*].n", data.clone()), Ok(json!([1, 2, 3])));
        assert_eq!(select("$.a-b[1:]", data.clone()), Ok(json!([{"n": 2}, {"n": 3}])));
        assert_eq!(select("$..n", data.clone()), Ok(json!([1, 2, 3])));
        assert_eq!(select("$.a-b[?(@.n > 1)].n", data.clone()), Ok(json!([2, 3])));
        assert_eq!(select("$.none[*].x", data), Ok(json!([])));
    }

    #[test]
    fn a_missing_value_is_told_in_the_words_of_aws() {
        let data = json!({"a": {}});
        assert_eq!(select("$.b", data.clone()), Err("Invalid path '$.b' : No results for path: $['b']".to_owned()));
        assert_eq!(select("$.b.c", data), Err("Invalid path '$.b.c' : Missing property in path $['b']".to_owned()));
    }

    #[test]
    fn the_context_object_is_reached_with_two_dollars() {
        assert_eq!(select("$$.Execution.Name", json!({})), Ok(json!("order-1")));
        assert!(select("$$.Execution.Nothing", json!({})).is_err());
    }

    #[test]
    fn what_is_no_path_or_not_supported_is_refused() {
        for text in ["", "a", "$.", "$a[", "$.a b", "$[", "$.a[", "$.a[?(", "$$$"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert_eq!(Path::parse("$var").unwrap_err(), BadPath::Unsupported("variables"));
        assert_eq!(Path::parse("States.UUID()").unwrap_err(), BadPath::Unsupported("intrinsic functions"));
    }
}
