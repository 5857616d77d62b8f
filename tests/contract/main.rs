//! A suite for each port that keeps something, the same assertions for every adapter. (What a `Mailer` promises can only be
//! seen at its far end: `infra/embedded` tests the mailbox and SMTP.)
//!
//! Proves: SQLite and the memory adapters (on which the simulation stands) keep what `orders::ports` promises.
//! Misses: what is an adapter's own (durability, group commit, queue visibility: `infra/embedded`).

#![allow(clippy::unwrap_used)] // a test

#[path = "../memory/mod.rs"]
mod memory;

mod catalogue;
mod gateway;
mod order_store;
mod subject;
mod workflow;

/// A test per adapter for each of the functions.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod memory_adapter {
            $(#[tokio::test] async fn $name() { super::$name(crate::subject::Subject::memory()).await; })+
        }
        mod sqlite_adapter {
            $(#[tokio::test] async fn $name() { super::$name(crate::subject::Subject::sqlite()).await; })+
        }
    };
}
pub(crate) use contract;
