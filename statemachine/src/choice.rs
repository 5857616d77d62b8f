//! Choice rules: compiled comparisons and the boolean operators over them.
//!
//! Only evaluation and the operators' names are here; reading a rule out of a definition, and every fault it can have,
//! is in `definition::choice`. Not for JSONata's `Condition`.
//!
//! Source: Amazon States Language specification, "Choice State: Data-test expression"; AWS Step Functions Developer
//! Guide, "Choice workflow state".

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Number, Value};

use crate::context::ContextObject;
use crate::path::{Path, Problem, Unread};
use crate::timestamp;

/// A compiled rule without its target.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test { variable: Path, test: Test },
}

/// What is asked of one variable.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Compare { kind: Kind, relation: Relation, with: Operand },
    Matches(Vec<Piece>),
    Is { what: Is, expected: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    Numeric,
    Boolean,
    Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

/// What a variable is compared with: a value of the definition, or one of the data (`…Path`).
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Value(Value),
    Path(Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    Present,
    Null,
    Numeric,
    String,
    Boolean,
    Timestamp,
}

/// A part of a `StringMatches` pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// `*`
    Any,
}

impl Rule {
    /// Whether the rule holds, or AWS's words for a path in it that found nothing.
    pub(crate) fn holds(&self, data: &Value, context: &ContextObject<'_>) -> Result<bool, Problem> {
        match self {
            Self::And(rules) => {
                for rule in rules {
                    if !rule.holds(data, context)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => {
                for rule in rules {
                    if rule.holds(data, context)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(rule) => rule.holds(data, context).map(|holds| !holds),
            Self::Test { variable, test } => {
                let found = match (variable.select(data, context), test) {
                    (Ok(_), Test::Is { what: Is::Present, expected }) => return Ok(*expected),
                    (Err(Unread::Missing(_)), Test::Is { what: Is::Present, expected }) => return Ok(!expected),
                    (found, _) => found,
                };
                let value = found.map_err(|unread| unread.told(|_| invalid_reference(variable)))?;
                test.passes(&value, data, context)
            }
        }
    }
}

impl Rule {
    /// Every path inside.
    pub(crate) fn paths<'r>(&'r self, found: &mut Vec<&'r Path>) {
        match self {
            Self::And(rules) | Self::Or(rules) => rules.iter().for_each(|rule| rule.paths(found)),
            Self::Not(rule) => rule.paths(found),
            Self::Test { variable, test } => {
                found.push(variable);
                if let Test::Compare { with: Operand::Path(path), .. } = test {
                    found.push(path);
                }
            }
        }
    }
}

/// For people: labels in a graph.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, rules: &[Rule], word: &str| {
            for (at, rule) in rules.iter().enumerate() {
                let word = if at == 0 { "" } else { word };
                match rule {
                    Self::And(_) | Self::Or(_) => write!(f, "{word}({rule})")?,
                    Self::Not(_) | Self::Test { .. } => write!(f, "{word}{rule}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::And(rules) => joined(f, rules, " and "),
            Self::Or(rules) => joined(f, rules, " or "),
            Self::Not(rule) => write!(f, "not ({rule})"),
            Self::Test { variable, test } => write!(f, "{} {test}", variable.text()),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare { relation, with, .. } => {
                let sign = match relation {
                    Relation::Equals => "==",
                    Relation::LessThan => "<",
                    Relation::GreaterThan => ">",
                    Relation::LessThanEquals => "<=",
                    Relation::GreaterThanEquals => ">=",
                };
                match with {
                    Operand::Value(value) => write!(f, "{sign} {value}"),
                    Operand::Path(path) => write!(f, "{sign} {}", path.text()),
                }
            }
            Self::Matches(pieces) => {
                f.write_str("matches ")?;
                pieces.iter().try_for_each(|piece| match piece {
                    Piece::Text(text) => f.write_str(text),
                    Piece::Any => f.write_str("*"),
                })
            }
            Self::Is { what, expected } => {
                let not = if *expected { "" } else { "not " };
                let what = match what {
                    Is::Present => "present",
                    Is::Null => "null",
                    Is::Numeric => "a number",
                    Is::String => "a string",
                    Is::Boolean => "a boolean",
                    Is::Timestamp => "a timestamp",
                };
                write!(f, "is {not}{what}")
            }
        }
    }
}

impl Test {
    fn passes(&self, value: &Value, data: &Value, context: &ContextObject<'_>) -> Result<bool, Problem> {
        // No test looks at more than a string.
        context.budget.spend(value.as_str().map_or(0, str::len))?;
        match self {
            Self::Compare { kind, relation, with } => match with {
                Operand::Value(other) => Ok(kind.compare(value, other, *relation)),
                Operand::Path(path) => {
                    let other =
                        path.select(data, context).map_err(|unread| unread.told(|_| invalid_reference(path)))?;
                    Ok(kind.compare(value, &other, *relation))
                }
            },
            Self::Matches(pattern) => Ok(value.as_str().is_some_and(|text| matches(pattern, text))),
            Self::Is { what, expected } => Ok(what.is(value) == *expected),
        }
    }
}

impl Kind {
    /// A value of another type is never equal, less or greater.
    fn compare(self, a: &Value, b: &Value, relation: Relation) -> bool {
        let ordering = match (self, a, b) {
            (Self::String, Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Self::Numeric, Value::Number(a), Value::Number(b)) => order(a, b),
            (Self::Boolean, Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Self::Timestamp, Value::String(a), Value::String(b)) => {
                timestamp::parse(a).zip(timestamp::parse(b)).map(|(a, b)| a.cmp(&b))
            }
            _ => None,
        };
        ordering.is_some_and(|ordering| match relation {
            Relation::Equals => ordering == Ordering::Equal,
            Relation::LessThan => ordering == Ordering::Less,
            Relation::GreaterThan => ordering == Ordering::Greater,
            Relation::LessThanEquals => ordering != Ordering::Greater,
            Relation::GreaterThanEquals => ordering != Ordering::Less,
        })
    }
}

/// Whole numbers exactly, others as floating point.
fn order(a: &Number, b: &Number) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.as_i128(), b.as_i128()) {
        return Some(a.cmp(&b));
    }
    a.as_f64()?.partial_cmp(&b.as_f64()?)
}

impl Is {
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Present => true,
            Self::Null => value.is_null(),
            Self::Numeric => value.is_number(),
            Self::String => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Timestamp => value.as_str().is_some_and(|text| timestamp::parse(text).is_some()),
        }
    }
}

fn invalid_reference(path: &Path) -> String {
    format!("Invalid path '{}': The choice state's condition path references an invalid value.", path.text())
}

/// Splits a `StringMatches` pattern: `*` is any text, `\*` a star, `\\` a backslash. `None` for any other escape.
pub(crate) fn pattern(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => literal.push(chars.next().filter(|c| matches!(c, '*' | '\\'))?),
            '*' => {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                if pieces.last() != Some(&Piece::Any) {
                    pieces.push(Piece::Any);
                }
            }
            c => literal.push(c),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Some(pieces)
}

/// Linear: the first piece must be at the start and the last at the end, those between go as far left as they can.
fn matches(pattern: &[Piece], text: &str) -> bool {
    let mut rest = text;
    let mut free = false;
    for (at, piece) in pattern.iter().enumerate() {
        match piece {
            Piece::Any => free = true,
            Piece::Text(literal) if !free => match rest.strip_prefix(literal.as_str()) {
                Some(after) => rest = after,
                None => return false,
            },
            Piece::Text(literal) if at + 1 == pattern.len() => return rest.ends_with(literal.as_str()),
            Piece::Text(literal) => match rest.find(literal.as_str()) {
                Some(found) => {
                    rest = &rest[found + literal.len()..];
                    free = false;
                }
                None => return false,
            },
        }
    }
    free || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern_text: &str, text: &str) -> bool {
        matches(&pattern(pattern_text).unwrap(), text)
    }

    #[test]
    fn a_star_stands_for_any_text_and_an_escaped_one_for_itself() {
        for (pattern, text, expected) in [
            ("log-*.txt", "log-1.txt", true),
            ("log-*.txt", "log-1.txt.gz", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("*a", "aba", true),
            ("a*a", "a", false),
            ("*ab*ab", "xabab", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
        assert_eq!(pattern("a\\b"), None);
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let eq = |a: Value, b: Value| Kind::Numeric.compare(&a, &b, Relation::Equals);
        assert!(eq(1.into(), 1.0.into()));
        assert!(!eq(u64::MAX.into(), (u64::MAX - 1).into()));
        assert!(!eq(1.into(), "1".into()));
    }
}
