//! The domain, held by itself: no worker, no store, no gateway.
//!
//! - `tables`: what each transition does to each order, as docs/TRANSITIONS.md has it.
//! - `pipeline`: every order that the pipeline can bring about, whatever is repeated, late or lost; what is always true of it.
//! - `any_order`: random calls in any order at all, on orders of any size.
//! - `prices`: which products, prices and totals a reservation takes.
//!
//! Misses: whether the workers call the transitions as `pipeline` has it (`workers/tests`), and whether a store writes order
//! and stock as one (`tests/contract`).

#![allow(clippy::unwrap_used)] // a test

mod any_order;
mod page;
mod pipeline;
mod prices;
mod rules;
mod sandbox;
mod sending;
mod shop;
mod tables;
mod told;
mod words;
