//! One process per file: an advisory lock beside the database. SQLite would let a second one in, and the two would
//! receive each other's messages.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::schema::OpenError;

/// Held as long as it lives; the operating system releases it when the process dies, however it dies.
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |error| OpenError::Io { path: path.clone(), error };
        let file = private(&path).map_err(failed)?;
        drop(private(database).map_err(|error| OpenError::Io { path: database.to_owned(), error })?);
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: database.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
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
