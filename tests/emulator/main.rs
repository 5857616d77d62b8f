//! `infra/aws/template.yaml`, as it is, deployed to the emulator with the compiled functions, under IAM.
//!
//! Proves: each function's policy allows what it calls; the examples meet the demo's fates; tokens and scopes; partial batches;
//! dead letters and mail; killed functions lose and double nothing. Misses: what the emulator doesn't do (docs/TESTING.md).

#![allow(clippy::unwrap_used)] // a test

#[path = "../examples/mod.rs"]
mod examples;
#[path = "../ministack/mod.rs"]
mod ministack;
#[path = "../service/mod.rs"]
mod service;

mod access;
mod cost;
mod deployment;
mod fates;
mod kills;
mod ops;
mod stack;
