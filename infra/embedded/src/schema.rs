//! The tables, and how an older file becomes a present one. Not for queries.
//!
//! Keys are integers in order of arrival, so that writes go to the end of each tree. The order's id stands in one unique
//! index; an execution and its history hang on the order's number. No index has a column that every step changes.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use statemachine::InvalidDefinition;

/// "OFlw": says that a SQLite file is ours (`PRAGMA application_id`).
pub(crate) const APPLICATION_ID: i32 = 0x4F46_6C77;

/// Each entry brings a file from the version before to its own (`PRAGMA user_version`). Never change one that was released.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

/// Why the embedded pipeline can't start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{} is in use by another orderflow process: stop that one, or give this one a directory of its own (--data)", path.display()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// A newer binary wrote it.
    #[error(
        "{} has schema version {found}, and this binary knows versions up to {known}: run the newer binary that wrote it, \
         or restore a backup from before the update", path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The newest this binary knows.
        known: i32,
    },
    /// It is something else.
    #[error("{} is not an orderflow database ({why}): nothing was changed; choose another path", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How it can be told.
        why: &'static str,
    },
    /// The WAL beside it is that of another file.
    #[error(
        "{} does not belong to {}: the database was replaced, by a backup or an older copy perhaps, and this is the WAL of the one \
         before. Replayed, it would ruin the file; nothing was changed. To run with the file as it is, move {} and the -shm file \
         beside it away; to run with what was here last, put the file back that the WAL belongs to", wal.display(), path.display(), wal.display()
    )]
    ForeignWal {
        /// The database file.
        path: PathBuf,
        /// The WAL.
        wal: PathBuf,
    },
    /// There is a WAL, and no file that it belongs to.
    #[error(
        "{} is missing or empty, and {} is there: put the file back that the WAL belongs to. To begin anew, or to restore a backup, \
         move the WAL away; nothing was changed", path.display(), wal.display()
    )]
    WithoutFile {
        /// The database file.
        path: PathBuf,
        /// The WAL.
        wal: PathBuf,
    },
    /// It is damaged, for its WAL is not there.
    #[error(
        "{} was not closed, its WAL is not beside it, and it is damaged without ({why}): put {}-wal back, or restore a backup \
         (orderflow restore); nothing was changed", path.display(), path.display()
    )]
    WithoutWal {
        /// The database file.
        path: PathBuf,
        /// What SQLite finds.
        why: String,
    },
    /// It would be on another machine.
    #[error(
        "{} would be on a network file system ({file_system}), where neither locks nor shared memory nor syncs are this machine's, and \
         a 202 would promise nothing: choose a directory on a disk of this machine (--data)", path.display()
    )]
    Network {
        /// The database file.
        path: PathBuf,
        /// The file system's name.
        file_system: &'static str,
    },
    /// The workflow's definition can't be run.
    #[error("the workflow's definition is not valid: {0}")]
    Definition(#[from] InvalidDefinition),
    /// SQLite refuses.
    #[error("{} can't be opened: {error}: check the directory, its permissions and the disk", path.display())]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        error: rusqlite::Error,
    },
    /// The file can't be read or written.
    #[error("the start failed: {0}: check the disk")]
    Store(#[from] orders::ports::Unavailable),
    /// The operating system refuses.
    #[error("{}: {error}: check the directory, its permissions and the disk", path.display())]
    Io {
        /// The file it is about.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// The version that this binary brings a file to.
pub(crate) fn latest_version() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Makes the tables in a new file, brings an older one up to date, refuses what is not ours.
pub(crate) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: path.to_owned(), why: "it is no SQLite file" },
        _ => OpenError::Sqlite { path: path.to_owned(), error },
    };
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(failed);
    let application = number("PRAGMA application_id")?;
    let found = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let is_new = application == 0 && found == 0 && tables == 0;
    if !is_new && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned(), why: "another application made it" });
    }
    let known = latest_version();
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    let done = usize::try_from(found).unwrap_or_default();
    let migrate = |connection: &mut Connection| -> rusqlite::Result<()> {
        for (migration, version) in MIGRATIONS.iter().zip(1i32..).skip(done) {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
        Ok(())
    };
    migrate(connection).map_err(failed)
}

#[cfg(test)]
mod tests;
