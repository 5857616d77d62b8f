//! The pipeline on one SQLite file: the ports of [`orders::ports`], and the runtime that calls the workers' functions,
//! drives the workflow's engine and fires its timers.
//!
//! ```text
//! accept --> orders + message --+                          +--> function --> orders, products, gateway, mailbox
//!                               v                          |        |
//!                      queue ----> trigger (batches) ------+        v
//!                        ^                                     workflow (answer)
//!                        |                                          |
//!                        +---- next step's message, history, state -+   one transaction
//! ```
//!
//! [`db`] commits what many callers write in one sync. [`queue`] has SQS's semantics, [`trigger`] those of a Lambda event
//! source mapping, [`workflow`] those of Step Functions. Everything waits by notification or for an exact time.
//!
//! What `kill -9` leaves is what was committed: at the next [`Embedded::open`] leases are void, timers stand, and
//! executions go on by themselves.

pub mod backup;
pub mod clock;
pub mod config;
pub mod db;
pub mod disk;
#[cfg(test)]
mod fixture;
pub mod gateway;
pub mod http;
mod lock;
pub mod mailbox;
mod numbers;
pub mod ops;
pub mod orders;
mod paging;
pub mod products;
pub mod queue;
mod runtime;
mod schema;
mod seqs;
pub mod smtp;
mod timing;
pub mod trigger;
pub mod workflow;

use std::collections::BTreeMap;
use std::sync::Arc;

use ::orders::Queue;
use ::orders::ports::{Clock, Unavailable};
use ::orders::step::QueueName;

pub use clock::{ManualClock, SteadyClock};
pub use config::{Config, Durability, Trigger, Triggers};
use db::Db;
pub use gateway::SimulatedGateway;
pub use mailbox::Mailbox;
use ops::changes::{Feed, SqliteChanges};
use ops::journal::SqliteJournal;
use ops::queues::SqliteOpsQueues;
pub use orders::SqliteOrders;
pub use products::SqliteCatalogue;
pub use queue::{Depth, MessageId, Received, SqliteQueues};
pub use schema::OpenError;
use seqs::Seqs;
pub use smtp::SmtpMailer;
pub use trigger::Function;
pub use workflow::{ARN_PREFIX, EmbeddedWorkflow, substitute};

/// An opened pipeline; clones share it.
#[derive(Clone)]
pub struct Embedded {
    db: Db,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    orders: Arc<SqliteOrders>,
    catalogue: Arc<SqliteCatalogue>,
    queues: Arc<SqliteQueues>,
    workflow: Arc<EmbeddedWorkflow>,
    gateway: Arc<SimulatedGateway>,
    mailbox: Arc<Mailbox>,
    ops_queues: Arc<SqliteOpsQueues>,
    feed: Arc<Feed>,
}

impl Embedded {
    /// Opens the file (and makes it, if there is none). New executions run `definition`, the text of
    /// `statemachine/order.asl.json`; those under way keep theirs. Blocks for a few writes.
    ///
    /// # Errors
    /// [`OpenError`]: each says what to do.
    pub fn open(config: Config, definition: &str) -> Result<Self, OpenError> {
        let db = Db::open(&config)?;
        let clock = Arc::new(SteadyClock::not_before(clock::latest(&db)?));
        Self::with(db, config, definition, clock)
    }

    /// The same by another clock, for tests.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(config: Config, definition: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::with(Db::open(&config)?, config, definition, clock)
    }

    fn with(db: Db, config: Config, definition: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        numbers::describe();
        let feed = Arc::new(Feed::new(Arc::clone(&clock)));
        let max_receive_count = config.max_receive_count;
        let queues = SqliteQueues::load(db.clone(), Arc::clone(&clock), max_receive_count, Arc::clone(&feed))?;
        let queues = Arc::new(queues);
        let (at, told) = (Arc::clone(&clock), Arc::clone(&feed));
        let seqs = Seqs::new(db.clone());
        let workflow = EmbeddedWorkflow::load(db.clone(), seqs.clone(), Arc::clone(&queues), definition, at, told)?;
        Ok(Self {
            orders: Arc::new(SqliteOrders::new(db.clone(), seqs, Arc::clone(&queues), Arc::clone(&feed))),
            catalogue: Arc::new(SqliteCatalogue::new(db.clone())),
            gateway: Arc::new(SimulatedGateway::load(db.clone(), Arc::clone(&clock))?),
            mailbox: Arc::new(Mailbox::new(db.clone(), Arc::clone(&clock))),
            workflow: Arc::new(workflow),
            ops_queues: Arc::new(SqliteOpsQueues::new(Arc::clone(&queues), Arc::clone(&clock))),
            feed,
            queues,
            config: Arc::new(config),
            clock,
            db,
        })
    }

    /// The clock that all of it goes by.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The orders.
    pub fn orders(&self) -> Arc<SqliteOrders> {
        Arc::clone(&self.orders)
    }

    /// The product catalogue.
    pub fn catalogue(&self) -> Arc<SqliteCatalogue> {
        Arc::clone(&self.catalogue)
    }

    /// The queues.
    pub fn queues(&self) -> Arc<SqliteQueues> {
        Arc::clone(&self.queues)
    }

    /// The workflow.
    pub fn workflow(&self) -> Arc<EmbeddedWorkflow> {
        Arc::clone(&self.workflow)
    }

    /// The simulated payment gateway.
    pub fn gateway(&self) -> Arc<SimulatedGateway> {
        Arc::clone(&self.gateway)
    }

    /// The captured mailbox.
    pub fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.mailbox)
    }

    /// The queues, as ops use them.
    pub fn ops_queues(&self) -> Arc<SqliteOpsQueues> {
        Arc::clone(&self.ops_queues)
    }

    /// The journal of ops.
    pub fn journal(&self) -> Arc<SqliteJournal> {
        Arc::new(SqliteJournal::new(self.db.clone()))
    }

    /// What changes, as it happens.
    pub fn changes(&self) -> Arc<SqliteChanges> {
        Arc::new(SqliteChanges(Arc::clone(&self.feed)))
    }

    /// What sealed cursors are sealed with: made with the file, and kept in it.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub fn cursor_key(&self) -> Result<[u8; 32], Unavailable> {
        let key = "SELECT value FROM secrets WHERE name = 'cursors'";
        self.db.read(|connection| connection.query_row(key, [], |row| row.get(0)))
    }

    /// The database under all of them.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// How much is in each queue, dead letters included.
    pub fn queue_status(&self) -> Vec<(QueueName, Depth)> {
        let names = Queue::ALL.iter().flat_map(|queue| [QueueName::from(*queue), QueueName::dlq(*queue)]);
        names.map(|name| (name, self.queues.depth(name))).collect()
    }

    /// All messages that are not dead letters.
    pub fn backlog(&self) -> usize {
        self.queues.backlog()
    }

    /// Dead letters of a queue in order of arrival, after `after`, without receiving them.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub fn dead_letters(
        &self,
        queue: Queue,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Received>, Unavailable> {
        self.queues.peek(QueueName::dlq(queue), after, limit)
    }

    /// Calls the functions with their queues' messages and fires timers, until `shutdown`. Then takes nothing new,
    /// finishes what is in hand, and returns.
    pub async fn run(&self, functions: BTreeMap<Queue, Function>, shutdown: impl Future<Output = ()>) {
        runtime::run(self, functions, shutdown).await;
    }

    /// Looks at the clock now: fires due timers and lets the triggers find messages that became visible. For a clock that
    /// is set by hand; with the machine's clock [`Self::run`] does it in time.
    pub async fn tick(&self) {
        self.queues.wake_all();
        self.workflow.fire_due().await;
    }

    /// Commits what waits, moves the WAL into the file, and gives the file free. Blocks for a sync or two.
    pub fn close(self) {
        self.db.close();
    }
}
