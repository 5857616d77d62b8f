//! Orders and products in two maps.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use orders::message::OrdersMessage;
use orders::ports::*;
use orders::product::MAX_STOCK;
use orders::{NewOrder, Order, OrderId, Product, Queue, Sku, StockChange};
use parking_lot::Mutex;

use super::faults::Faults;
use super::queues::MemoryQueues;
use super::told::Told;

/// Orders and products.
pub struct MemoryStore {
    state: Mutex<State>,
    queues: Arc<MemoryQueues>,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct State {
    orders: Vec<Order>,
    kept: Vec<OrderId>,
    products: BTreeMap<Sku, Product>,
    versions: u64,
}

impl State {
    fn order(&mut self, id: &OrderId) -> Option<&mut Order> {
        self.orders.iter_mut().find(|order| order.id() == id)
    }

    fn save(&mut self, mut product: Product) -> Changed {
        self.versions += 1;
        product.version = self.versions;
        self.products.insert(product.sku.clone(), product.clone());
        Changed::Done(product)
    }
}

impl MemoryStore {
    /// Empty; dispatch messages go to `queues`.
    pub fn new(queues: Arc<MemoryQueues>, faults: Arc<Faults>) -> Self {
        Self { state: Mutex::default(), queues, faults }
    }

    /// A copy of every order, in the order of arrival.
    pub fn orders(&self) -> Vec<Order> {
        self.state.lock().orders.clone()
    }

    /// Looks at what there is.
    pub fn look<T>(&self, look: impl FnOnce(&[Order], &BTreeMap<Sku, Product>) -> T) -> T {
        let state = self.state.lock();
        look(&state.orders, &state.products)
    }

    /// Writes down all that is there.
    pub fn fingerprint(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        let state = self.state.lock();
        write!(to, "{:?}{:?}", state.kept, state.products)?;
        state.orders.iter().try_for_each(|order| write!(to, "{}{:?}", order.version, order.progress))
    }

    /// Puts a product into the catalogue: no call.
    pub fn stock(&self, product: Product) {
        self.state.lock().save(product);
    }

    /// The product as it is now.
    pub fn product(&self, sku: &Sku) -> Option<Product> {
        self.state.lock().products.get(sku).cloned()
    }

    /// What stays reserved: never less than nothing.
    fn given_back(&self, product: &Product, quantity: u32) -> u32 {
        product.reserved.checked_sub(quantity).unwrap_or_else(|| {
            let what =
                format!("{} of {} are given back, and {} were reserved", quantity, product.sku, product.reserved);
            match self.faults.schedule() {
                Some(schedule) => schedule.accuse(what),
                None => panic!("{what}"),
            }
            0
        })
    }
}

#[async_trait]
impl OrderStore for MemoryStore {
    async fn accept(&self, order: &NewOrder) -> Result<Acceptance, Unavailable> {
        // Two calls, as on AWS: stored, then queued.
        let mut kept = false;
        let stored = self.faults.call_with(
            "Store.accept",
            || order.id.to_string(),
            || {
                let mut state = self.state.lock();
                kept = state.kept.contains(&order.id);
                Ok::<_, Unavailable>(match state.order(&order.id) {
                    None => {
                        state.orders.push(Order::new(order.clone()));
                        Acceptance::Created
                    }
                    Some(stored) if stored.placed.content == order.content => Acceptance::Repeated,
                    Some(_) => Acceptance::KeyReused,
                })
            },
        );
        let acceptance = stored.await?;
        if acceptance != Acceptance::KeyReused && !kept {
            let queued = self.faults.call_with(
                "Queues.send",
                || format!("Dispatch of {}", order.id),
                || {
                    let body = OrdersMessage::dispatch(order.id.clone(), order.trace_id.clone()).body();
                    self.queues.put(Queue::Orders.into(), Outgoing { body, ..Outgoing::default() });
                    Ok::<_, Unavailable>(())
                },
            );
            queued.await?;
        }
        Ok(acceptance)
    }

    async fn keep(&self, id: &OrderId) -> Result<bool, Unavailable> {
        self.faults
            .call_with(
                "Store.keep",
                || id.to_string(),
                || {
                    let mut state = self.state.lock();
                    let exists = state.order(id).is_some();
                    if exists && !state.kept.contains(id) {
                        state.kept.push(id.clone());
                    }
                    Ok(exists)
                },
            )
            .await
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>, Unavailable> {
        self.faults.call_with("Store.get", || id.to_string(), || Ok(self.state.lock().order(id).cloned())).await
    }

    async fn list(&self, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, ListError> {
        self.faults
            .call("Store.list", || {
                let state = self.state.lock();
                let end = match &page.cursor {
                    None => state.orders.len(),
                    Some(cursor) => {
                        cursor.parse().ok().filter(|at| *at <= state.orders.len()).ok_or(ListError::InvalidCursor)?
                    }
                };
                let fits = |order: &Order| {
                    filter.storefront.as_ref().is_none_or(|storefront| order.placed.storefront == *storefront)
                        && filter.status.is_none_or(|status| order.progress.status == status)
                        && filter.customer.as_ref().is_none_or(|customer| order.placed.content.customer.id == *customer)
                };
                let mut found = state.orders[..end].iter().enumerate().rev().filter(|(_, order)| fits(order));
                let items: Vec<_> = found.by_ref().take(page.limit.get() as usize).collect();
                let next = found.next().and(items.last()).map(|(index, _)| index.to_string());
                Ok(Page { items: items.into_iter().map(|(_, order)| order.clone()).collect(), next })
            })
            .await
    }

    async fn update(&self, order: &Order, stock: &[StockChange]) -> Result<Saved, Unavailable> {
        self.faults
            .call_with(
                "Store.update",
                || format!("{}: {}", order.id(), order.told()),
                || {
                    let mut state = self.state.lock();
                    if state.order(order.id()).is_none_or(|stored| stored.version != order.version) {
                        return Ok(Saved::Conflict);
                    }
                    let (mut products, mut version) = (state.products.clone(), state.versions);
                    for change in stock {
                        version += 1;
                        match change {
                            StockChange::Take { sku, quantity, price } => {
                                let Some(product) = products.get_mut(sku) else { return Ok(Saved::Conflict) };
                                if product.price != *price || product.stock < *quantity {
                                    return Ok(Saved::Conflict);
                                }
                                product.stock -= quantity;
                                product.reserved += quantity;
                                product.version = version;
                            }
                            StockChange::Return { sku, quantity } => {
                                if let Some(product) = products.get_mut(sku) {
                                    product.stock += quantity;
                                    product.reserved = self.given_back(product, *quantity);
                                    product.version = version;
                                }
                            }
                            StockChange::Settle { sku, quantity } => {
                                if let Some(product) = products.get_mut(sku) {
                                    product.reserved = self.given_back(product, *quantity);
                                }
                            }
                        }
                    }
                    (state.products, state.versions) = (products, version);
                    let stored = state.order(order.id()).unwrap();
                    stored.progress = order.progress.clone();
                    stored.version += 1;
                    Ok(Saved::Saved)
                },
            )
            .await
    }
}

#[async_trait]
impl Catalogue for MemoryStore {
    async fn get(&self, skus: &[Sku]) -> Result<Vec<Product>, Unavailable> {
        self.faults
            .call("Catalogue.get", || {
                let state = self.state.lock();
                Ok(skus.iter().filter_map(|sku| state.products.get(sku).cloned()).collect())
            })
            .await
    }

    async fn list(&self, page: &PageRequest) -> Result<Page<Product>, ListError> {
        self.faults
            .call("Catalogue.list", || {
                let after: Option<Sku> = match &page.cursor {
                    None => None,
                    Some(cursor) => Some(Sku::from_cursor(cursor).ok_or(ListError::InvalidCursor)?),
                };
                let state = self.state.lock();
                let mut rest =
                    state.products.values().filter(|product| after.as_ref().is_none_or(|after| product.sku > *after));
                let items: Vec<_> = rest.by_ref().take(page.limit.get() as usize).cloned().collect();
                let next = rest.next().and(items.last()).map(|product| product.sku.to_cursor());
                Ok(Page { items, next })
            })
            .await
    }

    async fn create(&self, product: &Product) -> Result<Changed, Unavailable> {
        self.faults
            .call("Catalogue.create", || {
                let mut state = self.state.lock();
                Ok(match state.products.get(&product.sku) {
                    Some(present) => Changed::Conflict(present.clone()),
                    None => state.save(Product { reserved: 0, ..product.clone() }),
                })
            })
            .await
    }

    async fn replace(&self, product: &Product, version: u64) -> Result<Changed, Unavailable> {
        self.faults
            .call("Catalogue.replace", || {
                let mut state = self.state.lock();
                Ok(match state.products.get(&product.sku) {
                    None => Changed::Missing,
                    Some(present) if present.version != version => Changed::Conflict(present.clone()),
                    Some(present) => {
                        let reserved = present.reserved;
                        state.save(Product { reserved, ..product.clone() })
                    }
                })
            })
            .await
    }

    async fn delete(&self, sku: &Sku, version: Option<u64>) -> Result<Changed, Unavailable> {
        self.faults
            .call("Catalogue.delete", || {
                let mut state = self.state.lock();
                Ok(match state.products.get(sku) {
                    None => Changed::Missing,
                    Some(present) if version.is_some_and(|version| version != present.version) => {
                        Changed::Conflict(present.clone())
                    }
                    Some(present) if present.reserved > 0 => Changed::Reserved(present.clone()),
                    Some(_) => Changed::Done(state.products.remove(sku).unwrap()),
                })
            })
            .await
    }

    async fn adjust_stock(&self, sku: &Sku, delta: i64) -> Result<Changed, Unavailable> {
        self.faults
            .call("Catalogue.adjust_stock", || {
                let mut state = self.state.lock();
                let Some(present) = state.products.get(sku).cloned() else { return Ok(Changed::Missing) };
                let stock = i64::from(present.stock).checked_add(delta).and_then(|stock| u32::try_from(stock).ok());
                Ok(match stock.filter(|stock| *stock <= MAX_STOCK) {
                    Some(stock) => state.save(Product { stock, ..present }),
                    None => Changed::OutOfRange(present),
                })
            })
            .await
    }
}
