//! The product catalogue on DynamoDB ([`Catalogue`]). A product is one item; its key is its SKU.
//!
//! A deleted product leaves its version behind, so that one that is made again never repeats a version. The index `by_sku`
//! lists what exists: one partition, written only when a product comes or goes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use orders::ports::{Catalogue, Changed, ListError, Page, PageRequest, Unavailable};
use orders::product::MAX_STOCK;
use orders::{Currency, Money, Product, Sku};

use crate::attributes::{Item, number, read, string, text};
use crate::failure::unavailable;
use crate::listing::batch_get;
use crate::stock::EXISTS;

/// The products of one stack.
#[derive(Debug, Clone)]
pub struct DynamoCatalogue {
    client: Client,
    table: String,
}

/// The one partition of `by_sku`.
const LISTED: &str = "catalogue";
/// Everything but the key and the version.
const FIELDS: &str = "#name, description, price, currency, stock, reserved, listed";

impl DynamoCatalogue {
    /// Over the table `products`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    fn update(&self, sku: &Sku) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("sku", text(sku));
        update
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":one", number(1))
    }

    /// Makes the change; `refused` says what it means that the condition failed on the product as it is.
    async fn change(
        &self,
        update: UpdateItemFluentBuilder,
        answer: ReturnValue,
        refused: impl FnOnce(Product) -> Changed + Send,
    ) -> Result<Changed, Unavailable> {
        match update.return_values(answer).send().await {
            Ok(changed) => match changed.attributes.as_ref().map(product).transpose()?.flatten() {
                Some(product) => Ok(Changed::Done(product)),
                None => Err(Unavailable::new("Store", "the table did not say what it changed")),
            },
            Err(error) => match old_item(&error) {
                Some(old) => Ok(old.map(product).transpose()?.flatten().map_or(Changed::Missing, refused)),
                None => Err(unavailable("Store", &error)),
            },
        }
    }
}

/// The item on which the condition failed: `Some(None)` if there was none.
fn old_item(error: &SdkError<UpdateItemError>) -> Option<Option<&Item>> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(refused) => Some(refused.item()),
        _ => None,
    }
}

/// The product in an item; `None` in what is left of a deleted one.
fn product(item: &Item) -> Result<Option<Product>, Unavailable> {
    if !item.contains_key("price") {
        return Ok(None);
    }
    let currency: String = read(item, "currency")?;
    let currency = Currency::from_code(&currency)
        .ok_or_else(|| Unavailable::new("Store", format_args!("`{currency}` is not a currency")))?;
    Ok(Some(Product {
        sku: read(item, "sku")?,
        name: read(item, "name")?,
        description: string(item, "description").cloned(),
        price: Money::new(read(item, "price")?, currency),
        stock: read(item, "stock")?,
        reserved: read(item, "reserved")?,
        version: read(item, "version")?,
    }))
}

/// Sets what an editor sets.
fn set(update: UpdateItemFluentBuilder, new: &Product, also: &str) -> UpdateItemFluentBuilder {
    let (described, removed) = match &new.description {
        Some(_) => (", description = :description", ""),
        None => ("", " REMOVE description"),
    };
    let update = match &new.description {
        Some(description) => update.expression_attribute_values(":description", text(description)),
        None => update,
    };
    update
        .update_expression(format!(
            "SET #name = :name, price = :price, currency = :currency, stock = :stock{described}, {also}{removed}"
        ))
        .expression_attribute_names("#name", "name")
        .expression_attribute_values(":name", text(&new.name))
        .expression_attribute_values(":price", number(new.price.amount))
        .expression_attribute_values(":currency", text(new.price.currency.code()))
        .expression_attribute_values(":stock", number(new.stock.min(MAX_STOCK)))
}

#[async_trait]
impl Catalogue for DynamoCatalogue {
    async fn get(&self, skus: &[Sku]) -> Result<Vec<Product>, Unavailable> {
        // A key that is asked for twice is refused.
        let keys: BTreeSet<&Sku> = skus.iter().collect();
        let keys = keys.into_iter().map(|sku| Item::from([("sku".to_owned(), text(sku))])).collect();
        let items = batch_get(&self.client, &self.table, keys).await?;
        items.iter().filter_map(|item| product(item).transpose()).collect()
    }

    async fn list(&self, page: &PageRequest) -> Result<Page<Product>, ListError> {
        let limit = page.limit.get() as usize;
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_sku")
            .key_condition_expression("listed = :listed")
            .expression_attribute_values(":listed", text(LISTED))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        if let Some(cursor) = &page.cursor {
            let after = Sku::from_cursor(cursor).ok_or(ListError::InvalidCursor)?;
            query = query
                .key_condition_expression("listed = :listed AND sku > :after")
                .expression_attribute_values(":after", text(after));
        }
        let found = query.send().await.map_err(|error| unavailable("Store", &error))?;
        let entries = found.items.unwrap_or_default();
        let skus = entries.iter().map(|entry| read(entry, "sku")).collect::<Result<Vec<Sku>, _>>()?;
        let next = skus.last().filter(|_| found.last_evaluated_key.is_some()).map(Sku::to_cursor);
        let mut items = self.get(&skus).await?;
        items.sort_by(|a, b| a.sku.cmp(&b.sku));
        Ok(Page { items, next })
    }

    async fn create(&self, product: &Product) -> Result<Changed, Unavailable> {
        let also = "reserved = :zero, listed = :listed, version = if_not_exists(version, :zero) + :one";
        let update = set(self.update(&product.sku), product, also)
            .condition_expression("attribute_not_exists(price)")
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":listed", text(LISTED));
        self.change(update, ReturnValue::AllNew, Changed::Conflict).await
    }

    async fn replace(&self, product: &Product, version: u64) -> Result<Changed, Unavailable> {
        let update = set(self.update(&product.sku), product, "version = version + :one")
            .condition_expression(format!("{EXISTS} AND version = :version"))
            .expression_attribute_values(":version", number(version));
        self.change(update, ReturnValue::AllNew, Changed::Conflict).await
    }

    async fn delete(&self, sku: &Sku, version: Option<u64>) -> Result<Changed, Unavailable> {
        let mut condition = format!("{EXISTS} AND reserved = :zero");
        let mut update = self
            .update(sku)
            .update_expression(format!("SET version = version + :one REMOVE {FIELDS}"))
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":zero", number(0));
        if let Some(version) = version {
            condition.push_str(" AND version = :version");
            update = update.expression_attribute_values(":version", number(version));
        }
        self.change(update.condition_expression(condition), ReturnValue::AllOld, |product| match version {
            Some(version) if version != product.version => Changed::Conflict(product),
            _ => Changed::Reserved(product),
        })
        .await
    }

    async fn adjust_stock(&self, sku: &Sku, delta: i64) -> Result<Changed, Unavailable> {
        // Beyond this no stock could take it, whatever it is: a range in which nothing lies.
        let bounded = delta.clamp(-i64::from(MAX_STOCK) - 1, i64::from(MAX_STOCK) + 1);
        let update = self
            .update(sku)
            .update_expression("SET stock = stock + :delta, version = version + :one")
            .condition_expression(format!("{EXISTS} AND stock >= :least AND stock <= :most"))
            .expression_attribute_values(":delta", number(bounded))
            .expression_attribute_values(":least", number(-bounded))
            .expression_attribute_values(":most", number(i64::from(MAX_STOCK) - bounded));
        self.change(update, ReturnValue::AllNew, Changed::OutOfRange).await
    }
}
