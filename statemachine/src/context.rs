//! The context object (`$$`): what a workflow may know about its own run.
//!
//! Nothing is built ahead: a path such as `$$.Task.Token` makes the one value it asks for.
//!
//! Source: AWS Step Functions Developer Guide, "Accessing execution data from the Context object".

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::path::{Missing, Segment, walk};
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
    pub(crate) input: Option<&'e Value>,
    pub(crate) state: &'e str,
    pub(crate) entered: Timestamp,
    /// Only states that can be retried have one.
    pub(crate) retry_count: Option<u32>,
    /// Only while a task is being scheduled.
    pub(crate) token: Option<&'e TaskToken>,
}

impl ContextObject<'_> {
    /// The value at a definite path.
    pub(crate) fn select(&self, segments: &[Segment]) -> Result<Value, Missing> {
        if let [Segment::Field(part), Segment::Field(field), rest @ ..] = segments {
            let value: Option<Cow<'_, Value>> = match (part.as_str(), field.as_str()) {
                ("Execution", "Input") => self.input.map(Cow::Borrowed),
                ("Execution", field) => self.execution(field).map(Cow::Owned),
                ("State", field) => self.state(field).map(Cow::Owned),
                ("StateMachine", "Id") => Some(Cow::Owned(json!(self.context.state_machine_arn))),
                ("StateMachine", "Name") => Some(Cow::Owned(json!(self.context.state_machine_name))),
                ("Task", "Token") => self.token.map(|token| Cow::Owned(json!(token.as_str()))),
                _ => None,
            };
            let value = value.ok_or(Missing { found: 1 })?;
            return walk(&value, rest).cloned().map_err(|missing| Missing { found: missing.found + 2 });
        }
        walk(&self.whole(), segments).cloned()
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Value {
        let part = |fields: &[&str], of: &dyn Fn(&str) -> Option<Value>| -> Value {
            Value::Object(fields.iter().filter_map(|field| Some(((*field).to_owned(), of(field)?))).collect())
        };
        let mut whole = Map::new();
        let execution = ["Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount"];
        let with_input = |field: &str| if field == "Input" { self.input.cloned() } else { self.execution(field) };
        whole.insert("Execution".to_owned(), part(&execution, &with_input));
        whole.insert("State".to_owned(), part(&["Name", "EnteredTime", "RetryCount"], &|field| self.state(field)));
        whole.insert(
            "StateMachine".to_owned(),
            json!({"Id": self.context.state_machine_arn, "Name": self.context.state_machine_name}),
        );
        if let Some(token) = self.token {
            whole.insert("Task".to_owned(), json!({"Token": token.as_str()}));
        }
        Value::Object(whole)
    }

    fn execution(&self, field: &str) -> Option<Value> {
        Some(match field {
            "Id" => json!(self.context.execution_arn),
            "Name" => json!(self.context.execution_name),
            "RoleArn" => json!(self.context.role_arn),
            "StartTime" => json!(instant(self.started)),
            // Nothing here can be redriven yet, and AWS gives the count of any execution but those of Express workflows.
            "RedriveCount" if self.context.execution_arn.split(':').nth(5) != Some("express") => json!(0),
            _ => return None,
        })
    }

    fn state(&self, field: &str) -> Option<Value> {
        Some(match field {
            "Name" => json!(self.state),
            "EnteredTime" => json!(instant(self.entered)),
            "RetryCount" => json!(self.retry_count?),
            _ => return None,
        })
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
            input: Some(&input),
            state: "Charge",
            entered: Timestamp::UNIX_EPOCH,
            retry_count: Some(2),
            token: None,
        })
    }

    #[test]
    fn a_single_value_is_the_same_as_in_the_whole_object() {
        with_context(|object| {
            let whole = object.whole();
            for (part, fields) in whole.as_object().unwrap() {
                for (field, value) in fields.as_object().unwrap() {
                    let segments = [Segment::Field(part.clone()), Segment::Field(field.clone())];
                    assert_eq!(object.select(&segments).unwrap(), *value, "{part}.{field}");
                }
            }
        });
    }

    #[test]
    fn times_have_milliseconds_and_a_z() {
        with_context(|object| assert_eq!(object.state("EnteredTime"), Some(json!("1970-01-01T00:00:00.000Z"))));
    }

    #[test]
    fn the_region_comes_from_the_state_machine() {
        with_context(|object| assert_eq!(object.context.region(), "eu-central-1"));
    }
}
