//! JMESPath from outside, within limits: the crate that parses and runs it sets none.
//!
//! ```text
//! text -> length, nesting -> parse -> cost of its tree -> for each document: cost · size, then run
//!         (before the parser, which recurses)             (before anything is built)
//! ```
//!
//! JMESPath has no loops, so what an expression costs at most follows from its tree and the document's size ([`cost`]).
//! Not for what is asked of a dead letter: that is [`crate::Selection`].

mod cost;
mod nesting;
#[cfg(test)]
mod tests;

use jmespath::{ErrorReason, JmespathError, Variable};
use serde_json::Value;

use cost::Cost;

/// Longer expressions are refused.
const LONGEST: usize = 2_000;

/// What one document may cost, in steps: some tens of milliseconds, and 64 MB at most.
const MOST_STEPS: u64 = 1_000_000;

/// What an expression looks like, for whoever got it wrong.
const EXAMPLE: &str = "an expression looks like body.step == 'ChargePayment' && replayed > `1`";

/// An expression that may be run.
pub(crate) struct Expression {
    compiled: jmespath::Expression<'static>,
    cost: Cost,
}

/// An answer, and what it cost at most.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) holds: bool,
    pub(crate) steps: u64,
}

impl Expression {
    /// # Errors
    /// What is wrong with it, where, and what would be right.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("the expression has {} bytes; {LONGEST} are allowed", text.len()));
        }
        nesting::check(text)?;
        let compiled = jmespath::compile(text).map_err(|error| misread(&error))?;
        let cost = Cost::of(compiled.as_ast()).map_err(|fault| fault.in_text(text))?;
        Ok(Self { compiled, cost })
    }

    /// Whether it is true of the document.
    ///
    /// # Errors
    /// It would cost too much, or can't be answered for this document.
    pub(crate) fn holds(&self, document: Value) -> Result<Answer, String> {
        let document = Variable::from_serializable(document).map_err(|error| error.reason.to_string())?;
        let steps = self.cost.steps(cost::size(&document));
        if steps > MOST_STEPS {
            return Err(format!(
                "the expression may take more than {MOST_STEPS} steps here; make it smaller, above all what builds \
                 lists and objects (`[…]`, `{{…}}`, map, join, to_string)"
            ));
        }
        let found = self.compiled.search(document).map_err(|error| error.reason.to_string())?;
        Ok(Answer { holds: found.is_truthy(), steps })
    }
}

/// The lexer's reasons quote all of what they are about.
fn without_text(reason: &str) -> String {
    let last = |text: &str| text.rsplit_once(": ").map_or(String::new(), |(_, why)| why.to_owned());
    if let Some(literal) = reason.strip_prefix("Unable to parse literal JSON ") {
        format!("the literal is not JSON: {}", last(literal))
    } else if let Some(name) = reason.strip_prefix("Unable to parse quoted identifier ") {
        format!("the quoted name is not a JSON string: {}", last(name))
    } else {
        reason.split_once(" delimiter: ").map_or(reason.to_owned(), |(reason, _)| format!("{reason} delimiter"))
    }
}

/// The parser's fault in words that don't need its source.
fn misread(error: &JmespathError) -> String {
    let at = error.expression.get(..error.offset).map_or(error.offset, |before| before.chars().count()) + 1;
    let ErrorReason::Parse(reason) = &error.reason else { return format!("{}; {EXAMPLE}", error.reason) };
    let reason = reason.split_once(" -- found ").map_or(reason.as_str(), |(reason, _)| reason);
    let rest = error.expression.get(error.offset..).unwrap_or_default().trim();
    let what = match reason {
        _ if rest.is_empty() => "something is missing at its end".to_owned(),
        "Unexpected nud token" | "Unexpected led token" | "Did not parse the complete expression" => {
            format!("`{}` is not expected here", rest.chars().take(20).collect::<String>())
        }
        reason => without_text(reason),
    };
    format!("character {at}: {what}; {EXAMPLE}")
}
