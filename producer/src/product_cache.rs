//! The products that were read last, for `GET` alone. Nothing is ever decided on what is in here.
//!
//! An entry lives for [`FRESH_FOR`], which is how long a write that goes past this API may stay unseen: a worker's (stock
//! that an order took or gave back), or another process's. What this API writes is seen at once: it goes in with its version,
//! and a slower read of an older version does not replace it.

use std::sync::Arc;
use std::time::Duration;

use moka::ops::compute::Op;
use moka::sync::Cache;
use orders::{Product, Sku};

/// How long an entry lives.
pub(crate) const FRESH_FOR: Duration = Duration::from_secs(1);

const MOST: u64 = 10_000;

/// A bounded cache of products.
#[derive(Clone)]
pub(crate) struct ProductCache(Cache<Sku, Seen>);

#[derive(Clone)]
enum Seen {
    Product(Arc<Product>),
    /// It was deleted at this version.
    Deleted(u64),
}

impl Seen {
    /// Orders what was seen of one SKU: by version, and a deletion comes after the version it deleted.
    fn age(&self) -> (u64, bool) {
        match self {
            Seen::Product(product) => (product.version, false),
            Seen::Deleted(version) => (*version, true),
        }
    }
}

impl ProductCache {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(FRESH_FOR).build())
    }

    /// The product, if it was seen lately.
    pub(crate) fn get(&self, sku: &Sku) -> Option<Arc<Product>> {
        match self.0.get(sku)? {
            Seen::Product(product) => Some(product),
            Seen::Deleted(_) => None,
        }
    }

    /// A product as the store gave it.
    pub(crate) fn saw(&self, product: &Product) {
        self.keep_newer(&product.sku, Seen::Product(Arc::new(product.clone())));
    }

    /// A product that was deleted, as it was then.
    pub(crate) fn saw_deleted(&self, product: &Product) {
        self.keep_newer(&product.sku, Seen::Deleted(product.version));
    }

    fn keep_newer(&self, sku: &Sku, seen: Seen) {
        self.0.entry_by_ref(sku).and_compute_with(|known| match known {
            // An old one is not put again: that would make it live longer.
            Some(known) if known.value().age() >= seen.age() => Op::Nop,
            _ => Op::Put(seen),
        });
    }
}

#[cfg(test)]
mod tests {
    use orders::{Currency, Money};

    use super::*;

    fn mug(version: u64) -> Product {
        let (sku, price) = ("MUG".parse().unwrap(), Money::new(1, Currency::EUR));
        Product { sku, name: "Mug".into(), description: None, price, stock: 1, reserved: 0, version }
    }

    #[test]
    fn a_slow_read_does_not_replace_a_newer_write_nor_bring_a_deleted_product_back() {
        let cache = ProductCache::new();
        let version = || cache.get(&mug(0).sku).map(|product| product.version);
        cache.saw(&mug(2));
        cache.saw(&mug(1));
        assert_eq!(version(), Some(2));
        cache.saw_deleted(&mug(2));
        cache.saw(&mug(2));
        assert_eq!(version(), None);
        cache.saw(&mug(3));
        assert_eq!(version(), Some(3));
    }
}
