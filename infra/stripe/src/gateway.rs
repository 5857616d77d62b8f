//! The five calls.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use hyper::StatusCode;
use orders::RejectReason;
use orders::payment::PaymentId;
use orders::ports::{GatewayError, Payment, PaymentGateway, PaymentRequest, PaymentStatus};
use secrecy::SecretString;
use stripe_client_core::StripeRequest as _;
use stripe_core::payment_intent::{
    CancelPaymentIntent, ConfirmPaymentIntent, CreatePaymentIntent, RetrievePaymentIntent,
};
use stripe_core::refund::CreateRefund;
use stripe_shared::{PaymentIntentAllowedPaymentMethodTypes, PaymentIntentCaptureMethod};
use stripe_types::Currency;

use crate::amount::in_stripe_units;
use crate::http::{ConfigError, Failure, Http};
use crate::intent::{Intent, Refund};
use crate::refusal::Meaning;

/// Charges cards through one Stripe account. Makes no connection before the first call.
#[derive(Debug)]
pub struct StripeGateway {
    http: Http,
}

impl StripeGateway {
    /// With a secret key, or a restricted one that may write PaymentIntents and Charges (refunds). `api_base` is Stripe's own
    /// unless a test says otherwise.
    ///
    /// # Errors
    /// [`ConfigError`] if either can't be used.
    pub fn new(key: &SecretString, api_base: Option<&str>) -> Result<Self, ConfigError> {
        Ok(Self { http: Http::new(key, api_base)? })
    }

    /// Waits so long for each answer, instead of ten seconds. After that the outcome is unknown.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.http.timeout = timeout;
        self
    }
}

#[async_trait]
impl PaymentGateway for StripeGateway {
    async fn create(&self, request: &PaymentRequest, key: &str) -> Result<Payment, GatewayError> {
        const INVALID: GatewayError = GatewayError::Rejected(RejectReason::PaymentInvalid);
        let amount = in_stripe_units(request.amount).ok_or(INVALID)?;
        let Ok(currency) = request.amount.currency.code().to_ascii_lowercase().parse::<Currency>();
        let create = CreatePaymentIntent::new(amount, currency)
            .payment_method(&*request.payment_method)
            // Other methods send the customer elsewhere, or take days.
            .allowed_payment_method_types([PaymentIntentAllowedPaymentMethodTypes::Card])
            .capture_method(PaymentIntentCaptureMethod::Automatic)
            .metadata(HashMap::from([("order_id".to_owned(), request.order_id.to_string())]));
        match self.http.send::<Intent>(create.build(), Some(key)).await {
            Ok(intent) => Ok(intent.payment()?),
            Err(Failure::Refused(refusal)) => Err(match refusal.meaning() {
                Meaning::Declined(reason) => GatewayError::Rejected(reason),
                // The one thing that a new payment names is its method.
                _ if refusal.status == StatusCode::NOT_FOUND => INVALID,
                // There is no payment yet whose state could be wrong.
                Meaning::WrongState => refusal.unavailable().into(),
                _ => refusal.into(),
            }),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn read(&self, id: &PaymentId) -> Result<Payment, GatewayError> {
        let read = RetrievePaymentIntent::new(&*id.0).expand(["latest_charge".to_owned()]);
        Ok(self.http.send::<Intent>(read.build(), None).await?.payment()?)
    }

    async fn confirm(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        let confirm = ConfirmPaymentIntent::new(&*id.0).error_on_requires_action(true);
        match self.http.send::<Intent>(confirm.build(), Some(key)).await {
            Ok(intent) => Ok(intent.payment()?),
            Err(Failure::Refused(refusal)) => match refusal.meaning() {
                Meaning::Declined(reason) => Ok(Payment { id: id.clone(), status: PaymentStatus::Declined(reason) }),
                _ => Err(refusal.into()),
            },
            Err(failure) => Err(failure.into()),
        }
    }

    async fn void(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        let cancel = CancelPaymentIntent::new(&*id.0);
        Ok(self.http.send::<Intent>(cancel.build(), Some(key)).await?.payment()?)
    }

    async fn refund(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        // Without an amount: all that has not gone back yet.
        let refund = CreateRefund::new().payment_intent(&*id.0);
        self.http.send::<Refund>(refund.build(), Some(key)).await?.made()?;
        Ok(Payment { id: id.clone(), status: PaymentStatus::Refunded })
    }
}
