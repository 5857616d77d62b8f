//! The ports in memory, with switches for what goes wrong.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use orders::order::NewOrder;
use orders::ports::*;
use orders::product::MAX_STOCK;
use orders::{Order, OrderId, Product, Sku, StockChange};

#[derive(Default)]
pub struct Memory {
    pub orders: Mutex<BTreeMap<OrderId, Order>>,
    pub products: Mutex<BTreeMap<Sku, Product>>,
    versions: AtomicUsize,
    pub reads: AtomicUsize,
    /// How often an order was to be accepted.
    pub accepts: AtomicUsize,
    pub unavailable: AtomicBool,
    pub panics: AtomicBool,
    pub hangs: AtomicBool,
    /// So many of the next updates find that somebody else wrote before.
    pub conflicts: AtomicUsize,
}

impl Memory {
    async fn reach(&self) -> Result<(), Unavailable> {
        self.reads.fetch_add(1, SeqCst);
        if self.panics.load(SeqCst) {
            panic!("the store is broken");
        }
        if self.hangs.load(SeqCst) {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        if self.unavailable.load(SeqCst) { Err(Unavailable::new("Store", "switched off")) } else { Ok(()) }
    }

    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, SeqCst) as u64 + 1
    }

    pub fn change(&self, id: &str, change: impl FnOnce(&mut Order)) {
        change(self.orders.lock().unwrap().get_mut(&id.parse().unwrap()).unwrap());
    }

    pub fn change_product(&self, sku: &str, change: impl FnOnce(&mut Product)) {
        let mut products = self.products.lock().unwrap();
        let product = products.get_mut(&sku.parse().unwrap()).unwrap();
        change(product);
        product.version = self.next_version();
    }
}

/// A cursor is the place of the next item.
fn page<T>(items: Vec<T>, request: &PageRequest) -> Result<Page<T>, ListError> {
    let start = match &request.cursor {
        None => 0,
        Some(cursor) => cursor.parse::<usize>().map_err(|_| ListError::InvalidCursor)?,
    };
    let end = start + request.limit.get() as usize;
    let next = (end < items.len()).then(|| end.to_string());
    Ok(Page { items: items.into_iter().skip(start).take(request.limit.get() as usize).collect(), next })
}

#[async_trait]
impl OrderStore for Memory {
    async fn accept(&self, order: &NewOrder) -> Result<Acceptance, Unavailable> {
        self.reach().await?;
        self.accepts.fetch_add(1, SeqCst);
        let mut orders = self.orders.lock().unwrap();
        match orders.get(&order.id) {
            Some(known) if known.placed.content.fingerprint() == order.content.fingerprint() => {
                Ok(Acceptance::Repeated)
            }
            Some(_) => Ok(Acceptance::KeyReused),
            None => {
                orders.insert(order.id.clone(), Order::new(order.clone()));
                Ok(Acceptance::Created)
            }
        }
    }

    async fn keep(&self, id: &OrderId) -> Result<bool, Unavailable> {
        Ok(self.orders.lock().unwrap().contains_key(id))
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>, Unavailable> {
        self.reach().await?;
        Ok(self.orders.lock().unwrap().get(id).cloned())
    }

    async fn list(&self, filter: &OrderFilter, request: &PageRequest) -> Result<Page<Order>, ListError> {
        self.reach().await?;
        let orders = self.orders.lock().unwrap();
        let matching = orders.values().filter(|order| {
            filter.storefront.as_ref().is_none_or(|wanted| *wanted == order.placed.storefront)
                && filter.status.is_none_or(|wanted| wanted == order.progress.status)
                && filter.customer.as_ref().is_none_or(|wanted| *wanted == order.placed.content.customer.id)
        });
        page(matching.cloned().collect(), request)
    }

    async fn update(&self, order: &Order, _: &[StockChange]) -> Result<Saved, Unavailable> {
        self.reach().await?;
        if self.conflicts.load(SeqCst) > 0 {
            self.conflicts.fetch_sub(1, SeqCst);
            return Ok(Saved::Conflict);
        }
        let mut orders = self.orders.lock().unwrap();
        let stored = orders.get_mut(order.id()).unwrap();
        if stored.version != order.version {
            return Ok(Saved::Conflict);
        }
        *stored = Order { version: order.version + 1, ..order.clone() };
        Ok(Saved::Saved)
    }
}

#[async_trait]
impl Catalogue for Memory {
    async fn get(&self, skus: &[Sku]) -> Result<Vec<Product>, Unavailable> {
        self.reach().await?;
        let products = self.products.lock().unwrap();
        Ok(skus.iter().filter_map(|sku| products.get(sku).cloned()).collect())
    }

    async fn list(&self, request: &PageRequest) -> Result<Page<Product>, ListError> {
        self.reach().await?;
        page(self.products.lock().unwrap().values().cloned().collect(), request)
    }

    async fn create(&self, product: &Product) -> Result<Changed, Unavailable> {
        self.reach().await?;
        let mut products = self.products.lock().unwrap();
        if let Some(known) = products.get(&product.sku) {
            return Ok(Changed::Conflict(known.clone()));
        }
        let product = Product { version: self.next_version(), reserved: 0, ..product.clone() };
        products.insert(product.sku.clone(), product.clone());
        Ok(Changed::Done(product))
    }

    async fn replace(&self, product: &Product, version: u64) -> Result<Changed, Unavailable> {
        self.reach().await?;
        let mut products = self.products.lock().unwrap();
        let Some(known) = products.get_mut(&product.sku) else { return Ok(Changed::Missing) };
        if known.version != version {
            return Ok(Changed::Conflict(known.clone()));
        }
        *known = Product { version: self.next_version(), reserved: known.reserved, ..product.clone() };
        Ok(Changed::Done(known.clone()))
    }

    async fn delete(&self, sku: &Sku, version: Option<u64>) -> Result<Changed, Unavailable> {
        self.reach().await?;
        let mut products = self.products.lock().unwrap();
        let Some(known) = products.get(sku).cloned() else { return Ok(Changed::Missing) };
        if version.is_some_and(|version| version != known.version) {
            return Ok(Changed::Conflict(known));
        }
        if known.reserved > 0 {
            return Ok(Changed::Reserved(known));
        }
        products.remove(sku);
        Ok(Changed::Done(known))
    }

    async fn adjust_stock(&self, sku: &Sku, delta: i64) -> Result<Changed, Unavailable> {
        self.reach().await?;
        let mut products = self.products.lock().unwrap();
        let Some(known) = products.get_mut(sku) else { return Ok(Changed::Missing) };
        match u32::try_from(i64::from(known.stock) + delta).ok().filter(|stock| *stock <= MAX_STOCK) {
            None => Ok(Changed::OutOfRange(known.clone())),
            Some(stock) => {
                (known.stock, known.version) = (stock, self.next_version());
                Ok(Changed::Done(known.clone()))
            }
        }
    }
}

/// Always the same time.
pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-05-05T12:00:00Z".parse().unwrap()
    }
}
