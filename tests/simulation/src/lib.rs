//! The whole pipeline on a virtual clock: real workers, batch core, engine and definition; the world in memory.

#![allow(clippy::unwrap_used)] // nothing here but tests and what they stand on

pub mod book;
pub mod choices;
pub mod edges;
pub mod invariants;
pub mod memory;
pub mod pairs;
pub mod random;
pub mod schedule;
pub mod shrink;
pub mod sim;
pub mod world;
