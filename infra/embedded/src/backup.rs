//! Copies of the database: what makes one a backup, and whether a file is one. Not for making the copy; see [`crate::db`].
//!
//! A copy of a running database says of itself that it needs a WAL. [`finish`] checks it, and then takes that back: so one that was
//! cut off, or made by other means, can be told from a backup.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::db::mark;
pub use crate::db::mark::beside;
pub use crate::db::offline;
use crate::lock::FileLock;
use crate::schema::{APPLICATION_ID, OpenError, latest_version};

/// A file can't be used as a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is something else.
    #[error("it is not an orderflow database")]
    Foreign,
    /// A newer binary wrote it.
    #[error(
        "it has schema version {found}, and this binary knows versions up to {known}: use the newer binary that wrote it"
    )]
    Newer {
        /// Its version.
        found: i32,
        /// The newest this binary knows.
        known: i32,
    },
    /// It was never finished.
    #[error(
        "it is a copy of a database that was running, without its WAL, or a backup that was not finished: what was written last is \
         missing. Use a file that `orderflow backup` has finished"
    )]
    Unfinished,
    /// Pages are missing or wrong.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// SQLite refuses.
    #[error("it can't be read: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Checks a copy, and makes it a backup: one file that needs no other.
///
/// # Errors
/// [`BackupError`]; it is no backup then.
pub fn finish(copy: &Path) -> Result<(), BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags)?;
    // Nobody else has it, so nothing needs shared memory.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    let version = sound(&connection)?;
    if version >= mark::SINCE {
        mark::complete(&connection)?;
    }
    connection.close().map_err(|(_, error)| error.into())
}

/// Whether a file is a backup that this binary can serve. Changes nothing.
///
/// # Errors
/// [`BackupError`]: why not.
pub fn check(backup: &Path) -> Result<(), BackupError> {
    let connection = mark::immutable(backup)?;
    let version = sound(&connection)?;
    let is_complete = version < mark::SINCE || mark::read(backup).is_some_and(|(_, mark)| mark.complete);
    if is_complete { Ok(()) } else { Err(BackupError::Unfinished) }
}

/// Keeps everybody else from serving it, as long as this lives.
pub struct Unserved {
    _lock: FileLock,
}

/// # Errors
/// [`OpenError::InUse`] if somebody serves it.
pub fn lock(database: &Path) -> Result<Unserved, OpenError> {
    Ok(Unserved { _lock: FileLock::take(database)? })
}

/// Its schema's version.
fn sound(connection: &Connection) -> Result<i32, BackupError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    match number("PRAGMA application_id") {
        Ok(APPLICATION_ID) => {}
        Ok(_) => return Err(BackupError::Foreign),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(BackupError::Foreign);
        }
        Err(error) => return Err(error.into()),
    }
    let (found, known) = (number("PRAGMA user_version")?, latest_version());
    if found > known {
        return Err(BackupError::Newer { found, known });
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(found) } else { Err(BackupError::Damaged(verdict)) }
}
