//! Moves what was committed from the WAL into the file, on a thread and connection of its own, so that no write waits
//! for it and the WAL stays bounded.
//!
//! A passive checkpoint does nearly all the work beside the writer, but under steady load it never sees the end of
//! the WAL, and a WAL is only reused from its beginning once all of it was moved. So when it has grown long the rest
//! (little: a passive one came just before) is moved while the writer stands still for one sync
//! (SQLite, "Write-Ahead Logging", sections 2.1 and 6). Where the disk can't keep up even so, the writer waits at a limit.
//! Where somebody else reads on and on, or a backup is made, waiting would change nothing: the WAL grows, and it is told.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

/// A passive checkpoint whenever the WAL has grown by so many frames (pages of 4 KiB) since the last: a page that changes again
/// and again is written to the file once for each (docs/PERFORMANCE.md).
const PASSIVE_EVERY: u32 = 12_000;
/// The WAL is brought to its end behind the first of them that finds it so long.
const RESTART_AT: u32 = 16_000;
/// No group begins while the WAL is so long, unless a reader keeps it from being brought to its end.
pub(super) const LIMIT: u32 = 2 * RESTART_AT;
/// A group waits at most this long at the limit.
const PATIENCE: Duration = Duration::from_secs(1);
/// If a passive checkpoint leaves more than this, a reader holds it up, and standing still would not help.
const REST: u32 = 2_000;
/// How long after a checkpoint that was held up the next is tried.
const RETRY: Duration = Duration::from_secs(1);
/// A WAL that can't begin anew is told of at most this often.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// A frame in bytes: a page and its header.
const FRAME: u32 = 4096 + 24;

#[derive(Default)]
struct Wal {
    frames: u32,
    checkpointed_at: u32,
    /// All of it is in the file: the next commit begins it anew, unless somebody still reads it.
    moved: bool,
    /// The commit under way has a mark (`super::mark`).
    marked: bool,
    /// The last checkpoint could not come to its end: no group waits for the next.
    held_up: bool,
    /// A backup copies the file, which must not change meanwhile.
    copied: bool,
    closed: bool,
}

impl Wal {
    /// A group has to wait, and a checkpoint is on its way that will change that.
    const fn is_full(&self) -> bool {
        self.frames >= LIMIT && !self.held_up && !self.copied && !self.closed
    }
}

/// Where the writer reports how long the WAL is.
#[derive(Default)]
pub(super) struct WalLength {
    wal: Mutex<Wal>,
    grown: Condvar,
    ended: Condvar,
    /// Held during checkpoints.
    checkpointing: Mutex<()>,
}

impl WalLength {
    /// Called before each group: waits while the WAL is at its limit.
    pub(super) fn admit(&self) {
        let mut wal = self.wal.lock();
        if self.ended.wait_while_for(&mut wal, |wal| wal.is_full(), PATIENCE).timed_out() {
            tracing::warn!("the WAL is at its limit: the disk is slow");
        }
    }

    /// Whether the next commit has to have a mark, for it begins the WAL anew.
    pub(super) fn begins(&self) -> bool {
        let mut wal = self.wal.lock();
        wal.marked = std::mem::take(&mut wal.moved);
        wal.marked
    }

    /// The commit that would have begun the WAL anew has failed.
    pub(super) fn begins_still(&self) {
        self.wal.lock().moved = true;
    }

    /// The next commit begins the WAL anew.
    pub(super) fn brought_to_its_end(&self) {
        let mut wal = self.wal.lock();
        (wal.frames, wal.checkpointed_at, wal.held_up) = (0, 0, false);
        self.ended.notify_all();
    }

    /// Called after each commit with the number of frames in the WAL.
    pub(super) fn report(&self, frames: u32) {
        let mut wal = self.wal.lock();
        if frames <= wal.frames {
            (wal.checkpointed_at, wal.held_up) = (0, false);
            // It began anew without a mark, for another program's checkpoint: then the second transaction has it.
            wal.moved |= !wal.marked;
        }
        wal.frames = frames;
        metrics::gauge!("orderflow_wal_bytes").set(f64::from(frames) * f64::from(FRAME));
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

    /// How long it is.
    pub(super) fn frames(&self) -> u32 {
        self.wal.lock().frames
    }

    /// Keeps the checkpointer off until [`Self::copied`]; `false`: another backup does already.
    pub(super) fn begin_copy(&self) -> bool {
        let _finished = self.checkpointing.lock();
        let mut wal = self.wal.lock();
        self.ended.notify_all();
        !std::mem::replace(&mut wal.copied, true)
    }

    /// The file may change again.
    pub(super) fn copied(&self) {
        self.wal.lock().copied = false;
        self.grown.notify_one();
    }

    /// Waits until a checkpoint is due; `false` when closed.
    fn due(&self) -> bool {
        let mut wal = self.wal.lock();
        let mut again = false;
        while !wal.closed && (wal.copied || !again && wal.frames.saturating_sub(wal.checkpointed_at) < PASSIVE_EVERY) {
            if wal.held_up && !wal.copied {
                again = self.grown.wait_for(&mut wal, RETRY).timed_out();
            } else {
                self.grown.wait(&mut wal);
            }
        }
        wal.checkpointed_at = wal.frames;
        !wal.closed
    }

    /// Moves what it can, and begins the WAL anew if it is long; `false`: somebody who reads keeps it from that, and it has grown to
    /// its limit.
    fn shorten(&self, connection: &Connection, turnstile: &Mutex<()>) -> bool {
        let _alone = self.checkpointing.lock();
        if self.wal.lock().copied {
            return true;
        }
        let mut left = self.checkpoint(connection, Mode::Passive);
        if self.wal.lock().frames < RESTART_AT {
            return true;
        }
        if left.is_some_and(|left| left <= REST) {
            let _standstill = turnstile.lock();
            left = self.checkpoint(connection, Mode::Restart);
            if left == Some(0) {
                self.brought_to_its_end();
            }
        }
        // One that failed is the disk's fault: to wait for the next is right.
        if left.is_none_or(|left| left == 0) {
            return true;
        }
        let mut wal = self.wal.lock();
        wal.held_up = true;
        self.ended.notify_all();
        wal.frames < LIMIT
    }

    /// How many frames it left, for somebody still reads; `None`: it failed.
    pub(super) fn checkpoint(&self, connection: &Connection, mode: Mode) -> Option<u32> {
        let frames =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?));
        let (outcome, left) = match connection.query_row(mode.pragma(), [], frames) {
            Ok((busy, all, moved)) => {
                let left = all.saturating_sub(moved);
                if left == 0 {
                    self.wal.lock().moved = true;
                }
                // One that moved all, and could not wait for whoever reads it from the WAL.
                let left = if busy { left.max(1) } else { left };
                (if left == 0 { "complete" } else { "partial" }, Some(left))
            }
            Err(error) => {
                tracing::warn!(?mode, %error, "a checkpoint failed");
                ("failed", None)
            }
        };
        metrics::counter!("orderflow_checkpoints_total", "outcome" => outcome).increment(1);
        if left == Some(0) {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            metrics::gauge!("orderflow_checkpoint_complete_timestamp_seconds").set(now.as_secs_f64());
        }
        left
    }
}

/// How much a checkpoint waits for (SQLite, "PRAGMA wal_checkpoint").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// For nobody.
    Passive,
    /// For readers of an older state.
    Full,
    /// For readers of the WAL, too: the next commit begins it anew.
    Restart,
    /// As `Restart`, and cuts the WAL to nothing.
    Truncate,
}

impl Mode {
    const fn pragma(self) -> &'static str {
        match self {
            Self::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            Self::Full => "PRAGMA wal_checkpoint(FULL)",
            Self::Restart => "PRAGMA wal_checkpoint(RESTART)",
            Self::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        }
    }
}

/// Until closed.
pub(super) fn run(connection: &Connection, length: &WalLength, turnstile: &Arc<Mutex<()>>) {
    let mut told: Option<Instant> = None;
    while length.due() {
        let short = length.shorten(connection, turnstile);
        if !short && told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            told = Some(Instant::now());
            let bytes = u64::from(length.wal.lock().frames) * u64::from(FRAME);
            tracing::warn!(
                wal_bytes = bytes,
                "the WAL can't begin anew and grows, for somebody reads an old state of the database: look for a program with a \
                 transaction open on it, such as sqlite3 (`lsof orderflow.db` lists them), and end it. Commits become slower"
            );
        }
    }
}

#[cfg(test)]
mod tests;
