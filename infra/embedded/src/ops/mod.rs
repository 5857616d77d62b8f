//! The ports of ops ([`orders::ports::ops`]) on SQLite: the queues to look into, the executions, the journal, and what
//! changes. Not for what ops do with them: that is the crate `ops`.

pub mod changes;
pub(crate) mod executions;
pub mod journal;
mod moves;
pub mod queues;
