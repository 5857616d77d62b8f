//! One caller's part of a group: what runs inside the transaction, and what follows its fate.

use orders::ports::Unavailable;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// How a job that ran without an error wants to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Commit what it wrote, and answer.
    Keep(T),
    /// Roll back what it wrote, and answer all the same: a condition did not hold.
    Undo(T),
}

/// A [`Typed`] job, whatever its types.
pub(super) trait Job: Send {
    /// Runs inside the job's savepoint; `false` asks to roll it back.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<bool>;
    /// Follows the group's commit (or its failure), on the writer's thread. Must be short.
    fn settle(self: Box<Self>, outcome: Result<(), Unavailable>);
}

/// A job with its result and its answer.
pub(super) struct Typed<T, U, Run, Settled> {
    pub(super) run: Option<Run>,
    pub(super) result: Option<T>,
    pub(super) settled: Settled,
    pub(super) answer: Option<oneshot::Sender<U>>,
}

impl<T, U, Run, Settled> Job for Typed<T, U, Run, Settled>
where
    T: Send,
    U: Send,
    Run: FnOnce(&Connection) -> rusqlite::Result<Verdict<T>> + Send,
    Settled: FnOnce(Result<T, Unavailable>) -> U + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let Some(run) = self.run.take() else { return Ok(false) };
        let (result, keep) = match run(connection)? {
            Verdict::Keep(result) => (result, true),
            Verdict::Undo(result) => (result, false),
        };
        self.result = Some(result);
        Ok(keep)
    }

    fn settle(self: Box<Self>, outcome: Result<(), Unavailable>) {
        let Self { result, settled, answer, .. } = *self;
        let outcome = outcome.and_then(|()| result.ok_or_else(|| Unavailable::new("Store", "the write did not run")));
        let value = settled(outcome);
        if let Some(answer) = answer {
            // A caller that went away doesn't want the answer; what was written stands.
            drop(answer.send(value));
        }
    }
}
