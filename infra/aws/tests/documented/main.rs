//! The adapters against AWS's documented answers, on the wire.
//!
//! Proves: each documented error means what `orders::ports` says, and what the emulator doesn't keep (trace headers, throttling,
//! contention, tokens that are invalid rather than unknown, bulk moves, redrives) is sent and read right. Misses: whether AWS
//! answers as documented.

#![allow(clippy::unwrap_used)] // a test

mod mail;
#[cfg(feature = "ops")]
mod ops;
mod queues;
mod store;
mod wire;
mod workflow;
