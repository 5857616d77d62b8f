//! The payment gateway on Stripe, if this binary was built with it.

use std::sync::Arc;

use anyhow::Result;
use orders::ports::PaymentGateway;

/// With this secret key. `STRIPE_API_BASE` names another Stripe, for tests; the Lambda functions know it too.
///
/// # Errors
/// If the key can't be used, or not by this binary: then nobody shall believe that it charges.
#[cfg(feature = "stripe")]
pub fn gateway(key: &str) -> Result<Arc<dyn PaymentGateway>> {
    use anyhow::Context;
    use orderflow_stripe::{SecretString, StripeGateway};

    let base = std::env::var("STRIPE_API_BASE").ok();
    let gateway = StripeGateway::new(&SecretString::from(key), base.as_deref());
    Ok(Arc::new(gateway.context("the Stripe settings are wrong")?))
}

#[cfg(not(feature = "stripe"))]
pub fn gateway(_: &str) -> Result<Arc<dyn PaymentGateway>> {
    anyhow::bail!(
        "there is a Stripe key, but this binary was built without Stripe: build it with `cargo install --path . --features \
         stripe`, or take the key away"
    )
}
