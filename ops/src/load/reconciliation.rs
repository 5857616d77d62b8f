//! Whether the books balance after a load: what was promised, what was charged, what left the shelves, what was mailed. Compared
//! order by order and product by product, not summed up, so that one error can't hide another.

use std::time::Duration;

use jiff::Timestamp;
use orders::{OrderId, Status};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::LoadError;
use super::books::{Books, Moved};
use super::connection::{Connection, Target};
use super::shop::{PRODUCTS, Shop};
use super::tally::{Placed, Tally};

/// A read of a product may be a second old.
const FRESH: Duration = Duration::from_millis(1_100);

/// What can't be checked, and why.
const MAILS_ELSEWHERE: &str = "mails: the service sends them over SMTP and keeps none";
const STILL_MOVING: &str = "pieces in stock: orders were still under way";

const ENDED: &str = "accepted orders that ended confirmed, rejected or dead-lettered";
const UNKNOWN: &str = "orders of which nobody knows whether they were accepted";
const DOUBLED: &str = "keys that became two orders";

/// One line of the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is compared.
    pub what: &'static str,
    /// So many there should be.
    pub expected: u64,
    /// So many there are.
    pub found: u64,
}

impl Check {
    /// Whether it balances.
    pub const fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// What the comparison gave.
#[derive(Debug, Default)]
pub(super) struct Reconciled {
    /// Why the books could not be read.
    pub(super) unread: Option<String>,
    pub(super) confirmed: u64,
    pub(super) rejected: u64,
    pub(super) dead_lettered: u64,
    pub(super) checks: Vec<Check>,
    pub(super) unchecked: Vec<String>,
}

/// What the load left open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    /// Orders of which nobody knows whether they were accepted.
    pub(super) unanswered: u64,
    /// It was stopped: orders may be under way, and are no mismatch.
    pub(super) stopped: bool,
}

/// An accepted order of this load, and where it stands.
type Ours<'t> = (&'t OrderId, Placed, Option<Status>);

#[derive(Deserialize)]
struct OrderNow {
    status: Status,
}

/// Asks for everything, and compares; or says why it could not be asked. `since` is when the load began by the service's clock, and
/// `patience` how long each answer may take.
pub(super) async fn reconcile(
    target: &Target,
    shop: &Shop,
    tally: &mut Tally,
    since: Timestamp,
    left: Left,
    patience: Duration,
) -> Reconciled {
    let mut connection = Connection::to(target).patient(patience);
    match read(&mut connection, shop, tally, since).await {
        Ok(books) => compare(tally, &books, left),
        Err(why) => heard(tally, left, &why),
    }
}

async fn read(
    connection: &mut Connection<'_>,
    shop: &Shop,
    tally: &mut Tally,
    since: Timestamp,
) -> Result<Books, LoadError> {
    // Before the wait, so that a service which is gone is told at once.
    ask_for_missed(connection, tally).await?;
    connection.get::<IgnoredAny>("/ops/gateway").await?;
    tokio::time::sleep(FRESH).await;
    Books::read(connection, shop, since).await
}

/// What is known without the books.
fn heard(tally: &Tally, left: Left, why: &LoadError) -> Reconciled {
    let ended = |as_what| {
        let ours = tally.orders.values().filter(|known| known.placed.is_some());
        ours.filter(|known| known.status == Some(as_what)).count() as u64
    };
    let (confirmed, rejected) = (ended(Status::Confirmed), ended(Status::Rejected));
    let mut checks = vec![Check { what: DOUBLED, expected: 0, found: tally.doubled }];
    let mut unchecked = Vec::new();
    if left.stopped {
        unchecked.extend(still_open(tally.accepted - confirmed - rejected, left.unanswered));
    } else {
        checks.push(Check { what: ENDED, expected: tally.accepted, found: confirmed + rejected });
        checks.push(Check { what: UNKNOWN, expected: 0, found: left.unanswered });
    }
    checks.extend(driver_starved(tally));
    Reconciled { unread: Some(why.to_string()), confirmed, rejected, checks, unchecked, ..Reconciled::default() }
}

/// Only where it was so: it is about the driver, and not about the service.
fn driver_starved(tally: &Tally) -> Option<Check> {
    let found = tally.no_descriptor;
    (found > 0).then_some(Check { what: "requests that this machine had no file descriptor for", expected: 0, found })
}

fn still_open(under_way: u64, unanswered: u64) -> impl Iterator<Item = String> {
    let under_way =
        (under_way > 0).then(|| format!("{under_way} orders that were under way when the load was stopped"));
    let unanswered =
        (unanswered > 0).then(|| format!("{unanswered} orders that had no answer when the load was stopped"));
    under_way.into_iter().chain(unanswered)
}

/// What the events did not tell (the listener was too slow, or away) is asked for.
async fn ask_for_missed(connection: &mut Connection<'_>, tally: &mut Tally) -> Result<(), LoadError> {
    for (id, known) in &mut tally.orders {
        if known.placed.is_some() && known.status.is_none() {
            let OrderNow { status } = connection.get(&format!("/orders/{id}")).await?;
            known.status = Some(status);
        }
    }
    Ok(())
}

fn compare(tally: &Tally, books: &Books, left: Left) -> Reconciled {
    let ours = tally.orders.iter().filter_map(|(id, known)| Some((id, known.placed?, known.status)));
    let ours: Vec<Ours<'_>> = ours.collect();
    let count = |is: &dyn Fn(&Ours<'_>) -> bool| ours.iter().filter(|order| is(order)).count() as u64;
    let moved = |id: &OrderId| books.moved.get(id).copied().unwrap_or_default();
    let confirmed = count(&|(.., status)| *status == Some(Status::Confirmed));
    let rejected = count(&|(.., status)| *status == Some(Status::Rejected));
    let dead_lettered = count(&|(id, _, status)| !is_final(*status) && books.dead_lettered.contains(*id));
    let held =
        (0..PRODUCTS).map(|product| count(&|(_, placed, status)| placed.product == product && holds_stock(*status)));
    let unlike = held.zip(&books.gone).map(|(held, gone)| held.abs_diff(*gone)).sum();

    let ended = confirmed + rejected + dead_lettered;
    let under_way = tally.accepted - ended;
    let (must_end, must_answer) = if left.stopped { (ended, left.unanswered) } else { (tally.accepted, 0) };

    let check = |what, expected, found| Check { what, expected, found };
    let mut checks = vec![
        check(ENDED, must_end, ended),
        check(
            "orders that ended otherwise than their kind should",
            0,
            count(&|(_, placed, status)| {
                is_final(*status) && (*status == Some(Status::Confirmed)) != placed.kind.confirms()
            }),
        ),
        check(UNKNOWN, must_answer, left.unanswered),
        check(DOUBLED, 0, tally.doubled),
        check(
            "confirmed orders charged exactly once",
            confirmed,
            count(&|(id, _, status)| {
                let Moved { captures, refunds } = moved(id);
                *status == Some(Status::Confirmed) && (captures, refunds) == (1, 0)
            }),
        ),
        check(
            "rejected orders with money kept",
            0,
            count(&|(id, _, status)| *status == Some(Status::Rejected) && moved(id).captures != moved(id).refunds),
        ),
        check("orders charged twice", 0, count(&|(id, ..)| moved(id).captures > 1)),
        check("poison messages in the DLQ", tally.poison, books.poison),
    ];
    let mut unchecked = Vec::new();
    if left.stopped && under_way + left.unanswered > 0 {
        unchecked.extend(still_open(under_way, left.unanswered));
        unchecked.push(STILL_MOVING.to_owned());
    } else {
        checks.push(check("pieces missing from stock, or too many, by product", 0, unlike));
    }
    checks.extend(driver_starved(tally));
    match &books.mailed {
        None => unchecked.push(MAILS_ELSEWHERE.to_owned()),
        Some(mailed) => {
            let mailed = |id: &OrderId| mailed.get(id).copied().unwrap_or_default();
            let has_its_mail = |(id, _, status): &Ours<'_>| match status {
                Some(Status::Confirmed) => mailed(id).confirmations > 0,
                Some(Status::Rejected) => mailed(id).rejections > 0,
                _ => false,
            };
            let again = |(id, ..): &Ours<'_>| mailed(id).all() > mailed(id).attempts.max(1);
            checks.push(check("ended orders with their mail", confirmed + rejected, count(&has_its_mail)));
            checks.push(check("orders with more mails than attempts", 0, count(&again)));
        }
    }
    Reconciled { unread: None, confirmed, rejected, dead_lettered, checks, unchecked }
}

fn is_final(status: Option<Status>) -> bool {
    status.is_some_and(Status::is_final)
}

/// Whether pieces are off the shelf for an order that stands so: sold to it, or set aside.
const fn holds_stock(status: Option<Status>) -> bool {
    matches!(status, Some(Status::Reserved | Status::Paid | Status::Confirmed))
}
