//! The file as it is at one moment, held still while it is copied. Not for where the copy goes.
//!
//! All of the WAL is moved into the file while the writer stands still for one sync; the read transaction that begins at that
//! moment reads from the file alone, and SQLite lets no checkpoint touch a file that is read so ("WAL-mode File Format", section
//! 2.2, `WAL_READ_LOCK(0)`). So the file doesn't change, whatever is written meanwhile: that waits in the WAL, which grows.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use orders::ports::Unavailable;
use orders::ports::ops::{Backups, Snapshot, SnapshotError};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::checkpoint::{Mode, WalLength};
use super::{Db, mark, open_connection, unavailable};
use crate::lock::FileLock;
use crate::schema::OpenError;

/// How often a reader of an older state is waited for.
const ATTEMPTS: u32 = 40;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the writer stands still for such a reader in one attempt.
const STANDSTILL: Duration = Duration::from_millis(50);
/// A copy that takes so long that the WAL grows to this many frames (4 GB) is given up.
const LONGEST_WAL: u32 = 1_000_000;

/// The database's own bytes, read beside SQLite. Opened once, and closed after the last connection: with *any* descriptor of a file
/// that a process closes, it loses all its locks on that file (POSIX, fcntl(2)), and so would SQLite, unawares. The next program
/// that looks into the file would then take itself for the last, and delete the WAL under the service.
pub(super) struct Plain(File);

impl Plain {
    pub(super) fn open(path: &Path) -> std::io::Result<Arc<Self>> {
        File::open(path).map(|file| Arc::new(Self(file)))
    }

    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, at)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buffer, at)
    }
}

/// A file that is held still.
struct HeldStill {
    // Before the lock on the checkpoints: they may go on only when nobody reads any more.
    _reading: Connection,
    hold: Hold,
    at: u64,
    bytes: u64,
    // After the connection: see there.
    file: Arc<Plain>,
}

/// A snapshot of a file that nobody may serve meanwhile.
struct Locked {
    content: Box<dyn Read + Send>,
    _lock: FileLock,
}

impl Read for Locked {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.content.read(buffer)
    }
}

/// Keeps our own checkpoints off.
struct Hold(Arc<WalLength>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.copied();
    }
}

impl Read for HeldStill {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.hold.0.frames() > LONGEST_WAL {
            let why = "the copy takes so long that the WAL has grown to 4 GB: make it nearer to the service, or when less is written";
            return Err(std::io::Error::new(ErrorKind::TimedOut, why));
        }
        let left = usize::try_from(self.bytes - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..left], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[async_trait::async_trait]
impl Backups for Db {
    async fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        let shared = Arc::clone(&self.shared);
        let taken = tokio::task::spawn_blocking(move || {
            take(&shared.path, &shared.file, &shared.length, &shared.turnstile, ATTEMPTS)
        });
        taken.await.unwrap_or_else(|error| Err(Unavailable::new("Store", error).into()))
    }
}

/// A snapshot of a file that nobody serves, and nobody can while it lasts.
///
/// # Errors
/// [`OpenError`]: each says what to do.
pub fn offline(path: &Path) -> Result<Snapshot, OpenError> {
    let failed = |error| OpenError::Io { path: path.to_owned(), error };
    std::fs::metadata(path).map_err(failed)?;
    let lock = FileLock::take(path)?;
    mark::check(path)?;
    let file = Plain::open(path).map_err(failed)?;
    let taken = take(path, &file, &Arc::default(), &Mutex::new(()), ATTEMPTS);
    let Snapshot { bytes, content } = taken.map_err(|error| failed(std::io::Error::other(error)))?;
    Ok(Snapshot { bytes, content: Box::new(Locked { content, _lock: lock }) })
}

fn take(
    path: &Path,
    file: &Arc<Plain>,
    length: &Arc<WalLength>,
    turnstile: &Mutex<()>,
    attempts: u32,
) -> Result<Snapshot, SnapshotError> {
    if !length.begin_copy() {
        return Err(SnapshotError::UnderWay);
    }
    let hold = Hold(Arc::clone(length));
    let reading = open_connection(path).map_err(unavailable)?;
    reading.busy_timeout(STANDSTILL).map_err(unavailable)?;
    for _ in 0..attempts {
        length.checkpoint(&reading, Mode::Passive);
        let standstill = turnstile.lock();
        if length.checkpoint(&reading, Mode::Full) == Some(0) {
            let bytes = begin(&reading).map_err(unavailable)?;
            drop(standstill);
            let content = HeldStill { _reading: reading, hold, at: 0, bytes, file: Arc::clone(file) };
            return Ok(Snapshot { bytes, content: Box::new(content) });
        }
        drop(standstill);
        std::thread::sleep(PAUSE);
    }
    Err(SnapshotError::HeldUp(
        "somebody reads an old state of the database all the time: look for a program with a transaction open on it, such as \
         sqlite3 (`lsof orderflow.db` lists them), and end it"
            .to_owned(),
    ))
}

/// Begins to read, and says how long the file is.
fn begin(reading: &Connection) -> rusqlite::Result<u64> {
    reading.execute_batch("BEGIN")?;
    let number = |sql: &str| reading.query_row(sql, [], |row| row.get::<_, u32>(0)).map(u64::from);
    // The first read begins the transaction's snapshot.
    number("SELECT count(*) FROM sqlite_schema")?;
    Ok(number("PRAGMA page_count")? * number("PRAGMA page_size")?)
}

#[cfg(test)]
mod tests;
