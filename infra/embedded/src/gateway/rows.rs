//! The gateway's payments, ledger and idempotency keys as rows.

use orders::ports::{GatewayError, Page, PaymentStatus};
use orders::{Currency, Money, OrderId};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{LedgerEntry, Listed, Movement, OrderTotals, id_of};
use crate::clock::timestamp;
use crate::paging;

/// Stripe: keys are removed once they are at least a day old.
const KEY_LIFETIME: i64 = 24 * 60 * 60 * 1000;
/// Old keys that go with each new one: two, so that they shrink faster than they grow.
const PRUNED: i64 = 2;

/// A request with its idempotency key.
pub(super) struct Key {
    pub(super) key: String,
    /// Equal for equal requests.
    pub(super) request: String,
    pub(super) now: i64,
}

/// What a request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) seq: i64,
    pub(super) status: PaymentStatus,
}

/// A payment.
pub(super) struct Found {
    pub(super) amount: i64,
    pub(super) method: String,
    pub(super) status: PaymentStatus,
    pub(super) faults: u32,
}

fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<PaymentStatus> {
    row.get_ref(column)?.as_str()?.parse().map_err(|error: orders::step::UnknownName| invalid(column, error))
}

fn invalid(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

pub(super) fn find(connection: &Connection, seq: i64) -> rusqlite::Result<Option<Found>> {
    let sql = "SELECT amount, method, status, faults FROM gateway_payments WHERE seq = ?";
    let found = |row: &Row<'_>| {
        Ok(Found { amount: row.get(0)?, method: row.get(1)?, status: status(row, 2)?, faults: row.get(3)? })
    };
    connection.prepare_cached(sql)?.query_row([seq], found).optional()
}

pub(super) fn insert(connection: &Connection, order: &OrderId, amount: Money, method: &str) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO gateway_payments (order_id, amount, currency, method, status) VALUES (?, ?, ?, ?, ?)";
    let status = PaymentStatus::RequiresConfirmation.to_string();
    let row = params![order.as_str(), amount.amount, amount.currency.code(), method, status];
    connection.prepare_cached(sql)?.insert(row)
}

pub(super) fn change(connection: &Connection, seq: i64, status: PaymentStatus) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE gateway_payments SET status = ? WHERE seq = ?")?;
    update.execute(params![status.to_string(), seq]).map(drop)
}

pub(super) fn count_fault(connection: &Connection, seq: i64) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE gateway_payments SET faults = faults + 1 WHERE seq = ?")?;
    update.execute([seq]).map(drop)
}

/// Writes an entry of the ledger.
pub(super) fn record(
    connection: &Connection,
    seq: i64,
    movement: Movement,
    amount: i64,
    now: i64,
) -> rusqlite::Result<()> {
    let entry = match movement {
        Movement::Capture => "capture",
        Movement::Refund => "refund",
    };
    let sql = "INSERT INTO gateway_ledger (payment, entry, amount, at) VALUES (?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![seq, entry, amount, now]).map(drop)
}

/// What this key was answered before, if it was and is not forgotten; refused if that was another request.
pub(super) fn answered(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Result<Answer, GatewayError>>> {
    let sql = "SELECT payment, status, request = ? FROM gateway_keys WHERE key = ? AND at > ?";
    let answer = |row: &Row<'_>| {
        let same: bool = row.get(2)?;
        let answer = Answer { seq: row.get(0)?, status: status(row, 1)? };
        Ok(if same { Ok(answer) } else { Err(super::INVALID) })
    };
    connection.prepare_cached(sql)?.query_row(params![key.request, key.key, key.now - KEY_LIFETIME], answer).optional()
}

/// Keeps the answer under its key, and forgets the oldest keys.
pub(super) fn remember(connection: &Connection, key: &Key, seq: i64, status: PaymentStatus) -> rusqlite::Result<()> {
    let prune = "DELETE FROM gateway_keys WHERE seq IN (SELECT seq FROM gateway_keys ORDER BY seq LIMIT ?) AND at <= ?";
    connection.prepare_cached(prune)?.execute(params![PRUNED, key.now - KEY_LIFETIME])?;
    let sql = "INSERT OR REPLACE INTO gateway_keys (key, request, payment, status, at) VALUES (?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![key.key, key.request, seq, status.to_string(), key.now]).map(drop)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    let currency = row.get_ref(3)?.as_str()?;
    let unknown = || invalid(3, std::io::Error::other("not a currency"));
    Ok(LedgerEntry {
        payment: id_of(row.get(0)?),
        movement: if row.get_ref(1)?.as_str()? == "capture" { Movement::Capture } else { Movement::Refund },
        amount: Money::new(row.get(2)?, Currency::from_code(currency).ok_or_else(unknown)?),
        at: timestamp(row.get(4)?),
    })
}

pub(super) fn ledger(connection: &Connection, order: &OrderId) -> rusqlite::Result<Vec<LedgerEntry>> {
    let sql = "SELECT payment, entry, gateway_ledger.amount, currency, at FROM gateway_ledger
               JOIN gateway_payments ON gateway_payments.seq = payment WHERE order_id = ? ORDER BY gateway_ledger.seq";
    connection.prepare_cached(sql)?.query_map([order.as_str()], entry)?.collect()
}

/// Walks down from `before`.
pub(super) fn list(connection: &Connection, before: i64, limit: u32) -> rusqlite::Result<Page<Listed>> {
    let sql = "SELECT payment, entry, gateway_ledger.amount, currency, at, order_id, gateway_ledger.seq
               FROM gateway_ledger JOIN gateway_payments ON gateway_payments.seq = payment
               WHERE gateway_ledger.seq < ? ORDER BY gateway_ledger.seq DESC LIMIT ?";
    let listed = |row: &Row<'_>| {
        let order_id = row.get::<_, String>(5)?.try_into().map_err(|error: orders::InvalidId| invalid(5, error))?;
        Ok((row.get(6)?, Listed { order_id, entry: entry(row)? }))
    };
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map([before, i64::from(limit) + 1], listed)?.collect::<rusqlite::Result<_>>()?;
    Ok(paging::page(rows, limit))
}

pub(super) fn totals(connection: &Connection) -> rusqlite::Result<Vec<OrderTotals>> {
    let sql = "SELECT order_id, sum(entry = 'capture'), sum(entry = 'refund') FROM gateway_ledger
               JOIN gateway_payments ON gateway_payments.seq = payment GROUP BY order_id ORDER BY min(payment)";
    let totals = |row: &Row<'_>| {
        Ok(OrderTotals {
            order_id: row.get::<_, String>(0)?.try_into().map_err(|error: orders::InvalidId| invalid(0, error))?,
            captures: row.get(1)?,
            refunds: row.get(2)?,
        })
    };
    connection.prepare_cached(sql)?.query_map([], totals)?.collect()
}

/// Whether an outage is being simulated.
pub(super) fn is_down(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM numbers WHERE name = 'gateway_down' AND value = 1)";
    connection.query_row(sql, [], |row| row.get(0))
}

pub(super) fn set_down(connection: &Connection, down: bool) -> rusqlite::Result<()> {
    let sql = "INSERT INTO numbers VALUES ('gateway_down', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1";
    connection.execute(sql, [down]).map(drop)
}
