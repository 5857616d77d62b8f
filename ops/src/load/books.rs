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
use crate::http::wire::Listed;

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

/// A page of the mailbox.
#[derive(Deserialize)]
struct Mailbox {
    captures: bool,
    mails: Vec<Mail>,
    next_cursor: Option<String>,
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
        let mut cursor = None;
        loop {
            let page: Listed<Letter> = page(connection, &path, cursor).await?;
            for letter in page.items {
                poison += u64::from(letter.body == shop.poison());
                orders.extend(letter.order_id);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok((orders, poison))
}

/// Newest first, back to the start.
async fn ledger(connection: &mut Connection<'_>, since: Timestamp) -> Result<HashMap<OrderId, Moved>, LoadError> {
    let mut moved: HashMap<OrderId, Moved> = HashMap::new();
    let mut cursor = None;
    loop {
        let Listed::<Entry> { items, next_cursor } = page(connection, "/ops/gateway/ledger?limit=100", cursor).await?;
        let is_over = items.last().is_none_or(|oldest| oldest.at < since);
        for Entry { order_id, movement, .. } in items {
            let moved = moved.entry(order_id).or_default();
            match movement {
                Movement::Capture => moved.captures += 1,
                Movement::Refund => moved.refunds += 1,
            }
        }
        cursor = next_cursor.filter(|_| !is_over);
        if cursor.is_none() {
            return Ok(moved);
        }
    }
}

/// Newest first, back to the start.
async fn mailbox(
    connection: &mut Connection<'_>,
    since: Timestamp,
) -> Result<Option<HashMap<OrderId, Mailed>>, LoadError> {
    let mut mailed: HashMap<OrderId, Mailed> = HashMap::new();
    let mut cursor = None;
    loop {
        let Mailbox { captures, mails, next_cursor } = page(connection, "/mailbox?limit=100", cursor).await?;
        if !captures {
            return Ok(None);
        }
        let is_over = mails.last().is_none_or(|oldest| oldest.sent_at < since);
        for Mail { order_id, kind, .. } in mails {
            let mailed = mailed.entry(order_id).or_default();
            match kind {
                MailKind::Confirmation => mailed.confirmations += 1,
                MailKind::Rejection => mailed.rejections += 1,
            }
        }
        cursor = next_cursor.filter(|_| !is_over);
        if cursor.is_none() {
            break;
        }
    }
    for (id, mailed) in mailed.iter_mut().filter(|(_, mailed)| mailed.all() > 1) {
        let Order { mail } = connection.get(&format!("/orders/{id}")).await?;
        mailed.attempts = mail.map_or(0, |mail| mail.attempts);
    }
    Ok(Some(mailed))
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

async fn shelves(connection: &mut Connection<'_>, shop: &Shop) -> Result<Vec<u64>, LoadError> {
    let mut gone = Vec::with_capacity(PRODUCTS);
    for product in 0..PRODUCTS {
        let Product { stock } = connection.get(&format!("/products/{}", shop.sku(product))).await?;
        gone.push(STOCK.saturating_sub(stock));
    }
    Ok(gone)
}
