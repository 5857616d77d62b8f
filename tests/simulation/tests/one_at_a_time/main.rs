//! The whole pipeline on a virtual clock: real workers, batch core, engine and definition; the world in memory.
//!
//! Proves: with any one port call failing before its effect, after it, or by a crash (and with pairs of them, for three of the nine combinations of kinds),
//! money, stock and status agree when the dust settles; and every edge of `order.asl.json` is walked.
//! Misses: what only a real store or process does (tests/contract, tests/chaos).

#![allow(clippy::unwrap_used)] // a test

mod edges;
mod faults;
mod mails;
mod times;
