//! Which dead letters are meant: the filters of `dlq show`, `replay`, `purge` and `export`.

use jiff::Timestamp;
use orders::OrderId;
use serde::{Deserialize, Serialize};

use crate::expression::Expression;
use crate::{Letter, OpsError};

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
    expression: Option<Expression>,
}

/// What was asked, and what the asking cost at most, in the expression's steps.
pub(crate) struct Match {
    pub(crate) matches: bool,
    pub(crate) steps: u64,
}

impl Selection {
    pub(crate) fn matcher(&self) -> Result<Matcher<'_>, OpsError> {
        let compile = |text: &String| Expression::compile(text).map_err(refused);
        Ok(Matcher { selection: self, expression: self.expression.as_ref().map(compile).transpose()? })
    }
}

impl Matcher<'_> {
    /// Whether each letter takes its time.
    pub(crate) const fn is_costly(&self) -> bool {
        self.expression.is_some()
    }

    pub(crate) fn ask(&self, letter: &Letter) -> Result<Match, OpsError> {
        let Selection { cause, order, since, before, .. } = self.selection;
        let plain = cause.as_ref().is_none_or(|cause| *cause == letter.cause.error)
            && order.as_ref().is_none_or(|order| Some(order) == letter.order_id.as_ref())
            && since.is_none_or(|since| letter.sent_at >= since)
            && before.is_none_or(|before| letter.sent_at < before);
        match &self.expression {
            Some(expression) if plain => holds(expression, letter),
            _ => Ok(Match { matches: plain, steps: 0 }),
        }
    }
}

fn holds(expression: &Expression, letter: &Letter) -> Result<Match, OpsError> {
    let of_letter = |why: String| refused(format!("of dead letter {}: {why}", letter.message_id));
    let mut document = serde_json::to_value(letter).map_err(|error| of_letter(error.to_string()))?;
    if let Ok(body) = serde_json::from_str(&letter.body) {
        document["body"] = body;
    }
    let answer = expression.holds(document).map_err(of_letter)?;
    Ok(Match { matches: answer.holds, steps: answer.steps })
}

const fn refused(why: String) -> OpsError {
    OpsError::Invalid { what: "where", why }
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
        selection.matcher().unwrap().ask(&letter()).unwrap().matches
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
        let asked = with("contains(body.nothing, 'x')").matcher().unwrap().ask(&letter());
        assert!(asked.is_err_and(|why| why.to_string().contains("dead letter 1")), "which letter it failed on");
    }
}
