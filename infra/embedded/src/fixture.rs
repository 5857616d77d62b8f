//! What the unit tests share: a pipeline in a temporary directory, an order, a definition.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use orders::order::Content;
use orders::ports::Clock;
use orders::{Currency, Customer, IdempotencyKey, Line, Money, NewOrder, OrderId, Product, Storefront};
use tempfile::TempDir;

use crate::{Config, Durability, Embedded, ManualClock};

/// The real definition.
pub(crate) const DEFINITION: &str = include_str!("../../../statemachine/order.asl.json");

/// A pipeline that can be closed, killed and opened again, on a clock that is set by hand.
pub(crate) struct Pipeline {
    pub(crate) directory: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) config: Config,
}

impl Pipeline {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::at(directory.path().join("orderflow.db"));
        config.durability = Durability::Normal;
        let start = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        Self { directory, clock: Arc::new(ManualClock::at(start)), config }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.config.path.clone()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    pub(crate) fn open(&self) -> Embedded {
        self.open_with(DEFINITION)
    }

    pub(crate) fn open_with(&self, definition: &str) -> Embedded {
        Embedded::open_with(self.config.clone(), definition, self.clock()).unwrap()
    }

    /// What a power cut would leave: the file and its WAL as they are now, opened elsewhere.
    pub(crate) fn crashed(&self) -> Pipeline {
        let directory = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal"] {
            let name = format!("orderflow.db{suffix}");
            std::fs::copy(self.directory.path().join(&name), directory.path().join(&name)).unwrap();
        }
        let config = Config { path: directory.path().join("orderflow.db"), ..self.config.clone() };
        Pipeline { directory, clock: Arc::clone(&self.clock), config }
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The order of this idempotency key.
pub(crate) fn order(key: &str) -> NewOrder {
    let storefront: Storefront = "shop".parse().unwrap();
    let key: IdempotencyKey = key.parse().unwrap();
    NewOrder {
        id: OrderId::derive(&storefront, &key),
        storefront,
        placed_at: Timestamp::UNIX_EPOCH,
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(),
        content: Content {
            customer: Customer {
                id: "c-1".parse().unwrap(),
                email: "ada@example.com".to_owned(),
                name: Some("Ada".to_owned()),
            },
            lines: vec![Line { sku: "TEA-1".parse().unwrap(), quantity: 2 }],
            currency: Currency::EUR,
            payment_method: "pm_card_visa".to_owned(),
            shipping_address: None,
            expected_total: None,
            metadata: std::collections::BTreeMap::new(),
        },
    }
}

/// What the order's line asks for.
pub(crate) fn tea(stock: u32) -> Product {
    Product {
        sku: "TEA-1".parse().unwrap(),
        name: "Tea".to_owned(),
        description: None,
        price: Money::new(1299, Currency::EUR),
        stock,
        reserved: 0,
        version: 0,
    }
}
