//! Loads an embedded service and says how it held: latencies, throughput, and whether the books balance afterwards.
//!
//! ```text
//!  arrivals x mix --> driver --POST /orders--> service --events--> ends
//!                        |  when due, answered        |  when over, by the service's stamp
//!                        `---------> tally <----------'
//!                                      |
//!                       reconciliation (ledger, stock, mails, dead letters) --> report, judged by assertions
//! ```
//!
//! Over HTTP alone, so it is the load of a client and not of a library: what a service accepts, it accepts the same way from a
//! storefront. Not for AWS: its throttles and its bill are no place for a load test without thinking.

mod arrivals;
mod assertion;
mod books;
mod connection;
mod driver;
mod ends;
mod html;
mod mix;
mod reconciliation;
mod report;
mod shop;
mod tally;
mod timeline;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::de::IgnoredAny;
use tokio::sync::watch;

pub use arrivals::{Arrivals, Shape};
pub use assertion::{Assertion, Judged};
pub use connection::Target;
pub use html::page;
pub use mix::{Kind, Mix};
pub use reconciliation::Check;
pub use report::{Bar, Latency, Report, Slice};
pub use tally::Progress;

use connection::Connection;
use driver::Driver;
use ends::Ends;
use reconciliation::Reconciled;
use shop::Shop;
use tally::Tally;

/// Progress is told so often.
const BEAT: Duration = Duration::from_millis(250);
/// The end of the orders is looked for so often, in our own memory.
const LOOK: Duration = Duration::from_millis(10);

/// How orders are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// At their times, whatever the service does.
    Open {
        /// When.
        arrivals: Arrivals,
        /// At most over so many connections: more orders at a time wait, and their waiting counts.
        connections: usize,
    },
    /// On each connection the next when the last is accepted.
    Closed {
        /// How many.
        until: Until,
        /// So many at a time.
        connections: usize,
    },
}

/// When a closed loop is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After so many orders.
    Orders(u64),
    /// After so long.
    Time(Duration),
}

/// A load.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom.
    pub target: Target,
    /// How.
    pub load: Load,
    /// What.
    pub mix: Mix,
    /// What must hold.
    pub assertions: Vec<Assertion>,
    /// So long may no order end, after the last was sent, before the rest is given up.
    pub patience: Duration,
    /// All this in a line, for the report.
    pub description: String,
}

/// A load could not be run or judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Not a service that can be loaded.
    #[error("`{0}` is no address of an embedded service, such as http://127.0.0.1:8080")]
    Target(String),
    /// The API key can't be sent.
    #[error("the API key has characters that no header can carry")]
    Key,
    /// The service does not answer as it should.
    #[error("{what}: {why}")]
    Service {
        /// What was asked.
        what: String,
        /// What came of it.
        why: String,
    },
}

impl LoadError {
    fn not_simulated(self) -> Self {
        Self::Service {
            what: "the service has no simulated payment gateway, and only such a one is loaded".to_owned(),
            why: self.to_string(),
        }
    }
}

/// Runs a load until all is sent (or `stop` turns true), its orders have ended and the books are read. Wants a runtime of one
/// thread for itself: the driver is cheaper so.
///
/// # Errors
/// [`LoadError`]: then there is nothing to report.
pub async fn run(
    plan: &Plan,
    stop: &watch::Receiver<bool>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, LoadError> {
    let ends = Ends::open(&plan.target).await?;
    let since = ends.since;
    // Only the simulated gateway is there: a load that charged somebody could not be taken back, nor its ledger be read.
    Connection::to(&plan.target).get::<IgnoredAny>("/ops/gateway").await.map_err(LoadError::not_simulated)?;
    let shop = Shop::open(&plan.target, format!("{:X}", Timestamp::now().as_millisecond())).await?;
    let (started, started_at) = (Instant::now(), Timestamp::now());
    let tally = RefCell::new(Tally::new(started_at));
    let Plan { target, mix, .. } = plan;
    let driver = Driver { target, mix, shop: &shop, tally: &tally, started, unanswered: RefCell::default() };
    let telling = async {
        loop {
            tokio::time::sleep(BEAT).await;
            progress(&tally.borrow().progress(started.elapsed()));
        }
    };
    // What is heard after this is of no order of ours that matters: the rest was given up.
    let stopped = tokio::select! {
        stopped = drive(plan, &driver, stop) => stopped,
        never = ends.listen(&tally) => match never {},
        () = telling => unreachable!("it tells until it is dropped"),
    };
    let unanswered = driver.unanswered.take().len() as u64;
    let report = judge(plan, &shop, tally.into_inner(), since, unanswered).await;
    shop.close(target).await;
    report.map(|report| Report { stopped, ..report })
}

/// Sends all there is to send, and waits for its ends; says whether it was stopped before.
async fn drive(plan: &Plan, driver: &Driver<'_>, stop: &watch::Receiver<bool>) -> bool {
    driver.send(&plan.load, stop).await;
    let stopped = *stop.borrow();
    driver.send_again().await;
    drain(driver.tally, plan.patience).await;
    stopped
}

async fn judge(
    plan: &Plan,
    shop: &Shop,
    mut tally: Tally,
    since: Timestamp,
    unanswered: u64,
) -> Result<Report, LoadError> {
    let reconciled = reconciliation::reconcile(&plan.target, shop, &mut tally, since, unanswered).await?;
    let mut report = report(plan, &tally, reconciled);
    report.assertions = plan.assertions.iter().map(|assertion| assertion.judge(&report)).collect();
    Ok(report)
}

/// Until every accepted order is over, or none was for too long.
async fn drain(tally: &RefCell<Tally>, patience: Duration) {
    let (mut last, mut since) = (tally.borrow().over, Instant::now());
    while tally.borrow().open() > 0 && since.elapsed() < patience {
        tokio::time::sleep(LOOK).await;
        let over = tally.borrow().over;
        if over != last {
            (last, since) = (over, Instant::now());
        }
    }
}

fn report(plan: &Plan, tally: &Tally, reconciled: Reconciled) -> Report {
    let seconds = tally.took().as_secs_f64();
    let (end_to_end, by_kind) = tally.ends();
    Report {
        load: plan.description.clone(),
        started_at: tally.started_at(),
        seconds,
        stopped: false,
        sent: tally.sent,
        accepted: tally.accepted,
        confirmed: reconciled.confirmed,
        rejected: reconciled.rejected,
        dead_lettered: reconciled.dead_lettered,
        throughput: if seconds > 0.0 { end_to_end.count as f64 / seconds } else { 0.0 },
        accept: tally.accept(),
        end_to_end,
        by_kind,
        errors: tally.errors.clone(),
        timeline: tally.timeline(),
        checks: reconciled.checks,
        unchecked: reconciled.unchecked,
        assertions: Vec::new(),
    }
}
