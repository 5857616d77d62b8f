//! The pipeline on AWS: the ports of [`orders::ports`] on DynamoDB, SQS, Step Functions and SES, and what the Lambda
//! functions (`src/bin/`) have in common.
//!
//! | port | adapter | on |
//! |---|---|---|
//! | `OrderStore` | [`DynamoOrders`] | the orders table, and `orders` queue for the way in |
//! | `Catalogue` | [`DynamoCatalogue`] | the products table |
//! | `Queues` | [`SqsQueues`] | SQS |
//! | `Workflow` | [`StepFunctions`] | Step Functions, Standard |
//! | `Mailer` | [`SesMailer`] | SES v2 |
//! | `PaymentGateway` | [`SimulatedGateway`] | the payments table, until it is Stripe (`infra/stripe`) |
//!
//! A handler, a transition and the workflow's definition are the same as on SQLite; nothing in here decides about an order.
//! The tables, their keys and the access patterns behind them are in docs/ARCHITECTURE.md.

#[cfg(not(panic = "unwind"))]
compile_error!(
    "the batch core catches panics, so that one record's does not end its batch: build with panic = \"unwind\""
);

mod attributes;
pub mod calls;
pub mod clients;
pub mod cursor_key;
mod failure;
pub mod gateway;
pub mod jwt;
pub mod lambda;
mod listing;
pub mod mailer;
#[cfg(feature = "ops")]
pub mod ops;
pub mod orders;
pub mod products;
pub mod queues;
pub mod settings;
pub mod stock;
pub mod workflow;

pub use clients::Clients;
pub use cursor_key::DynamoCursorKey;
pub use gateway::SimulatedGateway;
pub use mailer::SesMailer;
pub use orders::DynamoOrders;
pub use products::DynamoCatalogue;
pub use queues::SqsQueues;
pub use settings::{MissingVariable, Settings};
pub use workflow::StepFunctions;
