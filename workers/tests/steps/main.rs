//! Each step's worker behind the real batch core, in a shop in memory where anything may happen between two calls.
//!
//! Proves: what a worker does with its ports, call by call, and what it does when the order or the payment changes under it.
//! Misses: how real stores and gateways behave (`tests/contract`), whole executions (`tests/simulation`).

#![allow(clippy::unwrap_used)] // a test

mod confirming;
mod counting;
mod paying;
mod shop;
mod starting;
mod stocking;
