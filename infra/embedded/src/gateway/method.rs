//! The test payment methods: which one does what.

use std::time::Duration;

use orders::RejectReason;

/// The longest a slow method makes its caller wait.
const SLOWEST: Duration = Duration::from_secs(60);

/// What a payment method does when it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
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
    pub(super) fn of(name: &str) -> Option<Self> {
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
