//! The product catalogue on SQLite ([`Catalogue`]), and the stock changes that go with an order's write.

use std::sync::Arc;

use async_trait::async_trait;
use orders::ports::{Catalogue, Changed, ListError, Page, PageRequest, Unavailable};
use orders::product::MAX_STOCK;
use orders::{Currency, Money, Product, Sku, StockChange};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::db::{Db, Verdict};

/// The products of one file.
pub struct SqliteCatalogue {
    db: Db,
}

impl SqliteCatalogue {
    /// Over an opened file.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Adds these products to a file that was never given any: all of them, or none.
    ///
    /// # Errors
    /// [`Unavailable`]: none was added; the next start tries again.
    pub async fn seed(&self, products: Vec<Product>) -> Result<(), Unavailable> {
        let job = move |connection: &Connection| {
            let first = connection.execute("INSERT OR IGNORE INTO numbers VALUES ('seeded', 1)", [])? == 1;
            for product in products.iter().filter(|_| first) {
                create(connection, product)?;
            }
            Ok(Verdict::Keep(()))
        };
        self.db.write(job).await
    }

    async fn change(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<Changed> + Send + 'static,
    ) -> Result<Changed, Unavailable> {
        self.db.write(move |connection| job(connection).map(Verdict::Keep)).await
    }
}

const PRODUCT: &str = "sku, name, description, price, currency, stock, reserved, version";

fn product(row: &Row<'_>) -> rusqlite::Result<Product> {
    let invalid =
        |column: usize, why: String| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into());
    let currency = row.get_ref(4)?.as_str()?;
    let version = row.get::<_, i64>(7)?;
    Ok(Product {
        sku: row.get::<_, String>(0)?.try_into().map_err(|error: orders::InvalidId| invalid(0, error.to_string()))?,
        name: row.get(1)?,
        description: row.get(2)?,
        price: Money {
            amount: row.get(3)?,
            currency: Currency::from_code(currency).ok_or_else(|| invalid(4, "not a currency".to_owned()))?,
        },
        stock: row.get(5)?,
        reserved: row.get(6)?,
        version: u64::try_from(version).unwrap_or_default(),
    })
}

fn find(connection: &Connection, sku: &str) -> rusqlite::Result<Option<Product>> {
    let mut select = connection.prepare_cached(&format!("SELECT {PRODUCT} FROM products WHERE sku = ?"))?;
    select.query_row([sku], product).optional()
}

/// Makes the change if it can be made. A product that is gone carries no take, and ignores the rest.
///
/// An editor sets at most [`MAX_STOCK`], so with at most three times that reserved neither number leaves a `u32`.
pub(crate) fn change_stock(connection: &Connection, change: &StockChange) -> rusqlite::Result<bool> {
    match change {
        StockChange::Take { sku, quantity, price } => {
            let sql = "UPDATE products SET stock = stock - ?2, reserved = reserved + ?2, version = version + 1
                       WHERE sku = ?1 AND stock >= ?2 AND price = ?3 AND currency = ?4 AND reserved + ?2 <= 3000000000";
            let mut take = connection.prepare_cached(sql)?;
            take.execute(params![sku.as_str(), quantity, price.amount, price.currency.code()]).map(|taken| taken == 1)
        }
        StockChange::Return { sku, quantity } => {
            let sql = "UPDATE products SET stock = stock + ?2, reserved = max(reserved - ?2, 0), version = version + 1
                       WHERE sku = ?1";
            connection.prepare_cached(sql)?.execute(params![sku.as_str(), quantity]).map(|_| true)
        }
        StockChange::Settle { sku, quantity } => {
            let sql = "UPDATE products SET reserved = max(reserved - ?2, 0), version = version + 1 WHERE sku = ?1";
            connection.prepare_cached(sql)?.execute(params![sku.as_str(), quantity]).map(|_| true)
        }
    }
}

fn create(connection: &Connection, new: &Product) -> rusqlite::Result<Changed> {
    let sql = format!(
        "INSERT INTO products (sku, name, description, price, currency, stock, reserved, version)
         VALUES (?, ?, ?, ?, ?, ?, 0, 1 + (SELECT value FROM numbers WHERE name = 'deleted_version'))
         ON CONFLICT (sku) DO NOTHING RETURNING {PRODUCT}"
    );
    let mut insert = connection.prepare_cached(&sql)?;
    let created = insert.query_row(
        params![
            new.sku.as_str(),
            new.name,
            new.description,
            new.price.amount,
            new.price.currency.code(),
            new.stock.min(MAX_STOCK)
        ],
        product,
    );
    match created.optional()? {
        Some(created) => Ok(Changed::Done(created)),
        None => Ok(find(connection, new.sku.as_str())?.map_or(Changed::Missing, Changed::Conflict)),
    }
}

fn replace(connection: &Connection, new: &Product, version: u64) -> rusqlite::Result<Changed> {
    let Some(old) = find(connection, new.sku.as_str())? else { return Ok(Changed::Missing) };
    if old.version != version {
        return Ok(Changed::Conflict(old));
    }
    let sql = format!(
        "UPDATE products SET name = ?, description = ?, price = ?, currency = ?, stock = ?, version = version + 1
         WHERE sku = ? RETURNING {PRODUCT}"
    );
    let mut update = connection.prepare_cached(&sql)?;
    let replaced = update.query_row(
        params![
            new.name,
            new.description,
            new.price.amount,
            new.price.currency.code(),
            new.stock.min(MAX_STOCK),
            new.sku.as_str()
        ],
        product,
    )?;
    Ok(Changed::Done(replaced))
}

fn delete(connection: &Connection, sku: &str, version: Option<u64>) -> rusqlite::Result<Changed> {
    let Some(old) = find(connection, sku)? else { return Ok(Changed::Missing) };
    if version.is_some_and(|version| version != old.version) {
        return Ok(Changed::Conflict(old));
    }
    if old.reserved > 0 {
        return Ok(Changed::Reserved(old));
    }
    connection.prepare_cached("DELETE FROM products WHERE sku = ?")?.execute([sku])?;
    let floor = "UPDATE numbers SET value = max(value, ?) WHERE name = 'deleted_version'";
    connection.prepare_cached(floor)?.execute([i64::try_from(old.version).unwrap_or(i64::MAX)])?;
    Ok(Changed::Done(old))
}

fn adjust(connection: &Connection, sku: &str, delta: i64) -> rusqlite::Result<Changed> {
    let Some(old) = find(connection, sku)? else { return Ok(Changed::Missing) };
    let stock = i64::from(old.stock).checked_add(delta).and_then(|stock| u32::try_from(stock).ok());
    let Some(stock) = stock.filter(|stock| *stock <= MAX_STOCK) else { return Ok(Changed::OutOfRange(old)) };
    let sql = format!("UPDATE products SET stock = ?, version = version + 1 WHERE sku = ? RETURNING {PRODUCT}");
    let mut update = connection.prepare_cached(&sql)?;
    update.query_row(params![stock, sku], product).map(Changed::Done)
}

#[async_trait]
impl Catalogue for SqliteCatalogue {
    async fn get(&self, skus: &[Sku]) -> Result<Vec<Product>, Unavailable> {
        self.db.read(|connection| {
            let found = skus.iter().map(|sku| find(connection, sku.as_str()));
            found.filter_map(Result::transpose).collect()
        })
    }

    async fn list(&self, page: &PageRequest) -> Result<Page<Product>, ListError> {
        let after = match &page.cursor {
            Some(cursor) => Sku::from_cursor(cursor).ok_or(ListError::InvalidCursor)?.to_string(),
            None => String::new(),
        };
        let limit = i64::from(page.limit.get());
        let list = move |connection: &Connection| -> rusqlite::Result<Vec<Product>> {
            let sql = format!("SELECT {PRODUCT} FROM products WHERE sku > ? ORDER BY sku LIMIT ?");
            connection.prepare_cached(&sql)?.query_map(params![after, limit + 1], product)?.collect()
        };
        let mut items = self.db.scan(list).await?;
        let more = items.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        if more {
            items.pop();
        }
        let next = items.last().filter(|_| more).map(|product| product.sku.to_cursor());
        Ok(Page { items, next })
    }

    async fn create(&self, product: &Product) -> Result<Changed, Unavailable> {
        let product = product.clone();
        self.change(move |connection| create(connection, &product)).await
    }

    async fn replace(&self, product: &Product, version: u64) -> Result<Changed, Unavailable> {
        let product = product.clone();
        self.change(move |connection| replace(connection, &product, version)).await
    }

    async fn delete(&self, sku: &Sku, version: Option<u64>) -> Result<Changed, Unavailable> {
        let sku: Arc<str> = sku.as_str().into();
        self.change(move |connection| delete(connection, &sku, version)).await
    }

    async fn adjust_stock(&self, sku: &Sku, delta: i64) -> Result<Changed, Unavailable> {
        let sku: Arc<str> = sku.as_str().into();
        self.change(move |connection| adjust(connection, &sku, delta)).await
    }
}

#[cfg(test)]
mod tests;
