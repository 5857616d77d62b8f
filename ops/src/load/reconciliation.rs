//! Whether the books balance after a load: what was promised, what was charged, what left the shelves, what was mailed. Compared
//! order by order and product by product, not summed up, so that one error can't hide another.

use std::time::Duration;

use jiff::Timestamp;
use orders::{OrderId, Status};
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
    pub(super) confirmed: u64,
    pub(super) rejected: u64,
    pub(super) dead_lettered: u64,
    pub(super) checks: Vec<Check>,
    pub(super) unchecked: Vec<&'static str>,
}

/// An accepted order of this load, and where it stands.
type Ours<'t> = (&'t OrderId, Placed, Option<Status>);

#[derive(Deserialize)]
struct OrderNow {
    status: Status,
}

/// Asks for everything, and compares. `since` is when the load began by the service's clock.
///
/// # Errors
/// [`LoadError::Service`] if something can't be asked.
pub(super) async fn reconcile(
    target: &Target,
    shop: &Shop,
    tally: &mut Tally,
    since: Timestamp,
    unanswered: u64,
) -> Result<Reconciled, LoadError> {
    tokio::time::sleep(FRESH).await;
    let mut connection = Connection::to(target);
    ask_for_missed(&mut connection, tally).await?;
    let books = Books::read(&mut connection, shop, since).await?;
    Ok(compare(tally, &books, unanswered))
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

fn compare(tally: &Tally, books: &Books, unanswered: u64) -> Reconciled {
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

    let check = |what, expected, found| Check { what, expected, found };
    let mut checks = vec![
        check(
            "accepted orders that ended confirmed, rejected or dead-lettered",
            tally.accepted,
            confirmed + rejected + dead_lettered,
        ),
        check(
            "orders that ended otherwise than their kind should",
            0,
            count(&|(_, placed, status)| {
                is_final(*status) && (*status == Some(Status::Confirmed)) != placed.kind.confirms()
            }),
        ),
        check("orders of which nobody knows whether they were accepted", 0, unanswered),
        check("keys that became two orders", 0, tally.doubled),
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
        check("pieces missing from stock, or too many, by product", 0, unlike),
        check("poison messages in the DLQ", tally.poison, books.poison),
    ];
    let mut unchecked = Vec::new();
    match &books.mailed {
        None => unchecked.push(MAILS_ELSEWHERE),
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
    Reconciled { confirmed, rejected, dead_lettered, checks, unchecked }
}

fn is_final(status: Option<Status>) -> bool {
    status.is_some_and(Status::is_final)
}

/// Whether pieces are off the shelf for an order that stands so: sold to it, or set aside.
const fn holds_stock(status: Option<Status>) -> bool {
    matches!(status, Some(Status::Reserved | Status::Paid | Status::Confirmed))
}
