//! Moves what was committed from the WAL into the file, on a thread and connection of its own, so that no write waits
//! for it and the WAL stays bounded.
//!
//! A passive checkpoint does nearly all the work beside the writer, but under steady load it never sees the end of
//! the WAL, and a WAL is only reused from its beginning once all of it was moved. So when it has grown long the rest
//! (little: a passive one came just before) is moved while the writer stands still for one sync
//! (SQLite, "Write-Ahead Logging", sections 2.1 and 6). Where the disk can't keep up even so, the writer waits at a limit.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

/// A passive checkpoint whenever the WAL has grown by so many frames (pages of 4 KiB) since the last: a page that changes again
/// and again is written to the file once for each (docs/PERFORMANCE.md).
const PASSIVE_EVERY: u32 = 12_000;
/// The WAL is brought to its end behind the first of them that finds it so long.
const RESTART_AT: u32 = 16_000;
/// No group begins while the WAL is so long, unless a reader keeps it from being brought to its end.
pub(super) const LIMIT: u32 = 2 * RESTART_AT;
/// So long does a group wait for such a reader at most.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Wal {
    frames: u32,
    checkpointed_at: u32,
    closed: bool,
}

/// Where the writer reports how long the WAL is.
#[derive(Default)]
pub(super) struct WalLength {
    wal: Mutex<Wal>,
    grown: Condvar,
    ended: Condvar,
}

impl WalLength {
    /// Called before each group: waits while the WAL is at its limit.
    pub(super) fn admit(&self) {
        let mut wal = self.wal.lock();
        let is_full = |wal: &mut Wal| wal.frames >= LIMIT && !wal.closed;
        if self.ended.wait_while_for(&mut wal, is_full, PATIENCE).timed_out() {
            tracing::warn!("the WAL is at its limit: a reader or the disk is slow");
        }
    }

    /// The next commit begins the WAL anew.
    pub(super) fn brought_to_its_end(&self) {
        let mut wal = self.wal.lock();
        (wal.frames, wal.checkpointed_at) = (0, 0);
        self.ended.notify_all();
    }

    /// Called after each commit with the number of frames in the WAL.
    pub(super) fn report(&self, frames: u32) {
        let mut wal = self.wal.lock();
        if frames < wal.frames {
            wal.checkpointed_at = 0;
        }
        wal.frames = frames;
        if frames - wal.checkpointed_at.min(frames) >= PASSIVE_EVERY {
            self.grown.notify_one();
        }
    }

    /// Ends the checkpointer.
    pub(super) fn close(&self) {
        self.wal.lock().closed = true;
        self.grown.notify_one();
        self.ended.notify_all();
    }

    /// Waits until a checkpoint is due; `false` when closed.
    fn due(&self) -> bool {
        let mut wal = self.wal.lock();
        while !wal.closed && wal.frames.saturating_sub(wal.checkpointed_at) < PASSIVE_EVERY {
            self.grown.wait(&mut wal);
        }
        wal.checkpointed_at = wal.frames;
        !wal.closed
    }

    fn is_long(&self) -> bool {
        self.wal.lock().frames >= RESTART_AT
    }
}

/// Until closed.
pub(super) fn run(connection: &Connection, length: &WalLength, turnstile: &Arc<Mutex<()>>) {
    while length.due() {
        checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)");
        if length.is_long() {
            let _standstill = turnstile.lock();
            if checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)") {
                length.brought_to_its_end();
            }
        }
    }
}

/// Says whether it came to the end. One that did not is tried again when the WAL has grown further.
pub(super) fn checkpoint(connection: &Connection, pragma: &str) -> bool {
    let result = connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    metrics::counter!("orderflow_checkpoints_total").increment(1);
    match &result {
        Ok(0) => {}
        Ok(_) => tracing::debug!(pragma, "a checkpoint could not finish: somebody still reads"),
        Err(error) => tracing::warn!(pragma, %error, "a checkpoint failed"),
    }
    result == Ok(0)
}
