//! The payment gateway on Stripe: a [`PaymentGateway`](orders::ports::PaymentGateway) over PaymentIntents. For whoever runs
//! the pipeline, on Lambda or on one machine; it knows neither, and takes the secret key as a value.
//!
//! ```text
//! create   POST payment_intents                 unconfirmed, cards only, metadata[order_id]
//! confirm  POST payment_intents/{id}/confirm    error_on_requires_action: nobody is there to authenticate
//! void     POST payment_intents/{id}/cancel
//! refund   POST refunds                         of what is left of the charge
//! read     GET  payment_intents/{id}            with its charge, which knows whether it was refunded
//! ```
//!
//! **Idempotency.** Each POST carries the caller's key and is sent once: repeating is the queue's business. Stripe saves the
//! answer of the first request with a key, whatever it was, and repeats it for at least a day (API reference, "Idempotent
//! requests"). So, with one key:
//!
//! | the first request | the same again |
//! |---|---|
//! | succeeded, or was declined | repeats that answer, and moves no money |
//! | is still running | `409`: [`Unavailable`](orders::ports::Unavailable), and later one of the others |
//! | ended with a `500` | the same `500` for a day; reading the payment tells how it really stands |
//! | never got as far as running (no connection, `429`, invalid) | runs now |
//! | was more than a day ago | runs as if it were new: a second payment if it creates, which nobody confirms; else refused, since the payment has moved on: [`WrongState`](orders::ports::GatewayError::WrongState) |
//! | had other parameters | `idempotency_error`: [`Unavailable`](orders::ports::Unavailable). The order is not at fault; a new version of this adapter may be. In a day the key is free again |
//!
//! No money can move twice whatever the keys do: a PaymentIntent is captured once at most, and a charge is never refunded by
//! more than its amount (API reference, "PaymentIntents" and "Create a refund").
//!
//! Where to read on: `gateway` (the calls), `refusal` (what an error means), `intent` (what an answer means), `amount`
//! (where Stripe's smallest unit is not ISO 4217's), `http` (the connection).

mod amount;
mod gateway;
mod http;
mod intent;
mod refusal;

pub use gateway::StripeGateway;
pub use http::ConfigError;
pub use secrecy::SecretString;
