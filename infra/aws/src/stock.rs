//! An order's write together with the stock it moves: one transaction, all or nothing.
//!
//! A cancelled transaction says why by position: the first reason is the order's, the others are the stock changes' in their
//! order. A condition that failed is a [`Saved::Conflict`]: the worker reads again and decides anew, and so finds out itself
//! whether the stock, the price or the step's record was it. Conflicts with other transactions and throttling are technical.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use backon::{ExponentialBuilder, Retryable};
use orders::ports::{Saved, Unavailable};
use orders::{Order, Sku, StockChange};

use crate::attributes::{Item, json, number, text};
use crate::failure::unavailable;

/// The names of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Keyed by `order_id`.
    pub orders: String,
    /// Keyed by `sku`.
    pub products: String,
}

/// Writes an order's progress ...
pub(crate) const WRITE: &str = "SET progress = :progress, #status = :status, version = :next";
/// ... if nobody else wrote in between.
pub(crate) const UNCHANGED: &str = "version = :version";
/// A product that was not deleted (what is left of one that was has only its version).
pub(crate) const EXISTS: &str = "attribute_exists(price)";

/// The values of [`WRITE`] and [`UNCHANGED`].
pub(crate) fn progress(order: &Order) -> Result<Item, Unavailable> {
    let values = [
        (":progress", json(&order.progress)?),
        (":status", text(order.progress.status)),
        (":version", number(order.version)),
        (":next", number(order.version + 1)),
    ];
    Ok(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Why a transaction was not made.
enum Cancelled {
    /// The conditions at these positions failed.
    Conditions(Vec<usize>),
    /// Another transaction was at one of its items: soon tried again.
    Contention,
    Unavailable(Unavailable),
}

/// Two transactions on one product can't be made at the same time. Trying again is cheap, and the queue's backoff is long.
fn contention() -> ExponentialBuilder {
    let (min, max) = (Duration::from_millis(10), Duration::from_millis(200));
    ExponentialBuilder::default().with_min_delay(min).with_max_delay(max).with_max_times(5).with_jitter()
}

/// Writes `order.progress` and the stock changes.
pub(crate) async fn write(
    client: &Client,
    tables: &Tables,
    order: &Order,
    changes: &[StockChange],
) -> Result<Saved, Unavailable> {
    let mut changes: Vec<&StockChange> = changes.iter().collect();
    loop {
        let transact = || transact(client, tables, order, &changes);
        let made = transact.retry(contention()).when(|cancelled| matches!(cancelled, Cancelled::Contention)).await;
        match made {
            Ok(()) => return Ok(Saved::Saved),
            Err(Cancelled::Conditions(failed)) => {
                let gone = |position: usize| position > 0 && !matches!(changes[position - 1], StockChange::Take { .. });
                if failed.is_empty() || !failed.iter().all(|position| gone(*position)) {
                    return Ok(Saved::Conflict);
                }
                // Nothing goes back to a product that is gone.
                let kept = changes.iter().enumerate().filter(|(index, _)| !failed.contains(&(index + 1)));
                changes = kept.map(|(_, change)| *change).collect();
            }
            Err(Cancelled::Contention) => {
                return Err(Unavailable::new("Store", "other transactions hold the order's products"));
            }
            Err(Cancelled::Unavailable(unavailable)) => return Err(unavailable),
        }
    }
}

async fn transact(client: &Client, tables: &Tables, order: &Order, changes: &[&StockChange]) -> Result<(), Cancelled> {
    let items = || -> Result<Vec<TransactWriteItem>, Unavailable> {
        let own = Update::builder()
            .table_name(&tables.orders)
            .key("order_id", text(order.id()))
            .update_expression(WRITE)
            .condition_expression(UNCHANGED)
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(progress(order)?));
        let theirs = changes.iter().map(|change| update(change).table_name(&tables.products));
        std::iter::once(own).chain(theirs).map(transaction_item).collect()
    };
    let items = items().map_err(Cancelled::Unavailable)?;
    let made = client.transact_write_items().set_transact_items(Some(items)).send().await;
    made.map(drop).map_err(|error| cancelled(&error))
}

fn transaction_item(update: UpdateBuilder) -> Result<TransactWriteItem, Unavailable> {
    let update = update.build().map_err(|error| Unavailable::new("Store", error))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// Not for the price alone: `reserved` stays within a `u32`, as an editor sets at most a third of that.
const MOST_RESERVED: u32 = 3_000_000_000;

fn update(change: &StockChange) -> UpdateBuilder {
    match change {
        StockChange::Take { sku, quantity, price } => product(sku, *quantity)
            .update_expression("SET stock = stock - :q, reserved = reserved + :q, version = version + :one")
            .condition_expression("stock >= :q AND price = :price AND currency = :currency AND reserved <= :most")
            .expression_attribute_values(":price", number(price.amount))
            .expression_attribute_values(":currency", text(price.currency.code()))
            .expression_attribute_values(":most", number(MOST_RESERVED)),
        StockChange::Return { sku, quantity } => product(sku, *quantity)
            .update_expression("SET stock = stock + :q, reserved = reserved - :q, version = version + :one")
            .condition_expression(EXISTS),
        StockChange::Settle { sku, quantity } => product(sku, *quantity)
            .update_expression("SET reserved = reserved - :q, version = version + :one")
            .condition_expression(EXISTS),
    }
}

fn product(sku: &Sku, quantity: u32) -> UpdateBuilder {
    let update = Update::builder().key("sku", text(sku)).expression_attribute_values(":q", number(quantity));
    update.expression_attribute_values(":one", number(1))
}

/// API reference, TransactWriteItems, "Cancellation reasons".
fn cancelled(error: &SdkError<TransactWriteItemsError>) -> Cancelled {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return Cancelled::Unavailable(unavailable("Store", error));
    };
    let codes = || cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None"));
    // A failed condition may rest on what the other transaction is about to change: contention comes first.
    if codes().any(|code| code == "TransactionConflict") {
        return Cancelled::Contention;
    }
    if let Some(code) = codes().find(|code| !matches!(*code, "None" | "ConditionalCheckFailed")) {
        return Cancelled::Unavailable(Unavailable::new("Store", code));
    }
    let failed = codes().enumerate().filter(|(_, code)| *code == "ConditionalCheckFailed");
    Cancelled::Conditions(failed.map(|(position, _)| position).collect())
}
