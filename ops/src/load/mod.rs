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

use std::cell::{Cell, RefCell};
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
pub use report::{Bar, Latency, Pace, Report, Slice};
pub use tally::Progress;

use connection::Connection;
use driver::Driver;
use ends::Ends;
use reconciliation::{Left, Reconciled};
use shop::Shop;
use tally::Tally;

/// Progress is told so often.
const BEAT: Duration = Duration::from_millis(250);
/// The end of the orders is looked for so often, in our own memory.
const LOOK: Duration = Duration::from_millis(10);
/// Once it was asked to stop, a load waits no longer than this for anything that does not move.
const HASTE: Duration = Duration::from_millis(500);

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
    /// It was asked to stop before it had begun.
    #[error("stopped before any order was sent")]
    Stopped,
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

/// Runs a load until all is sent (or `stop` turns true), its orders have ended and the books are read. A service that hangs or
/// goes away is waited for as long as the plan's patience, and what is known by then is reported. Wants a runtime of one thread
/// for itself: the driver is cheaper so.
///
/// # Errors
/// [`LoadError`]: then no order was sent, and there is nothing to report.
pub async fn run(
    plan: &Plan,
    stop: &watch::Receiver<bool>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, LoadError> {
    let (ends, shop) = tokio::select! {
        begun = begin(&plan.target) => begun?,
        () = stopped(stop) => return Err(LoadError::Stopped),
    };
    let since = ends.since;
    let (started, started_at) = (Instant::now(), Timestamp::now());
    let tally = RefCell::new(Tally::new(started_at));
    let Plan { target, mix, .. } = plan;
    let (unanswered, all_busy) = (RefCell::default(), Cell::default());
    let driver = Driver { target, mix, shop: &shop, tally: &tally, started, unanswered, all_busy };
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
    let patience = if stopped { HASTE } else { plan.patience };
    let (unanswered, all_busy) = (driver.unanswered.take().len() as u64, driver.all_busy.get());
    let mut tally = tally.into_inner();
    let left = Left { unanswered, stopped };
    let reconciled = reconciliation::reconcile(target, &shop, &mut tally, since, left, patience).await;
    let mut report = report(plan, &tally, reconciled, all_busy);
    report.stopped = stopped;
    report.assertions = plan.assertions.iter().map(|assertion| assertion.judge(&report)).collect();
    shop.close(target, patience).await;
    Ok(report)
}

/// Everything that must be there before the first order is due.
async fn begin(target: &Target) -> Result<(Ends<'_>, Shop), LoadError> {
    let ends = Ends::open(target).await?;
    // Only the simulated gateway is there: a load that charged somebody could not be taken back, nor its ledger be read.
    Connection::to(target).get::<IgnoredAny>("/ops/gateway").await.map_err(LoadError::not_simulated)?;
    let shop = Shop::open(target, format!("{:X}", Timestamp::now().as_millisecond())).await?;
    Ok((ends, shop))
}

/// Sends all there is to send, and waits for its ends; says whether it was stopped before.
async fn drive(plan: &Plan, driver: &Driver<'_>, stop: &watch::Receiver<bool>) -> bool {
    let mut all = std::pin::pin!(async {
        driver.send(&plan.load, stop).await;
        // Whatever has no answer by then stays without one.
        tokio::time::timeout(plan.patience, driver.send_again()).await.ok();
        let drained = || driver.tally.borrow().open() == 0;
        still(driver.tally, plan.patience, drained).await;
    });
    tokio::select! {
        () = &mut all => return false,
        () = stopped(stop) => {}
    }
    // What is in hand goes on for as long as something moves.
    tokio::select! { () = all => {}, () = still(driver.tally, HASTE, || false) => {} }
    true
}

async fn stopped(stop: &watch::Receiver<bool>) {
    // The sender is gone: nobody will ask any more.
    if stop.clone().wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// Until it is done, or nothing was answered and no order ended for this long.
async fn still(tally: &RefCell<Tally>, patience: Duration, is_done: impl Fn() -> bool) {
    let (mut last, mut since) = (tally.borrow().moves(), Instant::now());
    while !is_done() && since.elapsed() < patience {
        tokio::time::sleep(LOOK).await;
        let moves = tally.borrow().moves();
        if moves != last {
            (last, since) = (moves, Instant::now());
        }
    }
}

fn report(plan: &Plan, tally: &Tally, reconciled: Reconciled, all_busy: bool) -> Report {
    let seconds = tally.took().as_secs_f64();
    let pace = match plan.load {
        Load::Open { .. } => Pace::of(tally.sent, tally.last_due, tally.last_sent, all_busy),
        Load::Closed { .. } => None,
    };
    let (end_to_end, by_kind) = tally.ends();
    Report {
        load: plan.description.clone(),
        started_at: tally.started_at(),
        seconds,
        stopped: false,
        sent: tally.sent,
        pace,
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
        unread: reconciled.unread,
        assertions: Vec::new(),
    }
}
