//! The command line of the ops verbs.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::args::whole;
use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use ops::{ExecutionFilter, Selection};
use orders::ports::ops::ExecutionStatus;
use orders::step::QueueName;
use orders::{CustomerId, OrderId, Queue, Status, Storefront};

use super::help;

/// What ops ask for.
#[derive(Debug, Subcommand)]
pub enum OpsCommand {
    /// The pipeline on one screen: backlog, in flight, dead letters, rates, failures by cause.
    #[command(after_help = help::STATUS)]
    Status(StatusArgs),
    /// How much is in each queue.
    #[command(after_help = help::STATUS)]
    Queues(StatusArgs),
    /// Dead letters: look, replay, purge, export, import, redrive.
    #[command(after_help = help::DLQ)]
    Dlq(DlqArgs),
    /// Orders: list, show one with all that happened to it, cancel.
    #[command(after_help = help::ORDERS)]
    Orders(OrdersArgs),
    /// Executions: list, show, history, stop, redrive.
    #[command(after_help = help::EXECUTIONS)]
    Executions(ExecutionsArgs),
    /// Find the orders that nothing moves any more, and with --yes move them.
    #[command(after_help = help::RECONCILE)]
    Reconcile(ReconcileArgs),
    /// What ops did: who, when, what, how much.
    #[command(after_help = help::AUDIT)]
    Audit(AuditArgs),
    /// Copy the database of an embedded service into a file, while it runs or when it doesn't.
    #[command(after_help = help::BACKUP)]
    Backup(BackupArgs),
    /// Put a backup into a data directory that nobody serves.
    #[command(after_help = help::RESTORE)]
    Restore(RestoreArgs),
    /// The simulated payment gateway (embedded only): simulate an outage.
    #[command(after_help = help::GATEWAY)]
    Gateway(GatewayArgs),
}

/// Where the pipeline is, and how to show things.
#[derive(Debug, Default, Clone, Args)]
pub struct Connection {
    /// The embedded service. The API key comes from ORDERFLOW_KEY, or is the first ops key of orderflow.toml
    #[arg(long, global = true, env = "ORDERFLOW_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub url: String,
    /// Configuration file with the key [default: ./orderflow.toml, if there is one]
    #[arg(long, global = true, env = "ORDERFLOW_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Work on AWS instead of an embedded service
    #[arg(long, global = true)]
    pub aws: bool,
    /// AWS: the profile
    #[arg(long, global = true, requires = "aws", value_name = "NAME")]
    pub profile: Option<String>,
    /// AWS: the region
    #[arg(long, global = true, requires = "aws", value_name = "REGION")]
    pub region: Option<String>,
    /// AWS: the CloudFormation stack
    #[arg(long, global = true, requires = "aws", value_name = "NAME")]
    pub stack: Option<String>,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Args)]
pub struct GatewayArgs {
    /// What the gateway is to do; nothing: say how it is
    #[arg(value_enum)]
    pub switch: Option<Switch>,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Answer nothing, and do nothing.
    Down,
    /// Be back.
    Up,
}

#[derive(Debug, Args)]
pub struct DlqArgs {
    #[command(subcommand)]
    pub command: DlqCommand,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// Every DLQ: how deep, how old, and why, by step and error.
    Ls {
        /// Look at every dead letter, not at a sample
        #[arg(long)]
        all: bool,
    },
    /// Dead letters of a queue, with where their orders stand now.
    #[command(after_help = help::LOOKING)]
    Show {
        #[arg(value_name = "QUEUE", value_parser = queue)]
        queue: Queue,
        #[command(flatten)]
        filter: Filter,
        /// Show at most this many
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = whole::<usize>)]
        limit: usize,
    },
    /// Send dead letters back into their queue. Shows what it would do, unless --yes.
    Replay(ReplayArgs),
    /// Delete dead letters for good, keeping an export. Shows what it would do, unless --yes.
    Purge(PurgeArgs),
    /// Write dead letters as JSON lines.
    Export {
        #[arg(value_name = "QUEUE", value_parser = queue)]
        queue: Queue,
        #[command(flatten)]
        filter: Filter,
        /// Into this file [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Put exported dead letters of one queue back into their DLQ, all or none, and none twice; `-` reads standard input.
    Import {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Do it; without it, say what would be done
        #[arg(long)]
        yes: bool,
    },
    /// The platform's own bulk move of all dead letters of a queue: no filter, no journal, 500 a second at most.
    Redrive {
        #[arg(value_name = "QUEUE", value_parser = queue)]
        queue: Queue,
        /// At most this many a second
        #[arg(long, value_parser = rate, value_name = "N/s")]
        rate: Option<NonZeroU32>,
        /// Say how the last move stands
        #[arg(long)]
        status: bool,
        /// Do it; without it, say what would be done
        #[arg(long)]
        yes: bool,
    },
}

/// Which dead letters.
#[derive(Debug, Default, Clone, Args)]
pub struct Filter {
    /// Whose cause has this error name, as `dlq ls` shows it
    #[arg(long, value_name = "ERROR")]
    pub cause: Option<String>,
    /// Of this order
    #[arg(long, value_name = "ORDER")]
    pub order: Option<OrderId>,
    /// Dead-lettered since: a time, or how long ago (2h, 30m)
    #[arg(long, value_parser = since, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Of which this JMESPath expression is true, such as "body.step == 'ChargePayment'" (see `dlq show --json`)
    #[arg(long = "where", value_name = "JMESPATH")]
    pub expression: Option<String>,
}

impl From<&Filter> for Selection {
    fn from(filter: &Filter) -> Self {
        Self {
            cause: filter.cause.clone(),
            order: filter.order.clone(),
            since: filter.since,
            before: None,
            expression: filter.expression.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[arg(value_name = "QUEUE", value_parser = queue, required_unless_present = "resume")]
    pub queue: Option<Queue>,
    #[command(flatten)]
    pub filter: Filter,
    /// At most this many a second
    #[arg(long, value_parser = rate, value_name = "N/s")]
    pub rate: Option<NonZeroU32>,
    /// At most this many in all
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub max: Option<u64>,
    /// Edit each body with this command, which gets a file's name
    #[arg(long, value_name = "CMD", conflicts_with = "patch")]
    pub edit: Option<String>,
    /// Apply the JSON Patch (RFC 6902) of this file to each body
    #[arg(long, value_name = "FILE")]
    pub patch: Option<PathBuf>,
    /// Also those whose step has nothing left to do, whose order is missing, and those that no worker can read
    #[arg(long)]
    pub force: bool,
    /// Say what would be done (the default)
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do it
    #[arg(long)]
    pub yes: bool,
    /// Go on with an interrupted replay: the last, or the one of this run
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with_all = ["queue", "cause", "order", "since", "expression", "edit", "patch"])]
    pub resume: Option<Option<String>>,
}

#[derive(Debug, Args)]
pub struct PurgeArgs {
    #[arg(value_name = "QUEUE", value_parser = queue)]
    pub queue: Queue,
    #[command(flatten)]
    pub filter: Filter,
    /// Keep the export in this file [default: purged-QUEUE-RUN.jsonl]
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Do it, once the DLQ's name was typed
    #[arg(long)]
    pub yes: bool,
    /// The DLQ's name, typed out: for scripts, which nobody can ask
    #[arg(long, value_name = "DLQ")]
    pub confirm: Option<String>,
}

#[derive(Debug, Args)]
pub struct OrdersArgs {
    #[command(subcommand)]
    pub command: OrdersCommand,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Subcommand)]
pub enum OrdersCommand {
    /// Orders, newest first.
    Ls {
        /// In this status: accepted, reserved, paid, confirmed or rejected
        #[arg(long, value_name = "STATUS")]
        status: Option<Status>,
        /// Of this customer
        #[arg(long, value_name = "CUSTOMER")]
        customer: Option<CustomerId>,
        /// Posted by this storefront
        #[arg(long, value_name = "NAME")]
        storefront: Option<Storefront>,
        /// Show at most this many
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = whole::<usize>)]
        limit: usize,
    },
    /// One order and everything that happened to it: steps, execution, mails, dead letters.
    Show {
        #[arg(value_name = "ORDER")]
        id: OrderId,
    },
    /// Ask for an order to be cancelled, as its customer could.
    Cancel {
        #[arg(value_name = "ORDER")]
        id: OrderId,
    },
}

#[derive(Debug, Args)]
pub struct ExecutionsArgs {
    #[command(subcommand)]
    pub command: ExecutionsCommand,
    #[command(flatten)]
    pub connection: Connection,
}

/// Which executions.
#[derive(Debug, Args)]
pub struct ExecutionArgs {
    /// In this status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED
    #[arg(long, value_name = "STATUS")]
    pub status: Option<ExecutionStatus>,
    /// In this state now
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Whose history tells of this error, whether it was caught or not
    #[arg(long, value_name = "ERROR")]
    pub error: Option<String>,
    /// Started since: a time, or how long ago (2h, 30m)
    #[arg(long, value_parser = since, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Started before: a time, or how long ago
    #[arg(long, value_parser = since, value_name = "TIME")]
    pub before: Option<Timestamp>,
}

impl From<&ExecutionArgs> for ExecutionFilter {
    fn from(args: &ExecutionArgs) -> Self {
        let ExecutionArgs { status, state, error, since, before } = args;
        Self { status: *status, state: state.clone(), error: error.clone(), since: *since, before: *before }
    }
}

#[derive(Debug, Subcommand)]
pub enum ExecutionsCommand {
    /// Executions, newest first.
    Ls {
        #[command(flatten)]
        filter: ExecutionArgs,
        /// Show at most this many
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = whole::<usize>)]
        limit: usize,
    },
    /// One execution; its name is its order's id.
    Show {
        #[arg(value_name = "ORDER")]
        name: OrderId,
    },
    /// Its history events.
    History {
        #[arg(value_name = "ORDER")]
        name: OrderId,
    },
    /// Stop it. Refused while something is to be undone, unless --compensate.
    Stop {
        #[arg(value_name = "ORDER")]
        name: OrderId,
        /// Why; it stands in the history
        #[arg(long, default_value = "stopped by ops", value_name = "TEXT")]
        cause: String,
        /// Undo what its steps did: pay back, release the stock, tell the customer
        #[arg(long)]
        compensate: bool,
    },
    /// Let one that failed, timed out or was aborted go on from the state that did not succeed.
    Redrive {
        #[arg(value_name = "ORDER")]
        name: OrderId,
    },
}

#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// A step's time is over after so long
    #[arg(long, value_parser = age, default_value = "24h", value_name = "TIME")]
    pub older_than: Duration,
    /// Do it
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The backup; it must not be there yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Copy this data directory, which nobody serves, instead of asking a service
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file that `orderflow backup` has made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The data directory; made if it is not there
    #[arg(long, env = "ORDERFLOW_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// Put it in the place of a database that is there, which is kept beside it
    #[arg(long)]
    pub replace: bool,
    /// Print JSON, for scripts
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    pub command: AuditCommand,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// What was done, newest first.
    Ls {
        /// Show at most this many
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = whole::<usize>)]
        limit: usize,
    },
    /// One of them, with each of its messages or orders.
    Show {
        #[arg(value_name = "RUN")]
        run: String,
    },
    /// All of them with all ids, as JSON lines, oldest last.
    Export {
        /// Into this file [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// A queue's name, or its DLQ's.
fn queue(text: &str) -> Result<Queue, String> {
    let known = || Queue::ALL.iter().map(|queue| queue.name()).collect::<Vec<_>>().join(", ");
    text.parse::<QueueName>().map(|name| name.queue).map_err(|_| format!("it is one of {}", known()))
}

fn rate(text: &str) -> Result<NonZeroU32, &'static str> {
    text.trim_end_matches("/s").parse().map_err(|_| "it is a whole number of 1 or more a second, such as 50/s")
}

fn ago(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok()?.try_into().ok()
}

fn since(text: &str) -> Result<Timestamp, &'static str> {
    let ago = || Timestamp::now().checked_sub(ago(text)?).ok();
    text.parse().ok().or_else(ago).ok_or("it is a time (2026-01-31T12:00:00Z) or how long ago (2h, 30m)")
}

fn age(text: &str) -> Result<Duration, &'static str> {
    ago(text).ok_or("it is a length of time, such as 24h or 30m")
}
