//! One SQLite file: one writer that commits in groups, readers beside it, checkpoints beside both.
//!
//! A write is a closure over the connection with everything rendered before; it only binds, steps and reads back.
//! What must follow a commit whatever becomes of the caller (an in-memory index, a timer) goes into
//! [`Db::write_then`]'s second closure, which runs on the writer's thread in the order of the commits.

mod checkpoint;
mod job;
pub(crate) mod mark;
mod readers;
mod snapshot;
mod wal;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use orders::ports::Unavailable;
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use crate::config::{Config, Durability};
use crate::lock::FileLock;
use crate::schema::OpenError;
use crate::{disk, schema};
use checkpoint::{Mode, WalLength};
use job::Typed;
pub use job::Verdict;
use readers::Readers;
use snapshot::Plain;
pub use snapshot::offline;
use writer::{Request, Writer};

/// Statements a connection keeps prepared: more than there are.
const STATEMENTS: usize = 128;

/// In bytes; the API takes no larger body.
const LARGEST_ORDER: u32 = 64 * 1024;

/// A handle on the database; clones share it.
#[derive(Clone)]
pub struct Db {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    readers: Readers,
    length: Arc<WalLength>,
    turnstile: Arc<Mutex<()>>,
    failing: Arc<AtomicBool>,
    after_group: Arc<OnceLock<writer::AfterGroup>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The writer's thread holds it too: released when the file is closed, or the last handle and the writer are gone.
    lock: Mutex<Option<Arc<FileLock>>>,
    /// For copies. The threads hold it too, so that it is closed after every connection; nothing else may open and close the file
    /// while there are connections.
    file: Arc<Plain>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.length.close();
    }
}

impl Db {
    /// Opens the file, makes it or brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]: each says what to do.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let path = config.path.as_path();
        if let Some(file_system) = disk::network(path) {
            return Err(OpenError::Network { path: path.to_owned(), file_system });
        }
        let lock = Arc::new(FileLock::take(path)?);
        mark::check(path)?;
        lock.make_private(path)?;
        let failed = |error: rusqlite::Error| OpenError::Sqlite { path: path.to_owned(), error };
        let mut connection = open_connection(path).map_err(failed)?;
        schema::prepare(&mut connection, path)?;
        let synchronous = match config.durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        // temp_store: a savepoint's undo pages stay in memory. journal_size_limit: a WAL that grew beyond `checkpoint::LIMIT`
        // shrinks again; one that didn't is written over, for growing costs more.
        // cache_size: a commit after a B-tree was balanced looks through all of the cache (pcache1Truncate), so it is small.
        let pragmas = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 134217728; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;"
        );
        connection.execute_batch(&pragmas).map_err(failed)?;
        let length = Arc::new(WalLength::default());
        let reported = Arc::clone(&length);
        connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, frames: std::ffi::c_int| {
                reported.report(u32::try_from(frames).unwrap_or_default());
                Ok(())
            }))
            .map_err(failed)?;
        // From now on the file needs its WAL, and says so.
        let marked = mark::renew(&connection);
        if let Err(error) = &marked {
            tracing::warn!(%error, "the WAL could not be marked; the next write does it");
            length.begins_still();
        }
        length.checkpoint(&connection, Mode::Passive);
        let checkpoints = open_connection(path).map_err(failed)?;
        checkpoints.busy_timeout(Duration::from_millis(100)).map_err(failed)?;

        let (turnstile, failing) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
        let after_group = Arc::new(OnceLock::new());
        let (requests, received) = mpsc::channel(config.write_queue.max(1));
        let writer = Writer {
            connection,
            requests: received,
            turnstile: Arc::clone(&turnstile),
            length: Arc::clone(&length),
            failing: Arc::clone(&failing),
            after_group: Arc::clone(&after_group),
        };
        let (grown, gate) = (Arc::clone(&length), Arc::clone(&turnstile));
        let writers_lock = Arc::clone(&lock);
        let file = Plain::open(path).map_err(|error| OpenError::Io { path: path.to_owned(), error })?;
        let (writers_file, checkpoints_file) = (Arc::clone(&file), Arc::clone(&file));
        let write = move || {
            writer.run();
            drop((writers_file, writers_lock));
        };
        let check = move || {
            checkpoint::run(&checkpoints, &grown, &gate);
            drop(checkpoints);
            drop(checkpoints_file);
        };
        let threads = vec![spawn("orderflow-writer", path, write)?, spawn("orderflow-checkpoint", path, check)?];
        let shared = Shared {
            path: path.to_owned(),
            readers: Readers::new(path.to_owned()),
            length,
            turnstile,
            failing,
            after_group,
            threads: Mutex::new(threads),
            lock: Mutex::new(Some(lock)),
            file,
        };
        Ok(Self { requests, shared: Arc::new(shared) })
    }

    /// Writes, and answers once it is committed.
    ///
    /// # Errors
    /// [`Unavailable`] if the job or the commit failed: the former wrote nothing, the latter's outcome is unknown.
    pub async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<Verdict<T>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        self.write_then(job, |result| result).await
    }

    /// Like [`Self::write`]; `settled` runs after the commit, or its failure, even if nobody waits for the answer any more.
    /// It runs on the writer's thread, so it must be short and never wait.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn write_then<T: Send + 'static, U: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<Verdict<T>> + Send + 'static,
        settled: impl FnOnce(Result<T, Unavailable>) -> Result<U, Unavailable> + Send + 'static,
    ) -> Result<U, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.request(Box::new(Typed { run: Some(job), result: None, settled, answer: Some(answer) })).await?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Hands a write over without waiting for its commit.
    ///
    /// # Errors
    /// [`Unavailable`] if the writer has ended; `settled` does not run then.
    pub async fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<Verdict<T>> + Send + 'static,
        settled: impl FnOnce(Result<T, Unavailable>) + Send + 'static,
    ) -> Result<(), Unavailable> {
        self.request(Box::new(Typed { run: Some(job), result: None, settled, answer: None::<oneshot::Sender<()>> }))
            .await
    }

    /// Blocks for the commit: for start-up, before anything runs that must not be blocked.
    pub(crate) fn write_at_start<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<Verdict<T>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (answer, answered) = std::sync::mpsc::channel();
        let settled = move |result: Result<T, Unavailable>| drop(answer.send(result));
        let job = Typed { run: Some(job), result: None, settled, answer: None::<oneshot::Sender<()>> };
        self.requests.try_send(Request::Job(Box::new(job))).map_err(|_| closed())?;
        answered.recv().unwrap_or_else(|_| Err(closed()))
    }

    /// Whether the file can be read and an order be written now. Writes only after a commit that failed: as much as the
    /// largest order, for on a full disk less may find room in what the file and its WAL have already.
    ///
    /// # Errors
    /// [`Unavailable`] with what stands against it.
    pub async fn check(&self) -> Result<(), Unavailable> {
        if self.shared.failing.load(Ordering::Relaxed) {
            let failing = Arc::clone(&self.shared.failing);
            // On the writer's thread, so that a commit that fails after the probe is not forgotten.
            let cleared =
                move |probed: Result<(), Unavailable>| probed.inspect(|()| failing.store(false, Ordering::Relaxed));
            self.write_then(probe, cleared).await?;
        }
        self.read(|connection| connection.query_row("SELECT 1 FROM numbers LIMIT 1", [], |_| Ok(())))
    }

    async fn request(&self, job: Box<dyn job::Job>) -> Result<(), Unavailable> {
        self.requests.send(Request::Job(job)).await.map_err(|_| closed())
    }

    /// A short read, where the caller stands: a few rows by key. Sees everything that was answered before.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Unavailable> {
        self.shared.readers.read(read)
    }

    /// A longer read, on a thread for blocking work.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn scan<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let shared = Arc::clone(&self.shared);
        let scan = tokio::task::spawn_blocking(move || shared.readers.read(read));
        scan.await.unwrap_or_else(|error| Err(Unavailable::new("Store", error)))
    }

    /// Runs after each group, when all its jobs are settled. Only the first call counts.
    pub(crate) fn after_group(&self, hook: impl Fn() + Send + Sync + 'static) {
        drop(self.shared.after_group.set(Arc::new(hook)));
    }

    /// Commits what waits, moves the WAL into the file and ends the threads. Blocks for a sync or two.
    /// Later writes are [`Unavailable`].
    pub fn close(&self) {
        let threads = std::mem::take(&mut *self.shared.threads.lock());
        if threads.is_empty() {
            return;
        }
        // The writer may have no place free, and this is no async function: so wait for one on a plain thread.
        let requests = self.requests.clone();
        let asked = std::thread::spawn(move || requests.blocking_send(Request::Close).is_ok());
        self.shared.length.close();
        if asked.join().is_err() {
            tracing::error!("the writer could not be asked to close");
            return;
        }
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a database thread had panicked");
            }
        }
        self.shared.readers.clear();
        let last = || -> rusqlite::Result<()> {
            let connection = open_connection(&self.shared.path)?;
            mark::complete(&connection)?;
            self.shared.length.checkpoint(&connection, Mode::Truncate);
            // The last to close takes the empty WAL away.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
        };
        match last() {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the last checkpoint was left out; the next start makes up for it"),
        }
        self.shared.lock.lock().take();
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }
}

/// The row before goes only when the new one is there, which so needs room of its own.
fn probe(connection: &Connection) -> rusqlite::Result<Verdict<()>> {
    connection.execute("INSERT INTO probe (data) VALUES (zeroblob(?))", [LARGEST_ORDER])?;
    connection.execute("DELETE FROM probe WHERE id < last_insert_rowid()", [])?;
    Ok(Verdict::Keep(()))
}

fn spawn(name: &str, path: &Path, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|error| OpenError::Io { path: path.to_owned(), error })
}

/// A connection as all of ours are: private to one thread at a time, and patient for a moment with a foreign reader.
fn open_connection(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else SQLite prepares a statement anew whenever a value is bound that its plan could depend on, such as that of a `LIMIT`.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Else whichever of ours is closed last takes the WAL away, and a file that was not closed misses it (mark.rs).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // On macOS a plain fsync doesn't reach the disk (fsync(2) there); elsewhere these change nothing.
    connection.execute_batch("PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;")?;
    Ok(connection)
}

/// What the callers see of SQLite's errors. They carry SQL and codes, never values.
pub(crate) fn unavailable(error: rusqlite::Error) -> Unavailable {
    Unavailable::new("Store", error)
}

fn closed() -> Unavailable {
    Unavailable::new("Store", "it is closed")
}

#[cfg(test)]
mod tests;
