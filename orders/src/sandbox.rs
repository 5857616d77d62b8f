//! The test payment methods of a simulated gateway, the same in both worlds: which one does what. No money moves.
//!
//! | payment method | what happens on confirming |
//! |---|---|
//! | `pm_card_visa`, `pm_card_mastercard`, `pm_card_amex` | captured |
//! | `pm_card_chargeDeclined` | declined: `PaymentDeclined` |
//! | `pm_card_chargeDeclinedInsufficientFunds` | declined: `InsufficientFunds` |
//! | `pm_card_authenticationRequired` | declined: `AuthenticationRequired` |
//! | `pm_sim_timeout_N` | no answer and no effect N times, then captured |
//! | `pm_sim_slow_MS` | captured, and answered after so many milliseconds (60 s at most) |
//! | `pm_sim_lost_N` | captured, but the answer is lost N times |
//! | `pm_sim_down` | nobody ever answers, not even to creating it |
//! | anything else | refused when it is created: `PaymentInvalid` |
//!
//! The first are Stripe's test methods, the `pm_sim_` ones ours.

use std::time::Duration;

use crate::RejectReason;
use crate::ports::PaymentStatus;

/// The longest a slow method makes its caller wait.
const SLOWEST: Duration = Duration::from_secs(60);

/// What a payment method does when it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It is charged.
    Succeeds,
    /// It is declined.
    Declines(RejectReason),
    /// Nobody answers so many times, and nothing happens; then it succeeds.
    TimesOut(u32),
    /// It is charged, and the answer comes late.
    Slow(Duration),
    /// It is charged, and the answer is lost so many times.
    LosesAnswers(u32),
    /// Nobody ever answers, not even to its creation.
    Down,
}

impl Method {
    /// The method of this name; `None` if the gateway doesn't know it.
    pub fn of(name: &str) -> Option<Self> {
        let number = |prefix: &str| name.strip_prefix(prefix)?.parse::<u32>().ok();
        Some(match name {
            "pm_card_visa" | "pm_card_mastercard" | "pm_card_amex" => Self::Succeeds,
            "pm_card_chargeDeclined" => Self::Declines(RejectReason::PaymentDeclined),
            "pm_card_chargeDeclinedInsufficientFunds" => Self::Declines(RejectReason::InsufficientFunds),
            "pm_card_authenticationRequired" => Self::Declines(RejectReason::AuthenticationRequired),
            "pm_sim_down" => Self::Down,
            _ => {
                let slow = |ms: u32| Self::Slow(Duration::from_millis(ms.into()).min(SLOWEST));
                let times_out = number("pm_sim_timeout_").map(Self::TimesOut);
                times_out
                    .or_else(|| number("pm_sim_slow_").map(slow))
                    .or_else(|| number("pm_sim_lost_").map(Self::LosesAnswers))?
            }
        })
    }
}

/// What a request asks of a payment that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Charge.
    Confirm,
    /// Cancel before any money moved.
    Void,
    /// Pay back.
    Refund,
}

impl Operation {
    /// Where this takes a payment of `method` that stands at `status`; `None` if it can't be done there.
    pub fn applied(self, status: PaymentStatus, method: Method) -> Option<PaymentStatus> {
        match (self, status) {
            (Self::Confirm, PaymentStatus::RequiresConfirmation) => Some(match method {
                Method::Declines(reason) => PaymentStatus::Declined(reason),
                _ => PaymentStatus::Succeeded,
            }),
            (Self::Void, PaymentStatus::RequiresConfirmation | PaymentStatus::Declined(_)) => {
                Some(PaymentStatus::Voided)
            }
            (Self::Refund, PaymentStatus::Succeeded) => Some(PaymentStatus::Refunded),
            _ => None,
        }
    }
}
