//! What a step can answer: it is done, or it failed in one of two ways that never mix.
//!
//! [`StepError::Retry`] is the queue's business, [`StepError::Reject`] the workflow's. A compensation or a
//! notification returns `Result<_, Retry>`: its type has no way to reject.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::step::{UnknownName, names};

names!(
    /// A business reason to reject an order: what `SendTaskFailure` carries as its error, and the workflow catches.
    RejectReason {
        /// A line asks for more than there is.
        OutOfStock = "OutOfStock",
        /// A line names a SKU that the catalogue doesn't have.
        ProductNotFound = "ProductNotFound",
        /// A product is priced in another currency than the order's.
        CurrencyMismatch = "CurrencyMismatch",
        /// The total is not the storefront's `expected_total`.
        PriceChanged = "PriceChanged",
        /// The total is more than a payment can carry ([`crate::money::MAX_AMOUNT`]).
        AmountTooLarge = "AmountTooLarge",
        /// The card was declined.
        PaymentDeclined = "PaymentDeclined",
        /// The card was declined for want of funds.
        InsufficientFunds = "InsufficientFunds",
        /// The bank wants the customer to authenticate, which nobody can do behind a queue.
        AuthenticationRequired = "AuthenticationRequired",
        /// The gateway refuses the order's payment method or amount.
        PaymentInvalid = "PaymentInvalid",
        /// The customer cancelled in time.
        Cancelled = "Cancelled",
        /// The step came after its own compensation, and must not take effect any more.
        Compensated = "Compensated",
    }
);

names!(
    /// What a step that is done has done.
    Done {
        /// The lines were taken from stock.
        Reserved = "Reserved",
        /// The lines went back into stock.
        Released = "Released",
        /// There was no reservation; there can't be one any more.
        NothingReserved = "NothingReserved",
        /// The customer was charged.
        Charged = "Charged",
        /// The charge was paid back.
        Refunded = "Refunded",
        /// The payment was cancelled before any money moved.
        Voided = "Voided",
        /// There was no charge; there can't be one any more.
        NothingCharged = "NothingCharged",
        /// The mail was handed to the mail service.
        MailSent = "MailSent",
        /// The mail service refused this mail for good; the order doesn't wait for it.
        MailRefused = "MailRefused",
        /// The order was closed without its mail.
        Closed = "Closed",
    }
);

/// What is recorded of a step, and repeated whenever its message comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// The step took effect.
    Done(Done),
    /// The step was rejected for a business reason.
    Rejected(RejectReason),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Done(done) => done.fmt(f),
            Outcome::Rejected(reason) => reason.fmt(f),
        }
    }
}

/// Why an order was rejected: a business reason, or a step that never succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Reason {
    /// A step rejected the order.
    Business(RejectReason),
    /// A step timed out or could not be sent; ops should know.
    TechnicalFailure,
}

const TECHNICAL_FAILURE: &str = "TechnicalFailure";

impl Reason {
    /// The reason behind the error name that the workflow caught: a [`RejectReason`], or else technical.
    pub fn of_error(error: &str) -> Self {
        error.parse().map_or(Reason::TechnicalFailure, Reason::Business)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Business(reason) => reason.name(),
            Reason::TechnicalFailure => TECHNICAL_FAILURE,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Reason {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        if text == TECHNICAL_FAILURE { Ok(Reason::TechnicalFailure) } else { Ok(Reason::Business(text.parse()?)) }
    }
}

impl TryFrom<String> for Reason {
    type Error = UnknownName;
    fn try_from(text: String) -> Result<Self, UnknownName> {
        text.parse()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> String {
        reason.to_string()
    }
}

/// A technical failure: the same message may well succeed later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {cause}")]
pub struct Retry {
    /// A short name to group by, such as `GatewayUnavailable`.
    pub error: &'static str,
    /// What went wrong, for people. No personal data.
    pub cause: String,
}

impl Retry {
    /// A technical failure named `error`, because of `cause`.
    pub fn new(error: &'static str, cause: impl fmt::Display) -> Self {
        Self { error, cause: cause.to_string() }
    }
}

/// Why a step did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Technical: the message goes back to its queue.
    #[error(transparent)]
    Retry(#[from] Retry),
    /// Business: recorded already, and the workflow compensates.
    #[error("rejected: {0}")]
    Reject(RejectReason),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_read_back_from_their_names() {
        for reason in RejectReason::ALL {
            let json = serde_json::to_string(&Outcome::Rejected(*reason)).unwrap();
            assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), Outcome::Rejected(*reason));
            assert_eq!(Reason::of_error(reason.name()), Reason::Business(*reason));
        }
        for done in Done::ALL {
            let json = serde_json::to_string(&Outcome::Done(*done)).unwrap();
            assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), Outcome::Done(*done));
        }
        assert_eq!(Reason::of_error("States.Timeout"), Reason::TechnicalFailure);
    }
}
