//! Which dead letters are meant: the filters of `dlq show`, `replay`, `purge` and `export`.

use jiff::Timestamp;
use jmespath::Expression;
use orders::OrderId;
use serde::{Deserialize, Serialize};

use crate::{Letter, OpsError};

/// Longer expressions are refused.
const LONGEST_EXPRESSION: usize = 2_000;

/// Which dead letters; a filter that is absent lets all through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Their cause's error name is this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// They are about this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// They were dead-lettered then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// They were dead-lettered before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// This JMESPath expression is true of them, as `dlq show --json` shows them (a body that is JSON, as JSON).
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

/// A [`Selection`], ready to be asked.
pub(crate) struct Matcher<'s> {
    selection: &'s Selection,
    expression: Option<Expression<'static>>,
}

impl Selection {
    pub(crate) fn matcher(&self) -> Result<Matcher<'_>, OpsError> {
        let refused = |why: String| OpsError::Invalid { what: "where", why };
        let compile = |text: &String| {
            if text.len() > LONGEST_EXPRESSION {
                return Err(refused(format!("an expression has {LONGEST_EXPRESSION} bytes at most")));
            }
            jmespath::compile(text).map_err(|error| refused(error.to_string()))
        };
        Ok(Matcher { selection: self, expression: self.expression.as_ref().map(compile).transpose()? })
    }
}

impl Matcher<'_> {
    pub(crate) fn matches(&self, letter: &Letter) -> Result<bool, OpsError> {
        let Selection { cause, order, since, before, .. } = self.selection;
        let plain = cause.as_ref().is_none_or(|cause| *cause == letter.cause.error)
            && order.as_ref().is_none_or(|order| Some(order) == letter.order_id.as_ref())
            && since.is_none_or(|since| letter.sent_at >= since)
            && before.is_none_or(|before| letter.sent_at < before);
        match &self.expression {
            Some(expression) if plain => holds(expression, letter),
            _ => Ok(plain),
        }
    }
}

fn holds(expression: &Expression<'_>, letter: &Letter) -> Result<bool, OpsError> {
    let refused = |why: String| OpsError::Invalid { what: "where", why };
    let mut document = serde_json::to_value(letter).map_err(|error| refused(error.to_string()))?;
    if let Ok(body) = serde_json::from_str(&letter.body) {
        document["body"] = body;
    }
    let found = expression.search(document).map_err(|error| refused(error.to_string()))?;
    Ok(found.is_truthy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;

    fn letter() -> Letter {
        let id: OrderId = format!("ord_{}", "0".repeat(26)).parse().unwrap();
        Letter {
            message_id: "1".into(),
            sent_at: "2026-01-01T12:00:00Z".parse().unwrap(),
            receive_count: 0,
            body: r#"{"step":"ChargePayment","timeout_seconds":86400}"#.into(),
            attributes: Default::default(),
            trace_header: None,
            cause: Cause { error: "GatewayUnavailable".into(), ..Cause::default() },
            order_id: Some(id),
            order: None,
            replayed: 0,
            refusal: None,
        }
    }

    fn matches(selection: &Selection) -> bool {
        selection.matcher().unwrap().matches(&letter()).unwrap()
    }

    #[test]
    fn each_filter_lets_through_what_it_names() {
        let none = Selection::default();
        assert!(matches(&none));
        assert!(matches(&Selection { cause: Some("GatewayUnavailable".into()), ..none.clone() }));
        assert!(!matches(&Selection { cause: Some("Panicked".into()), ..none.clone() }));
        assert!(matches(&Selection { order: letter().order_id, ..none.clone() }));
        let other = format!("ord_{}", "1".repeat(26)).parse().ok();
        assert!(!matches(&Selection { order: other, ..none.clone() }));
        let noon = Some(letter().sent_at);
        assert!(matches(&Selection { since: noon, ..none.clone() }));
        assert!(!matches(&Selection { before: noon, ..none }));
    }

    #[test]
    fn an_expression_sees_the_body_as_json() {
        let with = |text: &str| Selection { expression: Some(text.into()), ..Selection::default() };
        assert!(matches(&with("body.step == 'ChargePayment' && body.timeout_seconds > `1000`")));
        assert!(!matches(&with("body.step == 'RefundPayment'")));
        assert!(!matches(&with("body.nothing")));
        assert!(with("body.[").matcher().is_err());
    }
}
