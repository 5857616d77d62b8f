//! The adapters under test, freshly made.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use orderflow_embedded::{Config, Embedded, Received};
use orders::order::Content;
use orders::ports::*;
use orders::step::QueueName;
use orders::{Currency, Customer, Line, Money, NewOrder, OrderId, Product, Queue, Storefront};

use simulation::memory::clock::ManualClock;
use simulation::memory::faults::Faults;
use simulation::memory::gateway::MemoryGateway;
use simulation::memory::queues::MemoryQueues;
use simulation::memory::store::MemoryStore;
use simulation::memory::workflow::MemoryWorkflow;

/// Receives one message of a queue, if one is visible: its receipt handle.
type Receive = Box<dyn Fn(Queue) -> BoxFuture<'static, Option<String>> + Send + Sync>;
/// The bodies of a queue's messages.
type Bodies = Box<dyn Fn(QueueName) -> BoxFuture<'static, Vec<String>> + Send + Sync>;

pub struct Subject {
    pub orders: Arc<dyn OrderStore>,
    pub catalogue: Arc<dyn Catalogue>,
    pub queues: Arc<dyn Queues>,
    pub workflow: Arc<dyn Workflow>,
    pub gateway: Arc<dyn PaymentGateway>,
    pub bodies: Bodies,
    pub receive: Receive,
    /// Keeps the database's directory.
    pub _directory: Option<tempfile::TempDir>,
}

impl Subject {
    pub fn memory() -> Self {
        let (clock, faults) = (Arc::new(ManualClock::default()), Arc::new(Faults::default()));
        let queues = Arc::new(MemoryQueues::new(clock.clone(), faults.clone()));
        let store = Arc::new(MemoryStore::new(queues.clone(), faults.clone()));
        let (looked_at, received) = (queues.clone(), queues.clone());
        Self {
            orders: store.clone(),
            catalogue: store,
            workflow: Arc::new(MemoryWorkflow::new(queues.clone(), clock.clone(), faults.clone())),
            gateway: Arc::new(MemoryGateway::new(clock, faults)),
            queues,
            bodies: Box::new(move |queue| {
                let bodies = looked_at.messages(queue).into_iter().map(|message| message.body).collect();
                Box::pin(std::future::ready(bodies))
            }),
            receive: Box::new(move |queue| {
                let record = received.receive(queue).records.pop();
                Box::pin(std::future::ready(record.and_then(|record| record.receipt_handle)))
            }),
            _directory: None,
        }
    }

    pub fn sqlite() -> Self {
        let (embedded, directory) = embedded();
        Self::over(&embedded, directory)
    }

    /// Over a database in this directory.
    pub fn over(embedded: &Embedded, directory: tempfile::TempDir) -> Self {
        let (queues, received) = (embedded.queues(), embedded.queues());
        let body = |message: &Received| message.body.to_string();
        Self {
            orders: embedded.orders(),
            catalogue: embedded.catalogue(),
            queues: embedded.queues(),
            workflow: embedded.workflow(),
            gateway: embedded.gateway(),
            bodies: Box::new(move |queue| {
                let bodies = queues.peek(queue, None, 100).unwrap().iter().map(body).collect();
                Box::pin(std::future::ready(bodies))
            }),
            receive: Box::new(move |queue| {
                let queues = received.clone();
                Box::pin(async move {
                    let received = queues.receive(queue.into(), 1, Duration::from_secs(60)).await.unwrap();
                    received.first().map(Received::receipt_handle)
                })
            }),
            _directory: Some(directory),
        }
    }

    /// Receives the message of a worker's queue, if it is visible: its receipt handle.
    pub async fn received(&self, queue: Queue) -> Option<String> {
        (self.receive)(queue).await
    }

    /// The bodies that wait in a worker's queue.
    pub async fn waiting(&self, queue: Queue) -> Vec<String> {
        (self.bodies)(queue.into()).await
    }

    /// The bodies, once there are `count`: Step Functions sends its messages a moment after it was asked.
    pub async fn arrived(&self, queue: Queue, count: usize) -> Vec<String> {
        for _ in 0..200 {
            let waiting = self.waiting(queue).await;
            if waiting.len() >= count {
                return waiting;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{count} messages never came to {queue}")
    }

    pub async fn accepted(&self, order: &NewOrder) -> OrderId {
        assert_eq!(self.orders.accept(order).await.unwrap(), Acceptance::Created);
        order.id.clone()
    }

    pub async fn stocked(&self, sku: &str, stock: u32) -> Product {
        match self.catalogue.create(&product(sku, stock)).await.unwrap() {
            Changed::Done(product) => product,
            other => panic!("{other:?}"),
        }
    }

    pub async fn product(&self, sku: &str) -> Option<Product> {
        self.catalogue.get(&[sku.parse().unwrap()]).await.unwrap().pop()
    }
}

pub fn embedded() -> (Embedded, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { path: directory.path().join("contract.db"), ..Config::default() };
    let definition = include_str!("../../statemachine/order.asl.json");
    (Embedded::open_with(config, definition, Arc::new(SystemClock)).unwrap(), directory)
}

pub fn product(sku: &str, stock: u32) -> Product {
    Product {
        sku: sku.parse().unwrap(),
        name: format!("The {sku}"),
        description: None,
        price: Money::new(1000, Currency::EUR),
        stock,
        reserved: 0,
        version: 0,
    }
}

pub fn order(key: &str) -> NewOrder {
    let storefront: Storefront = "shop".parse().unwrap();
    NewOrder {
        id: OrderId::derive(&storefront, &key.parse().unwrap()),
        storefront,
        placed_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        trace_id: "ab".repeat(16).parse().unwrap(),
        content: Content {
            customer: Customer { id: "c-1".parse().unwrap(), email: "ada@example.com".into(), name: None },
            lines: vec![Line { sku: "MUG".parse().unwrap(), quantity: 2 }],
            currency: Currency::EUR,
            payment_method: "pm_card_visa".into(),
            shipping_address: None,
            expected_total: None,
            metadata: Default::default(),
        },
    }
}
