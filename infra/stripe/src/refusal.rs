//! What an error of Stripe means for an order (API reference, "Errors"; "Error codes"; "Card declines").
//!
//! The rule is to be sure before blaming the order: what is not known to be its fault is technical, and ends in a DLQ where
//! people see it, rather than as a rejected order.

use hyper::StatusCode;
use orders::RejectReason;
use orders::ports::{GatewayError, Unavailable};
use serde::Deserialize;

/// Parameters of a request that come from the order.
const OF_THE_ORDER: [&str; 3] = ["amount", "currency", "payment_method"];

/// Codes that blame the amount or the payment method, whatever parameter they name.
const ORDER_AT_FAULT: [&str; 9] = [
    "amount_too_large",
    "amount_too_small",
    "charge_exceeds_transaction_limit",
    "invalid_charge_amount",
    "payment_intent_incompatible_payment_method",
    "payment_method_currency_mismatch",
    "payment_method_invalid_parameter",
    "payment_method_unexpected_state",
    "payment_method_unsupported_type",
];

/// Codes that say that the payment has moved on.
const WRONG_STATE: [&str; 3] = ["charge_already_refunded", "intent_invalid_state", "payment_intent_unexpected_state"];

/// Codes, of errors and of declines, that ask for the customer. `requires_action_not_handled` is how Stripe reports what
/// `error_on_requires_action` stopped ("Migrate your basic card integration").
const AUTHENTICATION: [&str; 4] = [
    "authentication_required",
    "payment_intent_action_required",
    "payment_intent_authentication_failure",
    "requires_action_not_handled",
];

/// An error, as Stripe writes it: of a request, or of a payment's last attempt. Its message is left out, since it may quote
/// what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct ApiError {
    #[serde(rename = "type", default)]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
}

/// What Stripe answered instead of doing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) error: ApiError,
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The bank or Stripe's rules declined the payment.
    Declined(RejectReason),
    /// The order asks for what can't be charged.
    OrderAtFault,
    /// The payment is not in a state that allows this.
    WrongState,
    /// Anything else: Stripe, the network between, our credentials, or ourselves.
    Technical,
}

impl ApiError {
    /// Why a payment was declined.
    pub(crate) fn decline(&self) -> RejectReason {
        let says = |code: &str| [&self.code, &self.decline_code].iter().any(|said| said.as_deref() == Some(code));
        if AUTHENTICATION.into_iter().any(says) {
            RejectReason::AuthenticationRequired
        } else if says("insufficient_funds") {
            RejectReason::InsufficientFunds
        } else {
            RejectReason::PaymentDeclined
        }
    }
}

impl Refusal {
    pub(crate) fn meaning(&self) -> Meaning {
        let ApiError { kind, code, param, .. } = &self.error;
        let code = code.as_deref();
        match self.status {
            // "The parameters were valid but the request failed."
            StatusCode::PAYMENT_REQUIRED => Meaning::Declined(self.error.decline()),
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND if kind != "idempotency_error" => {
                match (code, param.as_deref()) {
                    (Some(code), _) if WRONG_STATE.contains(&code) => Meaning::WrongState,
                    (Some(code), _) if ORDER_AT_FAULT.contains(&code) => Meaning::OrderAtFault,
                    (_, Some(param)) if OF_THE_ORDER.contains(&param) => Meaning::OrderAtFault,
                    // How Stripe refuses to refund what was never captured.
                    (None, _) if self.status == StatusCode::BAD_REQUEST => Meaning::WrongState,
                    _ => Meaning::Technical,
                }
            }
            _ => Meaning::Technical,
        }
    }

    /// For a queue to try again, and for people to read.
    pub(crate) fn unavailable(&self) -> Unavailable {
        let ApiError { kind, code, .. } = &self.error;
        let answer = [self.status.as_str(), kind, code.as_deref().unwrap_or_default()].join(" ");
        Unavailable::new("Gateway", format!("Stripe answered {}", answer.trim_end()))
    }
}

/// For calls about which a decline says nothing.
impl From<Refusal> for GatewayError {
    fn from(refusal: Refusal) -> Self {
        match refusal.meaning() {
            Meaning::OrderAtFault => GatewayError::Rejected(RejectReason::PaymentInvalid),
            Meaning::WrongState => GatewayError::WrongState,
            Meaning::Declined(_) | Meaning::Technical => refusal.unavailable().into(),
        }
    }
}
