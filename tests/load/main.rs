//! `orderflow load` as a process, against `orderflow serve` as another.
//!
//! Proves: every shape of load sends what was asked for, hears how all of it ends, and balances the books; what is wrong in the books
//! or over a threshold is the exit code; the reports have what OPERATIONS.md says. Misses: how fast anything is (PERFORMANCE.md).

#![allow(clippy::unwrap_used)] // a test

#[path = "../ops/night.rs"]
mod night;
#[path = "../service/mod.rs"]
mod service;

mod books;
mod exits;
mod gone;
mod loads;
mod reports;
mod scripts;
mod under_load;
