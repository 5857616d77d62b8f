//! The gateway over HTTP, against a stand-in that keeps to what Stripe documents of idempotency keys and of a payment's
//! states, and that answers whatever a test wants instead.
//!
//! Proves: what goes over the wire, what every kind of answer means, that the port's contract holds (`tests/contract`, the
//! same assertions) and that no money moves twice. Misses: whether Stripe does as it documents; certificates.

#![allow(clippy::unwrap_used)] // a test

/// The port's contract suite, on this adapter.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod stripe_adapter {
            $(#[tokio::test] async fn $name() { super::$name(crate::subject::Subject::new().await).await; })+
        }
    };
}
pub(crate) use contract;

mod calls;
#[path = "../../../../tests/contract/gateway.rs"]
mod gateway;
mod keys;
mod refusals;
mod settings;
mod stripe;
mod subject;
