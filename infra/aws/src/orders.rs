//! The orders on DynamoDB ([`OrderStore`]). An order is one item; its key is its id.
//!
//! Accepting is one conditional write, then one send. Until `dispatch` takes it away the item has `expires_at`: an order
//! whose message never got into the queue was never promised, and goes by itself. As long as it is there, the same post sends
//! the message again.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};
use orders::message::OrdersMessage;
use orders::order::Progress;
use orders::ports::{
    Acceptance, Clock, ListError, OrderFilter, OrderStore, Outgoing, Page, PageRequest, Queues, Saved, SendError,
    Unavailable,
};
use orders::{NewOrder, Order, OrderId, Queue, StockChange};

use crate::attributes::{Item, json, number, read, read_json, text};
use crate::failure::unavailable;
use crate::listing;
use crate::stock::{self, Tables};

/// Longer than any queue and DLQ keeps a message (14 days each): what is expired has no message anywhere.
const EXPIRY: SignedDuration = SignedDuration::from_hours(60 * 24);

/// The orders of one stack.
pub struct DynamoOrders {
    pub(crate) client: Client,
    pub(crate) tables: Tables,
    queues: Arc<dyn Queues>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl DynamoOrders {
    /// Over the tables `orders` and `products`; `queues` takes the messages of accepted orders.
    pub fn new(client: Client, tables: Tables, queues: Arc<dyn Queues>, clock: Arc<dyn Clock>) -> Self {
        Self { client, tables, queues, clock }
    }

    async fn send_dispatch(&self, order: &NewOrder) -> Result<(), Unavailable> {
        let message = Outgoing {
            body: OrdersMessage::dispatch(order.id.clone(), order.trace_id.clone()).body(),
            trace_header: Some(order.trace_id.to_trace_header()),
            ..Outgoing::default()
        };
        self.queues.send(Queue::Orders.into(), message).await.map_err(|error| match error {
            SendError::Unavailable(unavailable) => unavailable,
            invalid @ SendError::Invalid(_) => Unavailable::new("Queue", invalid),
        })
    }
}

/// The item as it is accepted.
fn item(order: &NewOrder, expires_at: Timestamp) -> Result<Item, Unavailable> {
    let progress = Progress::accepted();
    let attributes = [
        ("order_id", text(&order.id)),
        ("version", number(1)),
        ("status", text(progress.status)),
        ("progress", json(&progress)?),
        ("content", json(order)?),
        ("fingerprint", AttributeValue::B(Blob::new(order.content.fingerprint()))),
        ("expires_at", number(expires_at.as_second())),
        ("storefront", text(&order.storefront)),
        ("customer_id", text(&order.content.customer.id)),
    ];
    Ok(attributes.into_iter().chain(listing::keys(order)).map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The order in an item; `None` once it has expired (DynamoDB deletes expired items within days, not at once).
pub(crate) fn order(item: &Item, now: Timestamp) -> Result<Option<Order>, Unavailable> {
    if expiry(item).is_some_and(|expiry| expiry <= now.as_second()) {
        return Ok(None);
    }
    Ok(Some(Order {
        placed: read_json(item, "content")?,
        progress: read_json(item, "progress")?,
        version: read(item, "version")?,
    }))
}

fn expiry(item: &Item) -> Option<i64> {
    read(item, "expires_at").ok()
}

#[async_trait]
impl OrderStore for DynamoOrders {
    async fn accept(&self, order: &NewOrder) -> Result<Acceptance, Unavailable> {
        let now = self.clock.now();
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.orders)
            .set_item(Some(item(order, now + EXPIRY)?))
            .condition_expression("attribute_not_exists(order_id) OR expires_at <= :now")
            .expression_attribute_values(":now", number(now.as_second()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let acceptance = match put.send().await {
            Ok(_) => Acceptance::Created,
            Err(error) => {
                let Some(found) = existing(&error) else { return Err(unavailable("Store", &error)) };
                let fingerprint = found.get("fingerprint").and_then(|value| value.as_b().ok());
                match fingerprint {
                    Some(theirs) if theirs.as_ref() != order.content.fingerprint() => {
                        return Ok(Acceptance::KeyReused);
                    }
                    _ if expiry(found).is_none() => return Ok(Acceptance::Repeated),
                    _ => Acceptance::Repeated,
                }
            }
        };
        self.send_dispatch(order).await?;
        Ok(acceptance)
    }

    async fn keep(&self, id: &OrderId) -> Result<bool, Unavailable> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.orders)
            .key("order_id", text(id))
            .update_expression("REMOVE expires_at")
            .condition_expression(
                "attribute_exists(order_id) AND (attribute_not_exists(expires_at) OR expires_at > :now)",
            )
            .expression_attribute_values(":now", number(self.clock.now().as_second()));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(unavailable("Store", &error)),
        }
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>, Unavailable> {
        let get = self.client.get_item().table_name(&self.tables.orders).key("order_id", text(id));
        let found = get.consistent_read(true).send().await.map_err(|error| unavailable("Store", &error))?;
        found.item.map_or(Ok(None), |item| order(&item, self.clock.now()))
    }

    async fn list(&self, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, ListError> {
        listing::list(self, filter, page).await
    }

    async fn update(&self, order: &Order, stock: &[StockChange]) -> Result<Saved, Unavailable> {
        if !stock.is_empty() {
            return stock::write(&self.client, &self.tables, order, stock).await;
        }
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.orders)
            .key("order_id", text(order.id()))
            .update_expression(stock::WRITE)
            .condition_expression(stock::UNCHANGED)
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(stock::progress(order)?));
        match update.send().await {
            Ok(_) => Ok(Saved::Saved),
            Err(error) if is_refused(&error) => Ok(Saved::Conflict),
            Err(error) => Err(unavailable("Store", &error)),
        }
    }
}

fn is_refused(error: &SdkError<UpdateItemError>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

/// The item that was there already.
fn existing(error: &SdkError<PutItemError>) -> Option<&Item> {
    match error.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(refused) => refused.item(),
        _ => None,
    }
}
