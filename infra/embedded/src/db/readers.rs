//! Connections to read with, beside the writer. A point read is short enough to run where it is asked for.

use std::path::PathBuf;

use orders::ports::Unavailable;
use parking_lot::Mutex;
use rusqlite::Connection;

use super::{open_connection, unavailable};

/// So many idle connections are kept; under load there is one per thread that reads.
const IDLE: usize = 16;

/// A connection is taken by one reader at a time and given back.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    /// Runs `read` on a connection that can't write.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Unavailable> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open().map_err(unavailable)?,
        };
        // A panic in `read` drops the connection rather than giving it back in an unknown state.
        let result = read(&connection).map_err(unavailable);
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        result
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = open_connection(&self.path)?;
        // mmap_size: all that SQLite maps at most (2 GB). A page that is not mapped costs a call of the system, each time.
        // cache_size, in pages: every commit empties a reader's cache. So many pages are one allocation that stays.
        connection.execute_batch("PRAGMA query_only = 1; PRAGMA mmap_size = 2147418112; PRAGMA cache_size = 20;")?;
        Ok(connection)
    }

    /// Closes the idle connections, so that a checkpoint finds nobody reading.
    pub(super) fn clear(&self) {
        self.idle.lock().clear();
    }
}
