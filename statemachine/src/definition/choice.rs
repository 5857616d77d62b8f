//! Reads the rules of a `Choice` state.

use serde_json::Value;

use super::fields::{Fields, kind};
use crate::choice::{Is, Kind, Operand, Relation, Rule, Test, pattern};
use crate::timestamp;

/// The type-test operators.
const TESTS: [(&str, Is); 6] = [
    ("IsPresent", Is::Present),
    ("IsNull", Is::Null),
    ("IsNumeric", Is::Numeric),
    ("IsString", Is::String),
    ("IsBoolean", Is::Boolean),
    ("IsTimestamp", Is::Timestamp),
];

const KINDS: [(&str, Kind); 4] =
    [("String", Kind::String), ("Numeric", Kind::Numeric), ("Boolean", Kind::Boolean), ("Timestamp", Kind::Timestamp)];

const RELATIONS: [(&str, Relation); 5] = [
    ("Equals", Relation::Equals),
    ("LessThan", Relation::LessThan),
    ("GreaterThan", Relation::GreaterThan),
    ("LessThanEquals", Relation::LessThanEquals),
    ("GreaterThanEquals", Relation::GreaterThanEquals),
];

/// What else a rule may hold. `Next` is read with the transitions.
const BESIDES: [&str; 4] = ["Variable", "Next", "Comment", "Assign"];

enum Operator {
    Compare(Kind, Relation, bool),
    Matches,
    Is(Is),
}

/// Reads one rule; `top` ones have a `Next`, those inside `And`, `Or` and `Not` must not.
pub(crate) fn rule(fields: &Fields<'_>, top: bool) -> Option<Rule> {
    if !top && fields.has("Next") {
        fields.fault("Next", "only a rule at the top of `Choices` goes somewhere");
    }
    for (field, what) in
        [("Condition", "JSONata conditions are"), ("Assign", "variables are"), ("Output", "JSONata outputs are")]
    {
        if fields.has(field) {
            fields.unsupported(field, format!("{what} not supported yet"));
        }
    }
    let operators: Vec<&String> = fields
        .map
        .keys()
        .filter(|name| !BESIDES.contains(&name.as_str()) && !matches!(name.as_str(), "Condition" | "Output"))
        .collect();
    let [operator] = operators.as_slice() else {
        if !fields.has("Condition") {
            let names = operators.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let found = if names.is_empty() { "none".to_owned() } else { names };
            fields.fault_here(format!("a rule has exactly one comparison or boolean operator; there is {found}"));
        }
        return None;
    };
    match operator.as_str() {
        "And" => inner_rules(fields, "And").map(Rule::And),
        "Or" => inner_rules(fields, "Or").map(Rule::Or),
        "Not" => inner(fields, "Not", fields.get("Not")?).map(|rule| Rule::Not(Box::new(rule))),
        name => {
            let variable = if fields.has("Variable") {
                fields.path("Variable")
            } else {
                fields.fault("Variable", "is missing");
                None
            };
            let test = match operator_called(name) {
                Some(operator) => test(fields, name, operator),
                None => {
                    let names = choice_operators();
                    match fields.faults.closest(name, names.iter().map(String::as_str)) {
                        Some(meant) => fields.fault(name, format!("is not an operator; did you mean `{meant}`?")),
                        None => fields.fault(name, "is not an operator"),
                    }
                    None
                }
            };
            Some(Rule::Test { variable: variable?, test: test? })
        }
    }
}

fn inner_rules(fields: &Fields<'_>, name: &str) -> Option<Vec<Rule>> {
    let items = fields.list(name);
    if items.is_empty() {
        fields.fault(name, "must hold at least one rule");
        return None;
    }
    // All are read before any is missed, so that every fault is reported.
    let rules: Vec<Option<Rule>> =
        items.iter().enumerate().map(|(at, item)| inner(fields, &format!("{name}[{at}]"), item)).collect();
    rules.into_iter().collect()
}

fn inner(fields: &Fields<'_>, place: &str, value: &Value) -> Option<Rule> {
    let Value::Object(map) = value else {
        fields.fault(place, format!("must be an object, not {}", kind(value)));
        return None;
    };
    let prefix = format!("{}{place}.", fields.prefix);
    rule(&Fields { prefix: &prefix, map, ..*fields }, false)
}

fn operator_called(name: &str) -> Option<Operator> {
    if name == "StringMatches" {
        return Some(Operator::Matches);
    }
    if let Some((_, is)) = TESTS.iter().find(|(test, _)| *test == name) {
        return Some(Operator::Is(*is));
    }
    let (base, by_path) = name.strip_suffix("Path").map_or((name, false), |base| (base, true));
    KINDS.iter().find_map(|(prefix, kind)| {
        let (_, relation) = RELATIONS.iter().find(|(suffix, _)| base.strip_prefix(prefix) == Some(suffix))?;
        let known = *kind != Kind::Boolean || *relation == Relation::Equals;
        known.then_some(Operator::Compare(*kind, *relation, by_path))
    })
}

/// Every operator that a rule may have.
pub fn choice_operators() -> Vec<String> {
    let mut names: Vec<String> = ["And", "Or", "Not", "StringMatches"].map(str::to_owned).to_vec();
    names.extend(TESTS.iter().map(|(name, _)| (*name).to_owned()));
    for (kind, _) in KINDS {
        for (relation, _) in RELATIONS {
            names.extend([format!("{kind}{relation}"), format!("{kind}{relation}Path")]);
        }
    }
    names.retain(|name| operator_called(name).is_some() || matches!(name.as_str(), "And" | "Or" | "Not"));
    names
}

fn test(fields: &Fields<'_>, name: &str, operator: Operator) -> Option<Test> {
    let value = fields.get(name)?;
    match operator {
        Operator::Is(what) => {
            let expected = value.as_bool();
            if expected.is_none() {
                fields.fault(name, format!("must be a boolean, not {}", kind(value)));
            }
            Some(Test::Is { what, expected: expected? })
        }
        Operator::Matches => {
            let pieces = pattern(fields.text(name)?);
            if pieces.is_none() {
                fields.fault(name, "`\\` may only stand before `*` or `\\`");
            }
            Some(Test::Matches(pieces?))
        }
        Operator::Compare(kind, relation, true) => {
            Some(Test::Compare { kind, relation, with: Operand::Path(fields.path(name)?) })
        }
        Operator::Compare(compared, relation, false) => {
            let problem = match compared {
                Kind::String if !value.is_string() => Some("a string"),
                Kind::Numeric if !value.is_number() => Some("a number"),
                Kind::Boolean if !value.is_boolean() => Some("a boolean"),
                Kind::Timestamp if value.as_str().and_then(timestamp::parse).is_none() => Some("an RFC 3339 timestamp"),
                _ => None,
            };
            if let Some(wanted) = problem {
                fields.fault(
                    name,
                    format!(
                        "must be {wanted}, not {}",
                        if value.is_string() { format!("`{value}`") } else { kind(value).to_owned() }
                    ),
                );
                return None;
            }
            Some(Test::Compare { kind: compared, relation, with: Operand::Value(value.clone()) })
        }
    }
}
