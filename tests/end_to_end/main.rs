//! The real binary over real HTTP.
//!
//! Proves: the examples meet their fates; cancelling; drawing; keys and scopes; what other sites' pages, and clients that are
//! slow, silent or many, can do; HTTP to the letter; stopping in time; charging through Stripe; what is refused at start says why.
//! Misses: faults (tests/simulation, tests/chaos) and AWS.

#![allow(clippy::unwrap_used)] // a test

#[path = "../examples/mod.rs"]
mod examples;
#[path = "../service/mod.rs"]
mod service;

mod api;
mod clients;

mod clock;
mod command;
mod graph;
mod output;
mod pages;
mod protocol;
mod raw;
mod stopping;
mod stripe;
