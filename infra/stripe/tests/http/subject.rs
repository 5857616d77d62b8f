//! The gateway under test, with its stand-in.

use std::sync::Arc;
use std::time::Duration;

use orderflow_stripe::{SecretString, StripeGateway};
use orders::ports::{PaymentGateway, PaymentRequest};
use orders::{Currency, Money, OrderId, Storefront};

use crate::stripe::Stripe;

pub struct Subject {
    pub gateway: Arc<dyn PaymentGateway>,
    pub stripe: Stripe,
}

impl Subject {
    pub async fn new() -> Self {
        let stripe = Stripe::start().await;
        Self { gateway: gateway(&stripe.url()), stripe }
    }
}

/// A gateway over whoever listens at `url`, and not a patient one.
pub fn gateway(url: &str) -> Arc<dyn PaymentGateway> {
    let gateway = StripeGateway::new(&SecretString::from("sk_test_1"), Some(url)).unwrap();
    Arc::new(gateway.with_timeout(Duration::from_millis(500)))
}

/// An order, as far as a gateway knows it.
pub struct Named {
    pub id: OrderId,
}

pub fn order(key: &str) -> Named {
    let storefront: Storefront = "shop".parse().unwrap();
    Named { id: OrderId::derive(&storefront, &key.parse().unwrap()) }
}

pub fn request(amount: i64, currency: Currency, method: &str) -> PaymentRequest {
    PaymentRequest { order_id: order("k").id, amount: Money::new(amount, currency), payment_method: method.into() }
}
