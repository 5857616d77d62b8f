//! How much an execution may do in one turn, that is, until it waits for the world again.
//!
//! A definition can go round for 25,000 events without waiting, over data of 256 KiB, with thousands of rules or paths in each
//! state. Each is within its limit; their product is not. So whatever reads, copies, compares or writes data pays for it here, in
//! bytes of JSON text or what takes about as long.

use std::cell::Cell;

use crate::limits::MAX_TURN_BYTES;

/// What is left of a turn.
#[derive(Debug)]
pub(crate) struct Budget(Cell<u64>);

/// Nothing is left: the execution must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent;

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Cell::new(MAX_TURN_BYTES))
    }

    pub(crate) fn spend(&self, bytes: usize) -> Result<(), Spent> {
        let left = self.0.get().checked_sub(bytes as u64);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Spent)
    }
}
