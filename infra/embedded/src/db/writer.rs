//! The writer's thread: group commit. Not for deciding what to write; that is in the jobs.
//!
//! Whatever waits becomes one transaction and one sync. Each job runs in a savepoint of its own, so one that fails is
//! rolled back alone. What a job has read may come from a job before it in the group, so a failed COMMIT fails them all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use orders::ports::Unavailable;
use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::checkpoint::WalLength;
use super::job::Job;
use super::{mark, unavailable};

/// At most this many jobs share a commit, so that the first of them doesn't wait for ever.
const GROUP: usize = 512;

/// What reaches the writer.
pub(super) enum Request {
    /// Run this.
    Job(Box<dyn Job>),
    /// Finish what came before, then end.
    Close,
}

/// Runs after each group, when all its jobs are settled.
pub(super) type AfterGroup = Arc<dyn Fn() + Send + Sync>;

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) requests: mpsc::Receiver<Request>,
    /// Held during a transaction; the checkpointer takes it to finish undisturbed.
    pub(super) turnstile: Arc<Mutex<()>>,
    pub(super) length: Arc<WalLength>,
    /// A commit has failed, and [`super::Db::check`] has not succeeded since.
    pub(super) failing: Arc<AtomicBool>,
    pub(super) after_group: Arc<std::sync::OnceLock<AfterGroup>>,
}

impl Writer {
    /// Until closed, or until nobody is left who could write.
    pub(super) fn run(mut self) {
        let mut requests = Vec::with_capacity(GROUP);
        let mut closing = false;
        while !closing && self.requests.blocking_recv_many(&mut requests, GROUP) > 0 {
            let mut jobs = Vec::with_capacity(requests.len());
            for request in requests.drain(..) {
                match request {
                    Request::Job(job) if !closing => jobs.push(job),
                    Request::Job(job) => settle(job, Err(Unavailable::new("Store", "it is closed"))),
                    Request::Close => closing = true,
                }
            }
            if !jobs.is_empty() {
                self.group(jobs);
            }
        }
    }

    fn group(&self, mut jobs: Vec<Box<dyn Job>>) {
        let began = Instant::now();
        self.length.admit();
        let guard = self.turnstile.lock();
        let begins = self.length.begins();
        let outcomes = transaction(&self.connection, &mut jobs, begins);
        if begins && outcomes.is_err() {
            self.length.begins_still();
        }
        // Fair, because this thread would otherwise always be back before the checkpointer wakes.
        MutexGuard::unlock_fair(guard);
        metrics::histogram!("orderflow_commit_seconds").record(began.elapsed().as_secs_f64());
        metrics::histogram!("orderflow_commit_jobs").record(jobs.len() as f64);
        match outcomes {
            Ok(outcomes) => jobs.into_iter().zip(outcomes).for_each(|(job, outcome)| settle(job, outcome)),
            Err(failure) => {
                self.failing.store(true, Ordering::Relaxed);
                metrics::counter!("orderflow_commit_failures_total").increment(1);
                tracing::error!(cause = %failure.cause, jobs = jobs.len(), "a commit failed with all its writes");
                jobs.into_iter().for_each(|job| settle(job, Err(failure.clone())));
            }
        }
        if let Some(after_group) = self.after_group.get() {
            after_group();
        }
    }
}

/// A callback's bug must not end the writer.
fn settle(job: Box<dyn Job>, outcome: Result<(), Unavailable>) {
    if catch_unwind(AssertUnwindSafe(|| job.settle(outcome))).is_err() {
        tracing::error!("what follows a write panicked");
    }
}

/// With a mark first if it `begins` the WAL. One outcome per job if the group was committed, else why it wasn't.
fn transaction(
    connection: &Connection,
    jobs: &mut [Box<dyn Job>],
    begins: bool,
) -> Result<Vec<Result<(), Unavailable>>, Unavailable> {
    let mut attempt = || -> rusqlite::Result<Vec<Result<(), Unavailable>>> {
        execute(connection, "BEGIN IMMEDIATE")?;
        if begins {
            mark::renew(connection)?;
        }
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in &mut *jobs {
            execute(connection, "SAVEPOINT job")?;
            let ran = catch_unwind(AssertUnwindSafe(|| job.run(connection)));
            if !matches!(ran, Ok(Ok(true))) {
                // Some errors (a full disk, IO) make SQLite roll back the whole transaction: then this fails, rightly.
                execute(connection, "ROLLBACK TO job")?;
            }
            execute(connection, "RELEASE job")?;
            outcomes.push(match ran {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(unavailable(error)),
                Err(_) => Err(Unavailable::new("Store", "the write panicked; nothing of it was kept")),
            });
        }
        execute(connection, "COMMIT")?;
        Ok(outcomes)
    };
    attempt().map_err(|error| {
        if !connection.is_autocommit()
            && let Err(rollback) = execute(connection, "ROLLBACK")
        {
            tracing::error!(%rollback, "a failed transaction could not be rolled back");
        }
        unavailable(error)
    })
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
