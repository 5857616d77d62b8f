//! What Stripe says of a payment. Only the fields that decide something: the rest of these large objects may change or be
//! missing without any harm.

use orders::RejectReason;
use orders::payment::PaymentId;
use orders::ports::{Payment, PaymentStatus, Unavailable};
use serde::Deserialize;
use serde_json::Value;

use crate::refusal::ApiError;

/// A PaymentIntent (API reference, "The PaymentIntent object").
#[derive(Debug, Deserialize)]
pub(crate) struct Intent {
    id: String,
    status: String,
    /// Of the last attempt, if it failed.
    last_payment_error: Option<ApiError>,
    /// Its id, or the charge itself where the request expanded it.
    #[serde(default)]
    latest_charge: Value,
}

/// A refund (API reference, "The Refund object").
#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    status: String,
}

impl Intent {
    /// The payment, as the pipeline knows it.
    ///
    /// # Errors
    /// [`Unavailable`] for a status that a payment of ours can't have.
    pub(crate) fn payment(self) -> Result<Payment, Unavailable> {
        let status = match &*self.status {
            "requires_confirmation" => PaymentStatus::RequiresConfirmation,
            "processing" => PaymentStatus::Processing,
            "canceled" => PaymentStatus::Voided,
            // Refunding leaves the PaymentIntent as it is; the charge knows.
            "succeeded" if self.latest_charge["refunded"] == true => PaymentStatus::Refunded,
            "succeeded" => PaymentStatus::Succeeded,
            // A failed attempt takes the payment method away ("The PaymentIntent object", status).
            "requires_payment_method" => {
                PaymentStatus::Declined(self.last_payment_error.map_or(RejectReason::PaymentInvalid, |e| e.decline()))
            }
            // Nobody is there to act, so it ends here as it would have with `error_on_requires_action`.
            "requires_action" => PaymentStatus::Declined(RejectReason::AuthenticationRequired),
            other => return Err(Unavailable::new("Gateway", format!("a payment can't be handled while it {other}"))),
        };
        Ok(Payment { id: PaymentId(self.id), status })
    }
}

impl Refund {
    /// Whether the money went back, or is on its way: a card's refund takes the bank days after it succeeded here.
    ///
    /// # Errors
    /// [`Unavailable`] if it failed; Stripe's advice is to pay the customer back by other means ("Refund and cancel payments",
    /// failed refunds), so somebody has to see it.
    pub(crate) fn made(&self) -> Result<(), Unavailable> {
        match &*self.status {
            "succeeded" | "pending" => Ok(()),
            other => Err(Unavailable::new("Gateway", format!("the refund is {other}"))),
        }
    }
}
