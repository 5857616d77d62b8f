//! What ops do to dead letters and stopped orders, over ports in memory that say no when told to.
//!
//! Proves: what is journalled, sent and deleted, call by call, at the limits and after a failure. Misses: the same on real
//! stores, killed anywhere (`tests/ops`), and what the ports promise (`tests/contract`).

#![allow(clippy::unwrap_used)] // a test

mod looking;
mod replaying;
mod stopping;
mod world;
