//! The ports of ops on AWS, for `orderflow --aws`: they run in the command, with the caller's own credentials. Not for the
//! functions, which need none of it.

mod executions;
mod journal;
mod queues;
mod stack;

pub use executions::StepFunctionsExecutions;
pub use journal::DynamoJournal;
pub use queues::SqsOpsQueues;
pub use stack::{Stack, StackError};
