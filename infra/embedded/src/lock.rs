//! One process per file: an advisory lock beside the database. SQLite would let a second one in, and the two would
//! receive each other's messages.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::db::mark::beside;
use crate::schema::OpenError;

/// Held as long as it lives; the operating system releases it when the process dies, however it dies.
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, ".lock");
        let failed = |error| OpenError::Io { path: path.clone(), error };
        let file = private(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: database.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Makes the database's file, if there is none, for its owner alone. Who holds the lock may.
    pub(crate) fn make_private(&self, database: &Path) -> Result<(), OpenError> {
        private(database).map(drop).map_err(|error| OpenError::Io { path: database.to_owned(), error })
    }
}

/// A file that only its owner reads, made if it is not there. SQLite gives its other files the database's mode.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
