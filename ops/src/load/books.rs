//! What a service's books say of a load: its ledger, mailbox, DLQs and shelves, each read once. Not for judging them; that is
//! the reconciliation's.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use orders::mail::MailKind;
use orders::{OrderId, Queue};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::LoadError;
use super::connection::Connection;
use super::shop::{PRODUCTS, STOCK, Shop};
use crate::Letter;

/// All of it.
pub(super) struct Books {
    pub(super) moved: HashMap<OrderId, Moved>,
    /// Nothing if the service does not keep the mails that it sends.
    pub(super) mailed: Option<HashMap<OrderId, Mailed>>,
    /// Orders that have a dead letter.
    pub(super) dead_lettered: BTreeSet<OrderId>,
    /// This load's poison, among the dead letters.
    pub(super) poison: u64,
    /// Pieces that left the shelf, by product.
    pub(super) gone: Vec<u64>,
}

/// How often an order's money moved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moved {
    pub(super) captures: u64,
    pub(super) refunds: u64,
}

/// How many mails were sent about an order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mailed {
    pub(super) confirmations: u64,
    pub(super) rejections: u64,
    /// It may be as many as there were attempts: mail is at-least-once. Asked for only where it matters.
    pub(super) attempts: u64,
}

impl Mailed {
    pub(super) const fn all(&self) -> u64 {
        self.confirmations + self.rejections
    }
}

/// An entry of the simulated gateway's ledger.
#[derive(Deserialize)]
struct Entry {
    order_id: OrderId,
    movement: Movement,
    at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Movement {
    Capture,
    Refund,
}

/// A page of any listing.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(alias = "mails")]
    items: Vec<T>,
    next_cursor: Option<String>,
    /// The mailbox says so: whether mails still come into it.
    captures: Option<bool>,
}

#[derive(Deserialize)]
struct Mail {
    order_id: OrderId,
    kind: MailKind,
    sent_at: Timestamp,
}

#[derive(Deserialize)]
struct Order {
    mail: Option<Attempts>,
}

#[derive(Deserialize)]
struct Attempts {
    attempts: u64,
}

#[derive(Deserialize)]
struct Product {
    stock: u64,
}

impl Books {
    /// Reads them. `since` is when the load began by the service's clock.
    ///
    /// # Errors
    /// [`LoadError::Service`] if something can't be read.
    pub(super) async fn read(
        connection: &mut Connection<'_>,
        shop: &Shop,
        since: Timestamp,
    ) -> Result<Self, LoadError> {
        let (dead_lettered, poison) = dead_letters(connection, shop, since).await?;
        Ok(Self {
            moved: ledger(connection, since).await?,
            mailed: mailbox(connection, since).await?,
            dead_lettered,
            poison,
            gone: shelves(connection, shop).await?,
        })
    }
}

async fn dead_letters(
    connection: &mut Connection<'_>,
    shop: &Shop,
    since: Timestamp,
) -> Result<(BTreeSet<OrderId>, u64), LoadError> {
    let (mut orders, mut poison) = (BTreeSet::new(), 0);
    for queue in Queue::ALL {
        let path = format!("/ops/dead-letters/{queue}?since={since}&limit=100");
        each_page(connection, &path, |page: Page<Letter>| {
            for letter in page.items {
                poison += u64::from(letter.body == shop.poison());
                orders.extend(letter.order_id);
            }
            true
        })
        .await?;
    }
    Ok((orders, poison))
}

async fn ledger(connection: &mut Connection<'_>, since: Timestamp) -> Result<HashMap<OrderId, Moved>, LoadError> {
    let mut moved: HashMap<OrderId, Moved> = HashMap::new();
    each_page(connection, "/ops/gateway/ledger?limit=100", |page: Page<Entry>| {
        let goes_on = page.items.last().is_some_and(|oldest| oldest.at >= since);
        for Entry { order_id, movement, .. } in page.items {
            let moved = moved.entry(order_id).or_default();
            match movement {
                Movement::Capture => moved.captures += 1,
                Movement::Refund => moved.refunds += 1,
            }
        }
        goes_on
    })
    .await?;
    Ok(moved)
}

async fn mailbox(
    connection: &mut Connection<'_>,
    since: Timestamp,
) -> Result<Option<HashMap<OrderId, Mailed>>, LoadError> {
    let (mut mailed, mut captures) = (HashMap::<OrderId, Mailed>::new(), true);
    each_page(connection, "/mailbox?limit=100", |page: Page<Mail>| {
        captures = page.captures != Some(false);
        let goes_on = page.items.last().is_some_and(|oldest| oldest.sent_at >= since);
        for Mail { order_id, kind, .. } in page.items {
            let mailed = mailed.entry(order_id).or_default();
            match kind {
                MailKind::Confirmation => mailed.confirmations += 1,
                MailKind::Rejection => mailed.rejections += 1,
            }
        }
        captures && goes_on
    })
    .await?;
    if !captures {
        return Ok(None);
    }
    for (id, mailed) in mailed.iter_mut().filter(|(_, mailed)| mailed.all() > 1) {
        let Order { mail } = connection.get(&format!("/orders/{id}")).await?;
        mailed.attempts = mail.map_or(0, |mail| mail.attempts);
    }
    Ok(Some(mailed))
}

/// Reads page after page, until `take` has had enough.
async fn each_page<T: DeserializeOwned>(
    connection: &mut Connection<'_>,
    path: &str,
    mut take: impl FnMut(Page<T>) -> bool,
) -> Result<(), LoadError> {
    let mut asked = path.to_owned();
    loop {
        let page: Page<T> = connection.get(&asked).await?;
        let next = page.next_cursor.clone();
        let goes_on = take(page);
        match next.filter(|_| goes_on) {
            Some(cursor) => asked = format!("{path}&cursor={cursor}"),
            None => return Ok(()),
        }
    }
}

async fn shelves(connection: &mut Connection<'_>, shop: &Shop) -> Result<Vec<u64>, LoadError> {
    let mut gone = Vec::with_capacity(PRODUCTS);
    for product in 0..PRODUCTS {
        let Product { stock } = connection.get(&format!("/products/{}", shop.sku(product))).await?;
        gone.push(STOCK.saturating_sub(stock));
    }
    Ok(gone)
}
