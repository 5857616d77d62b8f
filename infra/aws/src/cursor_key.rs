//! The key that the cursors of the HTTP API are sealed with: an item of the orders' table, which the first function that lists makes.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use orders::ports::Unavailable;
use producer::cursor::CursorKey;
use tokio::sync::OnceCell;

use crate::attributes::text;
use crate::failure::unavailable;

/// No order's id is like it.
const ID: &str = "cursor-key";

/// The key of one stack. It is read by the first listing, so that no order pays for it.
pub struct DynamoCursorKey {
    client: Client,
    table: String,
    key: OnceCell<[u8; 32]>,
}

impl DynamoCursorKey {
    /// Over the table `orders`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), key: OnceCell::new() }
    }

    /// What is there, or else a new one: of many that come at once, one makes it.
    async fn stored(&self) -> Result<[u8; 32], Unavailable> {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|error| Unavailable::new("Store", error))?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("order_id", text(ID))
            .update_expression("SET cursor_key = if_not_exists(cursor_key, :fresh)")
            .expression_attribute_values(":fresh", AttributeValue::B(Blob::new(fresh)))
            .return_values(ReturnValue::AllNew);
        let updated = update.send().await.map_err(|error| unavailable("Store", &error))?;
        let stored = updated.attributes.as_ref().and_then(|item| item.get("cursor_key")?.as_b().ok());
        let key = stored.and_then(|key| key.as_ref().try_into().ok());
        key.ok_or_else(|| Unavailable::new("Store", "the table did not say which key cursors are sealed with"))
    }
}

#[async_trait]
impl CursorKey for DynamoCursorKey {
    async fn cursor_key(&self) -> Result<[u8; 32], Unavailable> {
        self.key.get_or_try_init(|| self.stored()).await.copied()
    }
}
