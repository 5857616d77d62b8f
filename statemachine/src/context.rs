//! The context object (`$$`): what a workflow may know about its own run.
//!
//! Nothing is built ahead: a path such as `$$.Task.Token` makes the one value it asks for.
//!
//! Source: AWS Step Functions Developer Guide, "Accessing execution data from the Context object".

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::budget::Budget;
use crate::document::measure_all;
use crate::language::CONTEXT_FIELDS;
use crate::path::{Missing, Segment, Unread, walk};
use crate::token::TaskToken;

/// Who is running: what the caller says about an execution when it starts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The execution's ARN, `$$.Execution.Id`.
    #[serde(rename = "e")]
    pub execution_arn: String,
    /// The execution's name, `$$.Execution.Name`. Task tokens carry it.
    #[serde(rename = "n")]
    pub execution_name: String,
    /// The role the workflow runs as, `$$.Execution.RoleArn`.
    #[serde(rename = "r")]
    pub role_arn: String,
    /// The state machine's ARN, `$$.StateMachine.Id`. Its region is the one in `TaskScheduled` events.
    #[serde(rename = "m")]
    pub state_machine_arn: String,
    /// The state machine's name, `$$.StateMachine.Name`.
    #[serde(rename = "a")]
    pub state_machine_name: String,
}

impl Context {
    /// The region in the state machine's ARN (`arn:partition:service:region:…`), or nothing.
    pub(crate) fn region(&self) -> &str {
        self.state_machine_arn.split(':').nth(3).unwrap_or_default()
    }
}

/// The context object as one state sees it.
pub(crate) struct ContextObject<'e> {
    pub(crate) context: &'e Context,
    pub(crate) started: Timestamp,
    /// How often it was redriven, and when last.
    pub(crate) redriven: Option<(u32, Timestamp)>,
    pub(crate) input: Option<&'e Value>,
    pub(crate) state: &'e str,
    pub(crate) entered: Timestamp,
    /// Only states that can be retried have one.
    pub(crate) retry_count: Option<u32>,
    /// Only while a task is being scheduled.
    pub(crate) token: Option<&'e TaskToken>,
    /// What is left of this turn. Not a part of the object, but needed wherever that is.
    pub(crate) budget: &'e Budget,
}

impl ContextObject<'_> {
    /// The value at a definite path; borrowed where it is a part of the input.
    pub(crate) fn select(&self, segments: &[Segment]) -> Result<Cow<'_, Value>, Unread> {
        if let [Segment::Field(part), Segment::Field(field), rest @ ..] = segments {
            let missing = |found| Unread::Missing(Missing { found });
            let found = match self.field(part, field).ok_or(missing(1))? {
                Cow::Borrowed(value) => walk(value, rest).map(Cow::Borrowed),
                Cow::Owned(value) => walk(&value, rest).cloned().map(Cow::Owned),
            };
            return found.map_err(|Missing { found }| missing(found + 2));
        }
        let whole = self.whole();
        self.budget.spend(measure_all(&whole).cost)?;
        walk(&whole, segments).cloned().map(Cow::Owned).map_err(Unread::Missing)
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Value {
        let mut whole = Map::new();
        for (name, fields) in CONTEXT_FIELDS {
            let fields =
                fields.iter().filter_map(|field| Some(((*field).to_owned(), self.field(name, field)?.into_owned())));
            let part: Map<String, Value> = fields.collect();
            if !part.is_empty() {
                whole.insert(name.to_owned(), Value::Object(part));
            }
        }
        Value::Object(whole)
    }

    /// One of [`CONTEXT_FIELDS`], where it is there.
    fn field(&self, part: &str, field: &str) -> Option<Cow<'_, Value>> {
        let context = self.context;
        let made = match (part, field) {
            ("Execution", "Input") => return self.input.map(Cow::Borrowed),
            ("Execution", "Id") => json!(context.execution_arn),
            ("Execution", "Name") => json!(context.execution_name),
            ("Execution", "RoleArn") => json!(context.role_arn),
            ("Execution", "StartTime") => json!(instant(self.started)),
            // Executions of Express workflows can't be redriven, and AWS gives them no count.
            ("Execution", "RedriveCount") if context.execution_arn.split(':').nth(5) != Some("express") => {
                json!(self.redriven.map_or(0, |(count, _)| count))
            }
            ("Execution", "RedriveTime") => json!(instant(self.redriven?.1)),
            ("State", "Name") => json!(self.state),
            ("State", "EnteredTime") => json!(instant(self.entered)),
            ("State", "RetryCount") => json!(self.retry_count?),
            ("StateMachine", "Id") => json!(context.state_machine_arn),
            ("StateMachine", "Name") => json!(context.state_machine_name),
            ("Task", "Token") => json!(self.token?.as_str()),
            _ => return None,
        };
        Some(Cow::Owned(made))
    }
}

/// ISO 8601 in UTC with milliseconds, as AWS writes times into the context object.
fn instant(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Runs `test` with the context object of an order's execution.
    pub(crate) fn with_context<T>(test: impl FnOnce(&ContextObject<'_>) -> T) -> T {
        let context = Context {
            execution_arn: "arn:aws:states:eu-central-1:000000000000:execution:order:order-1".to_owned(),
            execution_name: "order-1".to_owned(),
            role_arn: "arn:aws:iam::000000000000:role/order".to_owned(),
            state_machine_arn: "arn:aws:states:eu-central-1:000000000000:stateMachine:order".to_owned(),
            state_machine_name: "order".to_owned(),
        };
        let input = json!({"order": 1});
        test(&ContextObject {
            context: &context,
            started: Timestamp::UNIX_EPOCH,
            redriven: Some((1, Timestamp::UNIX_EPOCH)),
            input: Some(&input),
            state: "Charge",
            entered: Timestamp::UNIX_EPOCH,
            retry_count: Some(2),
            token: None,
            budget: &Budget::new(),
        })
    }

    #[test]
    fn a_single_value_is_the_same_as_in_the_whole_object() {
        with_context(|object| {
            let whole = object.whole();
            for (part, fields) in whole.as_object().unwrap() {
                for (field, value) in fields.as_object().unwrap() {
                    let segments = [Segment::Field(part.clone()), Segment::Field(field.clone())];
                    assert_eq!(*object.select(&segments).unwrap(), *value, "{part}.{field}");
                }
            }
        });
    }

    #[test]
    fn times_have_milliseconds_and_a_z() {
        with_context(|object| {
            assert_eq!(
                object.field("State", "EnteredTime").map(Cow::into_owned),
                Some(json!("1970-01-01T00:00:00.000Z"))
            )
        });
    }

    #[test]
    fn the_region_comes_from_the_state_machine() {
        with_context(|object| assert_eq!(object.context.region(), "eu-central-1"));
    }
}
