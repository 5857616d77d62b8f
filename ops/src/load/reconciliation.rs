//! Whether the books balance after a load: what was promised, what was charged, what left the shelves, what was mailed. Asked of
//! the service order by order, not summed up, so that one error can't hide another.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use orders::mail::MailKind;
use orders::{OrderId, Queue, Status};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LoadError;
use super::connection::{Connection, Target};
use super::shop::{PRODUCTS, STOCK, Shop};
use super::tally::{Placed, Tally};
use crate::Letter;
use crate::http::wire::Listed;

/// A read of a product may be a second old.
const FRESH: Duration = Duration::from_millis(1_100);

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

/// How the orders ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fates {
    pub(super) confirmed: u64,
    pub(super) rejected: u64,
    pub(super) dead_lettered: u64,
}

/// An accepted order of this load, and where it stands.
type Ours<'t> = (&'t OrderId, Placed, Option<Status>);

/// What the service says of one order.
#[derive(Debug, Default)]
struct Books {
    captures: u64,
    refunds: u64,
    confirmations: u64,
    rejections: u64,
}

/// An entry of the simulated gateway's ledger.
#[derive(Deserialize)]
struct Moved {
    order_id: OrderId,
    movement: String,
    at: Timestamp,
}

/// A page of the mailbox.
#[derive(Deserialize)]
struct Mails {
    mails: Vec<Mailed>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Mailed {
    order_id: OrderId,
    kind: MailKind,
    sent_at: Timestamp,
}

#[derive(Deserialize)]
struct OrderNow {
    status: Status,
}

#[derive(Deserialize)]
struct ProductNow {
    stock: u64,
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
) -> Result<(Fates, Vec<Check>), LoadError> {
    tokio::time::sleep(FRESH).await;
    let mut connection = Connection::to(target);
    ask_for_missed(&mut connection, tally).await?;
    let (letters, poison) = dead_letters(&mut connection, shop, since).await?;
    let books = books(&mut connection, since).await?;
    let sold = sold(&mut connection, shop).await?;

    let ours = tally.orders.iter().filter_map(|(id, known)| Some((id, known.placed?, known.status)));
    let ours: Vec<Ours<'_>> = ours.collect();
    let count = |is: &dyn Fn(&Ours<'_>) -> bool| ours.iter().filter(|order| is(order)).count() as u64;
    let in_status = |wanted: Status| count(&|(.., status)| *status == Some(wanted));
    let fates = Fates {
        confirmed: in_status(Status::Confirmed),
        rejected: in_status(Status::Rejected),
        dead_lettered: count(&|(id, _, status)| !status.is_some_and(Status::is_final) && letters.contains_key(id)),
    };
    let ended = fates.confirmed + fates.rejected;
    let none = Books::default();
    let of = |id: &OrderId| books.get(id).unwrap_or(&none);
    let confirmed_by_product = (0..PRODUCTS)
        .map(|product| count(&|(_, placed, status)| placed.product == product && *status == Some(Status::Confirmed)));
    let unlike = confirmed_by_product.zip(&sold).map(|(confirmed, sold)| confirmed.abs_diff(*sold)).sum();
    let check = |what, expected, found| Check { what, expected, found };
    let checks = vec![
        check(
            "accepted orders that ended confirmed, rejected or dead-lettered",
            tally.accepted,
            ended + fates.dead_lettered,
        ),
        check(
            "orders that ended otherwise than their kind should",
            0,
            count(&|(_, placed, status)| {
                status.is_some_and(Status::is_final) && (*status == Some(Status::Confirmed)) != placed.kind.confirms()
            }),
        ),
        check("orders of which nobody knows whether they were accepted", 0, unanswered),
        check("keys that became two orders", 0, tally.doubled),
        check(
            "confirmed orders charged exactly once",
            fates.confirmed,
            count(&|(id, _, status)| *status == Some(Status::Confirmed) && (of(id).captures, of(id).refunds) == (1, 0)),
        ),
        check(
            "rejected orders with money kept",
            0,
            count(&|(id, _, status)| *status == Some(Status::Rejected) && of(id).captures != of(id).refunds),
        ),
        check("orders charged twice", 0, count(&|(id, ..)| of(id).captures > 1)),
        check("pieces missing from stock, or too many, by product", 0, unlike),
        check(
            "ended orders with their mail",
            ended,
            count(&|(id, _, status)| match status {
                Some(Status::Confirmed) => of(id).confirmations > 0,
                Some(Status::Rejected) => of(id).rejections > 0,
                _ => false,
            }),
        ),
        check("mails sent again", 0, count(&|(id, ..)| of(id).confirmations + of(id).rejections > 1)),
        check("poison messages in the DLQ", tally.poison, poison),
    ];
    Ok((fates, checks))
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

/// The orders that have dead letters, and how many are our poison.
async fn dead_letters(
    connection: &mut Connection<'_>,
    shop: &Shop,
    since: Timestamp,
) -> Result<(BTreeMap<OrderId, Queue>, u64), LoadError> {
    let (mut orders, mut poison) = (BTreeMap::new(), 0);
    for queue in Queue::ALL {
        let path = format!("/ops/dead-letters/{queue}?since={since}&limit=100");
        let mut cursor = None;
        loop {
            let page: Listed<Letter> = page(connection, &path, cursor).await?;
            for letter in page.items {
                poison += u64::from(letter.body == shop.poison());
                orders.extend(letter.order_id.map(|id| (id, *queue)));
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok((orders, poison))
}

/// Money and mails, newest first back to the start.
async fn books(connection: &mut Connection<'_>, since: Timestamp) -> Result<HashMap<OrderId, Books>, LoadError> {
    let mut books: HashMap<OrderId, Books> = HashMap::new();
    let mut cursor = None;
    loop {
        let Listed::<Moved> { items, next_cursor } = page(connection, "/ops/gateway/ledger?limit=100", cursor).await?;
        let is_over = items.last().is_none_or(|oldest| oldest.at < since);
        for Moved { order_id, movement, .. } in items {
            let books = books.entry(order_id).or_default();
            match movement.as_str() {
                "capture" => books.captures += 1,
                _ => books.refunds += 1,
            }
        }
        cursor = next_cursor.filter(|_| !is_over);
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let Mails { mails, next_cursor } = page(connection, "/mailbox?limit=100", cursor).await?;
        let is_over = mails.last().is_none_or(|oldest| oldest.sent_at < since);
        for Mailed { order_id, kind, .. } in mails {
            let books = books.entry(order_id).or_default();
            match kind {
                MailKind::Confirmation => books.confirmations += 1,
                MailKind::Rejection => books.rejections += 1,
            }
        }
        cursor = next_cursor.filter(|_| !is_over);
        if cursor.is_none() {
            return Ok(books);
        }
    }
}

async fn page<T: DeserializeOwned>(
    connection: &mut Connection<'_>,
    path: &str,
    cursor: Option<String>,
) -> Result<T, LoadError> {
    match cursor {
        Some(cursor) => connection.get(&format!("{path}&cursor={cursor}")).await,
        None => connection.get(path).await,
    }
}

/// How many of each product left the shelves.
async fn sold(connection: &mut Connection<'_>, shop: &Shop) -> Result<Vec<u64>, LoadError> {
    let mut sold = Vec::with_capacity(PRODUCTS);
    for product in 0..PRODUCTS {
        let ProductNow { stock } = connection.get(&format!("/products/{}", shop.sku(product))).await?;
        sold.push(STOCK.saturating_sub(stock));
    }
    Ok(sold)
}
