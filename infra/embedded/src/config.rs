//! What can be configured. Not for reading configuration: that is the command's business.

use std::path::PathBuf;
use std::time::Duration;

use orders::Queue;

/// When a commit counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Every commit is synced to disk before it is answered (`synchronous=FULL`): it survives a power loss.
    #[default]
    Full,
    /// A commit survives the death of the process, but the last ones may be lost with the power (`synchronous=NORMAL`).
    Normal,
}

/// One queue's event source mapping: how its messages reach their function. Names and defaults are Lambda's where it has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// At most so many messages per call.
    pub batch_size: usize,
    /// So long a batch that isn't full waits for more. Zero: it doesn't.
    pub window: Duration,
    /// At most so many calls at once.
    pub max_concurrency: usize,
    /// So long a received message stays invisible. Should be well over `function_timeout` (AWS advises six times).
    pub visibility_timeout: Duration,
    /// A call that takes longer is given up, and its batch has failed.
    pub function_timeout: Duration,
}

impl Default for Trigger {
    fn default() -> Self {
        Self {
            batch_size: 10,
            window: Duration::ZERO,
            max_concurrency: 16,
            visibility_timeout: Duration::from_secs(180),
            function_timeout: Duration::from_secs(30),
        }
    }
}

impl Trigger {
    /// How many messages may be in hand: as many again as all calls together hold wait leased in memory, so that the
    /// next call never waits for a disk.
    pub(crate) const fn room(&self) -> usize {
        self.batch_size.saturating_mul(self.max_concurrency).saturating_mul(2)
    }
}

/// A trigger per queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Triggers {
    /// Of `orders`.
    pub orders: Trigger,
    /// Of `inventory`.
    pub inventory: Trigger,
    /// Of `payments`.
    pub payments: Trigger,
    /// Of `emails`.
    pub emails: Trigger,
}

impl Triggers {
    /// The same for every queue.
    pub fn all(trigger: Trigger) -> Self {
        Self { orders: trigger.clone(), inventory: trigger.clone(), payments: trigger.clone(), emails: trigger }
    }

    /// That of `queue`.
    pub const fn of(&self, queue: Queue) -> &Trigger {
        match queue {
            Queue::Orders => &self.orders,
            Queue::Inventory => &self.inventory,
            Queue::Payments => &self.payments,
            Queue::Emails => &self.emails,
        }
    }
}

/// How to open and run the embedded pipeline.
#[derive(Debug, Clone)]
pub struct Config {
    /// The SQLite file. Its directory must exist; `<path>.lock`, `<path>-wal` and `<path>-shm` lie beside it.
    pub path: PathBuf,
    /// When a commit counts as durable.
    pub durability: Durability,
    /// How messages reach the functions.
    pub triggers: Triggers,
    /// A message that was received so often goes to the dead letters instead of being received again.
    pub max_receive_count: u32,
    /// So many writes may wait for the writer; more callers wait for a place. Bounds memory, not throughput.
    pub write_queue: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: PathBuf::from("orderflow.db"),
            durability: Durability::default(),
            triggers: Triggers::default(),
            max_receive_count: 10,
            write_queue: 1024,
        }
    }
}

impl Config {
    /// The defaults, with the file at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }
}
