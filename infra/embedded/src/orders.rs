//! The orders on SQLite ([`OrderStore`]).
//!
//! Accepting is one transaction of the order and its message, so no order here is ever without one: none expires, and
//! `keep` only reads. The order as posted and its progress are JSON; the columns beside them are what conditions and listings
//! need. Not for the execution; that is [`crate::workflow`].

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use orders::mail::MailRecord;
use orders::message::OrdersMessage;
use orders::order::Progress;
use orders::ports::ops::Change;
use orders::ports::{
    Acceptance, ListError, OrderFilter, OrderStore, Outgoing, Page, PageRequest, Saved, SendError, Unavailable,
};
use orders::{NewOrder, Order, OrderId, Queue, Status, StockChange};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::db::{Db, Verdict};
use crate::ops::changes::Feed;
use crate::paging::{self, Walk};
use crate::products;
use crate::queue::SqliteQueues;
use crate::seqs::Seqs;

/// A part of the customers' index has so many orders, as a power of two (schema/4.sql).
const PART: u32 = 14;

/// The orders of one file.
pub struct SqliteOrders {
    db: Db,
    seqs: Seqs,
    queues: Arc<SqliteQueues>,
    /// The progress of every order at its beginning, rendered.
    accepted: Arc<str>,
    feed: Arc<Feed>,
}

impl SqliteOrders {
    /// Over an opened file; `queues` takes the messages of accepted orders.
    pub(crate) fn new(db: Db, seqs: Seqs, queues: Arc<SqliteQueues>, feed: Arc<Feed>) -> Self {
        let accepted = serde_json::to_string(&Progress::accepted()).expect("a unit status always serialises");
        Self { db, seqs, queues, accepted: accepted.into(), feed }
    }
}

/// Renders for a column; the types have string keys only, so this fails on no input.
fn json(value: &impl serde::Serialize) -> Result<String, Unavailable> {
    serde_json::to_string(value).map_err(|error| Unavailable::new("Store", error))
}

/// Reads a column that holds JSON.
fn parsed<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

const ORDER: &str = "placed, progress, version";

fn order(row: &Row<'_>) -> rusqlite::Result<Order> {
    let version = row.get::<_, i64>(2)?;
    Ok(Order {
        placed: parsed(row, 0)?,
        progress: parsed(row, 1)?,
        version: u64::try_from(version).unwrap_or_default(),
    })
}

/// What the accept path found.
enum Found {
    New,
    Same { execution: bool },
    Other,
}

fn insert_or_find(connection: &Connection, insert: &Insert) -> rusqlite::Result<Found> {
    let sql = "INSERT INTO orders (id, storefront, customer_id, status, version, fingerprint, progress, placed)
               VALUES (?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
    let inserted = connection.prepare_cached(sql)?.execute(params![
        insert.id.as_str(),
        insert.storefront,
        insert.customer,
        Status::Accepted.name(),
        insert.fingerprint,
        &*insert.progress,
        insert.placed,
    ])?;
    if inserted > 0 {
        return Ok(Found::New);
    }
    let sql = "SELECT fingerprint, EXISTS (SELECT 1 FROM executions WHERE executions.seq = orders.seq) FROM orders WHERE id = ?";
    connection.prepare_cached(sql)?.query_row([insert.id.as_str()], |row| {
        let same = row.get_ref(0)?.as_blob()? == insert.fingerprint;
        Ok(if same { Found::Same { execution: row.get(1)? } } else { Found::Other })
    })
}

/// An order, rendered for its row.
struct Insert {
    id: OrderId,
    storefront: String,
    customer: String,
    fingerprint: [u8; 16],
    progress: Arc<str>,
    placed: String,
}

#[async_trait]
impl OrderStore for SqliteOrders {
    async fn accept(&self, order: &NewOrder) -> Result<Acceptance, Unavailable> {
        let body = OrdersMessage::dispatch(order.id.clone(), order.trace_id.clone()).body();
        let outgoing = Outgoing { body, delay: Duration::ZERO, ..Outgoing::default() };
        let message = self.queues.prepare(Queue::Orders.into(), outgoing).map_err(|error| match error {
            SendError::Unavailable(unavailable) => unavailable,
            invalid => Unavailable::new("Queue", invalid),
        })?;
        let insert = Insert {
            id: order.id.clone(),
            storefront: order.storefront.as_str().to_owned(),
            customer: order.content.customer.id.as_str().to_owned(),
            fingerprint: order.content.fingerprint(),
            progress: Arc::clone(&self.accepted),
            placed: json(order)?,
        };
        let settle = self.queues.settle_with();
        let job = move |connection: &Connection| {
            let (acceptance, send) = match insert_or_find(connection, &insert)? {
                Found::New => (Acceptance::Created, true),
                Found::Same { execution } => (Acceptance::Repeated, !execution),
                Found::Other => (Acceptance::KeyReused, false),
            };
            if send {
                message.insert(connection)?;
            }
            Ok(Verdict::Keep((acceptance, send.then_some(message))))
        };
        let settled = move |result: Result<(Acceptance, Option<_>), Unavailable>| {
            let (acceptance, message) = result?;
            if let Some(message) = message {
                settle.put(message);
            }
            Ok(acceptance)
        };
        self.db.write_then(job, settled).await
    }

    async fn keep(&self, id: &OrderId) -> Result<bool, Unavailable> {
        Ok(self.seqs.of(id)?.is_some())
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>, Unavailable> {
        let Some(seq) = self.seqs.of(id)? else { return Ok(None) };
        self.db.read(|connection| {
            let mut select = connection.prepare_cached(&format!("SELECT {ORDER} FROM orders WHERE seq = ?"))?;
            select.query_row([seq], order).optional()
        })
    }

    async fn list(&self, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, ListError> {
        let before = paging::before(page.cursor.as_deref())?;
        let (filter, limit) = (filter.clone(), page.limit.get());
        Ok(self.db.scan(move |connection| list(connection, &filter, before, limit)).await?)
    }

    async fn update(&self, order: &Order, stock: &[StockChange]) -> Result<Saved, Unavailable> {
        let Some(seq) = self.seqs.of(order.id())? else { return Ok(Saved::Conflict) };
        let (progress, status) = (json(&order.progress)?, order.progress.status);
        let version = i64::try_from(order.version).unwrap_or(i64::MAX);
        let stock = stock.to_vec();
        let job = move |connection: &Connection| {
            let sql = "UPDATE orders SET progress = ?, status = ?, version = version + 1 WHERE seq = ? AND version = ?";
            let mut update = connection.prepare_cached(sql)?;
            let mut carried = update.execute(params![progress, status.name(), seq, version])? == 1;
            for change in &stock {
                carried = carried && products::change_stock(connection, change)?;
            }
            Ok(if carried { Verdict::Keep(Saved::Saved) } else { Verdict::Undo(Saved::Conflict) })
        };
        let ended = Change::OrderEnded { order_id: order.id().clone(), status: order.progress.status };
        let feed = (ends(&order.progress) && self.feed.remembers()).then(|| Arc::clone(&self.feed));
        let settled = move |result: Result<Saved, Unavailable>| {
            if let (Some(feed), Ok(Saved::Saved)) = (feed, &result) {
                feed.push(ended);
            }
            result
        };
        self.db.write_then(job, settled).await
    }
}

/// The write that makes an order final counts its first attempt to mail, or there is no mail at all. (Repeats are rare
/// and allowed.)
fn ends(progress: &Progress) -> bool {
    let first = |mail: &MailRecord| mail.attempts == 1 && mail.result.is_none();
    progress.status.is_final() && progress.mail.as_ref().is_none_or(first)
}

/// Walks down from `before`: along the customer's orders or the rejected ones where an index has them, else along all.
fn list(connection: &Connection, filter: &OrderFilter, before: i64, limit: u32) -> rusqlite::Result<Page<Order>> {
    let text = |name: Option<&str>| name.map(str::to_owned);
    let storefront = text(filter.storefront.as_ref().map(|storefront| storefront.as_str()));
    let customer = text(filter.customer.as_ref().map(|customer| customer.as_str()));
    let status = text(filter.status.map(Status::name));
    // SQLite only uses an index whose expression, or condition, it sees in the statement. That of customers is in parts, which
    // are looked at one after the other.
    let (walk, parts) = match (&customer, filter.status) {
        (Some(_), _) => (format!("seq >> {PART} = ?6 AND customer_id = ?2"), parts(connection, before)?),
        (None, Some(Status::Rejected)) => ("status = 'rejected' AND ?2 IS NULL AND ?6 = 0".to_owned(), 0..=0),
        _ => ("?2 IS NULL AND ?6 = 0".to_owned(), 0..=0),
    };
    let sql = format!(
        "SELECT {ORDER}, (?3 IS NULL OR storefront = ?3) AND (?4 IS NULL OR status = ?4), seq FROM orders
         WHERE seq < ?1 AND {walk} ORDER BY seq DESC LIMIT ?5"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut walk = Walk::new(before, limit);
    for part in parts.rev() {
        let rows = select.query(params![before, customer, storefront, status, paging::ASKED, part])?;
        if let Some(page) = walk.through(rows, 3, order)? {
            return Ok(page);
        }
    }
    Ok(walk.over())
}

/// The parts of the customers' index that have orders before this one.
fn parts(connection: &Connection, before: i64) -> rusqlite::Result<RangeInclusive<i64>> {
    let newest = connection.query_row("SELECT ifnull(max(seq), 0) FROM orders", [], |row| row.get::<_, i64>(0))?;
    Ok(0..=newest.min(before - 1) >> PART)
}

#[cfg(test)]
mod tests;
