//! A suite for each port that keeps something, the same assertions for every adapter. (What a `Mailer` promises can only be
//! seen at its far end: `infra/embedded` tests the mailbox and SMTP.)
//!
//! Proves: SQLite, AWS (on an emulator) and the memory adapters (on which the simulation stands) keep what `orders::ports`
//! promises. Misses: what is an adapter's own (durability, group commit, queue visibility: `infra/embedded`), and what the
//! emulator is not strict about (`infra/aws` tests its adapters against AWS's documented answers).

#![allow(clippy::unwrap_used)] // a test

#[path = "../ministack/mod.rs"]
mod ministack;

mod aws;
mod catalogue;
mod gateway;
mod ops;
mod order_store;
mod subject;
mod workflow;

/// A test per adapter for each of the functions. Those after `not on the emulator` ask for what it doesn't do (docs/TESTING.md);
/// the AWS adapters are tested on AWS's documented answers instead (`infra/aws`).
macro_rules! contract {
    ($($name:ident),+ $(,)? $(; not on the emulator: $($other:ident),+ $(,)?)?) => {
        mod memory_adapter {
            $(#[tokio::test] async fn $name() { super::$name(crate::subject::Subject::memory()).await; })+
            $($(#[tokio::test] async fn $other() { super::$other(crate::subject::Subject::memory()).await; })+)?
        }
        mod sqlite_adapter {
            $(#[tokio::test] async fn $name() { super::$name(crate::subject::Subject::sqlite()).await; })+
            $($(#[tokio::test] async fn $other() { super::$other(crate::subject::Subject::sqlite()).await; })+)?
        }
        mod aws_adapter {
            $(#[tokio::test] async fn $name() { super::$name(crate::aws::subject().await).await; })+
        }
    };
}
pub(crate) use contract;
