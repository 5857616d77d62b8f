//! Listing orders, newest first, over two indexes that are written once, when the order is accepted:
//!
//! - `by_month`: all orders. The partition is the month and one of [`SHARDS`] shards, so that no partition takes all writes;
//!   a page merges the shards and walks back from month to month.
//! - `by_customer`: one customer's.
//!
//! Both sort by `placed` (time and id), which is the cursor. They hold keys only; the orders are read from the table.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use orders::ports::{ListError, OrderFilter, Page, PageRequest, Unavailable};
use orders::{NewOrder, Order};

use crate::attributes::{Item, read, string, text};
use crate::failure::unavailable;
use crate::orders::{DynamoOrders, order};

/// A partition takes 1,000 writes a second; so many of them take more orders than Step Functions starts executions.
const SHARDS: u8 = 8;
/// No order is older than Orderflow.
const FIRST_MONTH: &str = "2026-01";
/// A page looks at so many index pages at most, so that a rare status doesn't cost a walk through all orders.
const ROUNDS: usize = 24;
/// What a cursor begins with: other texts are refused.
const CURSOR: &str = "before:";
/// `BatchGetItem` takes so many keys (API reference).
const BATCH: usize = 100;

/// The attributes of an order that the indexes are made of.
pub(crate) fn keys(order: &NewOrder) -> [(&'static str, AttributeValue); 2] {
    let placed = format!("{:.6}#{}", order.placed_at, order.id);
    let shard = order.id.as_str().bytes().last().unwrap_or_default() % SHARDS;
    [("month", text(format_args!("{}#{shard}", &placed[..FIRST_MONTH.len()]))), ("placed", text(placed))]
}

/// Orders, newest first, after the page's cursor.
pub(crate) async fn list(
    store: &DynamoOrders,
    filter: &OrderFilter,
    page: &PageRequest,
) -> Result<Page<Order>, ListError> {
    let limit = page.limit.get() as usize;
    let now = store.clock.now();
    let mut before = match &page.cursor {
        Some(cursor) => position(cursor).ok_or(ListError::InvalidCursor)?,
        // Another machine's clock may be ahead.
        None => after_month(&month_of(now + SignedDuration::from_hours(24))),
    };
    let mut items = Vec::new();
    for _ in 0..ROUNDS {
        let wanted = limit - items.len();
        let found = match &filter.customer {
            Some(customer) => query(store, "by_customer", "customer_id", customer.as_str(), &before, wanted).await?,
            None => query_month(store, &before, wanted).await?,
        };
        let last = found.last().and_then(|item| string(item, "placed")).cloned();
        let of_storefront = |item: &Item| {
            filter
                .storefront
                .as_ref()
                .is_none_or(|name| string(item, "storefront").is_some_and(|of| of == name.as_str()))
        };
        let wanted_ids = found.iter().filter(|item| of_storefront(item));
        for order in get(store, wanted_ids, now).await? {
            if filter.status.is_none_or(|status| order.progress.status == status) {
                items.push(order);
            }
        }
        before = match (last, filter.customer.is_some()) {
            (Some(last), _) if found.len() == wanted => last,
            (_, true) => return Ok(Page { items, next: None }),
            (_, false) => match previous_month(&before) {
                Some(month) => after_month(&month),
                None => return Ok(Page { items, next: None }),
            },
        };
        if items.len() == limit {
            break;
        }
    }
    Ok(Page { items, next: Some(format!("{CURSOR}{before}")) })
}

/// Where the next page begins; it came from a client.
fn position(cursor: &str) -> Option<String> {
    let position = cursor.strip_prefix(CURSOR)?;
    let is_month = position.len() > FIRST_MONTH.len()
        && position.is_ascii()
        && position.len() < 80
        && format!("{}-01", &position[..FIRST_MONTH.len()]).parse::<jiff::civil::Date>().is_ok();
    is_month.then(|| position.to_owned())
}

/// Behind all orders of the month.
fn after_month(month: &str) -> String {
    format!("{month}~")
}

fn month_of(time: Timestamp) -> String {
    time.to_string()[..FIRST_MONTH.len()].to_owned()
}

/// The month before that of a position.
fn previous_month(position: &str) -> Option<String> {
    let month = &position[..FIRST_MONTH.len()];
    let first = format!("{month}-01").parse::<jiff::civil::Date>().ok()?;
    let before = first.yesterday().ok()?;
    (month > FIRST_MONTH).then(|| before.to_string()[..FIRST_MONTH.len()].to_owned())
}

/// All shards' newest, merged: the newest `limit` of their month.
async fn query_month(store: &DynamoOrders, before: &str, limit: usize) -> Result<Vec<Item>, Unavailable> {
    let month = &before[..FIRST_MONTH.len()];
    let shards = (0..SHARDS).map(|shard| async move {
        query(store, "by_month", "month", &format!("{month}#{shard}"), before, limit).await
    });
    let mut found: Vec<Item> = try_join_all(shards).await?.into_iter().flatten().collect();
    found.sort_by(|a, b| string(b, "placed").cmp(&string(a, "placed")));
    found.truncate(limit);
    Ok(found)
}

async fn query(
    store: &DynamoOrders,
    index: &str,
    key: &str,
    partition: &str,
    before: &str,
    limit: usize,
) -> Result<Vec<Item>, Unavailable> {
    let query = store
        .client
        .query()
        .table_name(&store.tables.orders)
        .index_name(index)
        .key_condition_expression("#key = :partition AND placed < :before")
        .expression_attribute_names("#key", key)
        .expression_attribute_values(":partition", text(partition))
        .expression_attribute_values(":before", text(before))
        .scan_index_forward(false)
        .limit(i32::try_from(limit).unwrap_or(i32::MAX));
    let found = query.send().await.map_err(|error| unavailable("Store", &error))?;
    Ok(found.items.unwrap_or_default())
}

/// The orders behind index entries, in their order; those that are gone or expired are left out.
async fn get(
    store: &DynamoOrders,
    entries: impl Iterator<Item = &Item>,
    now: Timestamp,
) -> Result<Vec<Order>, Unavailable> {
    let ids = entries.map(|entry| read::<String>(entry, "order_id")).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<Item> = ids.iter().map(|id| Item::from([("order_id".to_owned(), text(id))])).collect();
    let items = batch_get(&store.client, &store.tables.orders, keys).await?;
    let found = items.iter().filter_map(|item| order(item, now).transpose()).collect::<Result<Vec<_>, _>>()?;
    let mut by_id: std::collections::HashMap<String, Order> =
        found.into_iter().map(|order| (order.id().to_string(), order)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// Items by their keys, strongly consistent, in any order.
pub(crate) async fn batch_get(
    client: &aws_sdk_dynamodb::Client,
    table: &str,
    mut keys: Vec<Item>,
) -> Result<Vec<Item>, Unavailable> {
    let mut items = Vec::with_capacity(keys.len());
    if keys.is_empty() {
        return Ok(items); // a request for nothing is refused
    }
    // What one answer had no room for, or the table no capacity, is asked for again after a while (API reference).
    for wait in pauses() {
        let rest = keys.split_off(keys.len().min(BATCH));
        let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let asked = asked.map_err(|error| Unavailable::new("Store", error))?;
        let found = client.batch_get_item().request_items(table, asked).send().await;
        let found = found.map_err(|error| unavailable("Store", &error))?;
        items.extend(found.responses.and_then(|mut tables| tables.remove(table)).unwrap_or_default());
        keys = found.unprocessed_keys.and_then(|mut tables| tables.remove(table)).map_or(Vec::new(), |left| left.keys);
        let throttled = !keys.is_empty();
        keys.extend(rest);
        if keys.is_empty() {
            return Ok(items);
        }
        if throttled {
            tokio::time::sleep(wait).await;
        }
    }
    Err(Unavailable::new("Store", "the table keeps leaving keys unprocessed"))
}

fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default().with_min_delay(Duration::from_millis(20)).with_max_times(8).with_jitter().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_goes_back_month_by_month_to_the_first() {
        assert_eq!(previous_month("2026-03~").as_deref(), Some("2026-02"));
        assert_eq!(previous_month("2027-01-05T10:00:00.000000Z#ord_x").as_deref(), Some("2026-12"));
        assert_eq!(previous_month("2026-01~"), None);
    }

    #[test]
    fn a_cursor_is_a_position_in_time_or_refused() {
        assert_eq!(position("before:2026-03~").as_deref(), Some("2026-03~"));
        for foreign in ["", "no cursor", "before:", "before:2026-13~", "before:2026-03", "before:ääää-äää", "after:X"]
        {
            assert_eq!(position(foreign), None, "{foreign}");
        }
    }
}
