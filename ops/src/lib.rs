//! What ops do, over ports: dead letters and their replay, orders and executions, reconcile. For the command and the
//! console alike.
//!
//! ```text
//!  orderflow dlq …  --+                                       +--> ports on SQLite (the service itself)
//!  the console        |     http (routes under /ops/)         |
//!        \            v          |                            |
//!         `--> Operations <-- client ~~~> Local ---> Ops -----+
//!                     ^                              |        |
//!  drive (a replay's rate, limit, stop)              |        +--> ports on AWS (the command, with --aws)
//!                                                    v
//!                                            journal = audit log
//! ```
//!
//! [`Operations`] is every operation, with the types it gives. [`Ops`] does them over the ports of [`orders::ports::ops`];
//! [`http`] offers them as an API of the embedded service, and the command's client of that API is an `Operations` again.
//! So the verbs and what they show are the same wherever the pipeline runs. Each call is short; what takes long (a replay of
//! thousands) is driven from outside, call by call ([`drive`]), so that it can be limited, watched and stopped, and whoever
//! drives may die at any moment: the command for itself, [`http`] for the console.
//!
//! A replay is journalled: `receive -> journal -> send, checking every entry -> journal -> delete` ([`replay`](mod@replay)). A
//! death at any point leaves the message in the DLQ, in its queue, or in both, and never in none.
//!
//! Nothing here knows a platform. `producer` is known for its manners only: keys, problems, parameters
//! (docs/decisions/0010-ops-api.md).

mod dead_letters;
pub mod drive;
mod edit;
mod execution_filter;
mod executions;
mod expression;
pub mod http;
mod letter;
pub mod load;
mod local;
mod operations;
mod order_story;
mod orders_now;
mod patch;
mod reconcile;
mod removal;
pub mod replay;
mod runs;
mod selection;
mod status;
mod worth;

use std::sync::Arc;

use orders::ports::ops::{Backups, Changes, Executions, Journal, OpsQueues};
use orders::ports::{Clock, OrderStore};

pub use edit::{Change, check_body, checked};
pub use execution_filter::ExecutionFilter;
pub use letter::{Breakdown, Cause, CauseCount, Exported, Letter, OrderNow};
pub use operations::{NewRun, Operations, OpsError, StopRequest};
pub use order_story::{Moment, OrderStory};
pub use orders_now::{OrderSummary, Personal};
pub use patch::{Patch, TooManyOperations};
pub use reconcile::{DEFAULT_AGE, Remedy, Stuck};
pub use replay::{Replay, ReplayAttribute, ReplayItem};
pub use selection::Selection;
pub use status::PipelineStatus;

/// What the operations work on.
#[derive(Clone)]
pub struct Ports {
    /// The queues and DLQs.
    pub queues: Arc<dyn OpsQueues>,
    /// The orders.
    pub orders: Arc<dyn OrderStore>,
    /// The executions.
    pub executions: Arc<dyn Executions>,
    /// What was done, and what is intended.
    pub journal: Arc<dyn Journal>,
    /// What changes as it happens, where the platform tells.
    pub changes: Option<Arc<dyn Changes>>,
    /// Copies of all state, where the platform keeps none itself.
    pub backups: Option<Arc<dyn Backups>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The operations over ports, on behalf of somebody.
#[derive(Clone)]
pub struct Ops {
    ports: Ports,
    /// Who: it stands in the audit log.
    by: Arc<str>,
    /// What changes queues goes one after the other, so that no entry of the journal is in the middle of two hands.
    changing: Arc<tokio::sync::Mutex<()>>,
}

impl Ops {
    /// Over these ports, on behalf of `by`: the name of an API key or of an AWS identity.
    pub fn new(ports: Ports, by: &str) -> Self {
        Self { ports, by: by.into(), changing: Arc::default() }
    }

    /// What they work on.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The same, on behalf of somebody else.
    pub fn on_behalf_of(&self, by: &str) -> Self {
        Self { by: by.into(), ..self.clone() }
    }
}
