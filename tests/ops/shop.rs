//! The embedded pipeline in this process, with its workers, on a file that can be opened again as a crash left it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use ops::{Ops, Ports};
use orderflow_embedded::{Config, Durability, Embedded, Function};
use orders::order::Content;
use orders::ports::ops::{Journal, OpsQueues};
use orders::ports::{Catalogue as _, OrderStore as _, SystemClock};
use orders::step::QueueName;
use orders::{Currency, Customer, Line, Money, NewOrder, OrderId, Product, Queue, Status, Storefront};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::Instant;
use workers::{Backoff, BatchCore, DispatchWorker, EmailWorker, InventoryWorker, PaymentWorker, Worker};

const DEFINITION: &str = include_str!("../../statemachine/order.asl.json");

pub struct Shop {
    directory: TempDir,
    pub embedded: Embedded,
}

impl Shop {
    pub async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let embedded = embedded(directory.path());
        let mug = Product {
            sku: "MUG".parse().unwrap(),
            name: "Mug".into(),
            description: None,
            price: Money::new(1000, Currency::EUR),
            stock: 1000,
            reserved: 0,
            version: 0,
        };
        embedded.catalogue().create(&mug).await.unwrap();
        Self { directory, embedded }
    }

    /// What `kill -9` leaves: the file and its WAL as they are now, opened elsewhere.
    pub fn killed(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal"] {
            let name = format!("orderflow.db{suffix}");
            std::fs::copy(self.directory.path().join(&name), directory.path().join(&name)).unwrap();
        }
        Self { embedded: embedded(directory.path()), directory }
    }

    /// Accepts orders, and works while `during` goes on.
    pub async fn work<T>(&self, during: impl Future<Output = T>) -> T {
        let (stop, stopped) = oneshot::channel::<()>();
        let (embedded, functions) = (self.embedded.clone(), functions(&self.embedded));
        let working = tokio::spawn(async move {
            embedded.run(functions, async { drop(stopped.await) }).await;
        });
        let given = during.await;
        drop(stop);
        working.await.unwrap();
        given
    }

    pub async fn accept(&self, count: usize) -> Vec<OrderId> {
        let mut ids = Vec::new();
        for number in 0..count {
            let order = order(&format!("k{number}"));
            self.embedded.orders().accept(&order).await.unwrap();
            ids.push(order.id);
        }
        ids
    }

    /// Until so many are dead letters of `payments`.
    pub async fn dead_letters(&self, count: usize) {
        self.wait("dead letters", || self.embedded.queues().depth(QueueName::dlq(Queue::Payments)).visible == count)
            .await;
    }

    /// Until every one of these orders is final, and no message waits.
    pub async fn quiet(&self, ids: &[OrderId]) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let mut open = 0;
            for id in ids {
                open += usize::from(!self.status(id).await.is_final());
            }
            if open == 0 && self.embedded.backlog() == 0 {
                return;
            }
            assert!(Instant::now() < end, "{open} orders are not final, {} messages wait", self.embedded.backlog());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !holds() {
            assert!(Instant::now() < end, "{what}: {:?}", self.embedded.queue_status());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub async fn status(&self, id: &OrderId) -> Status {
        self.embedded.orders().get(id).await.unwrap().unwrap().progress.status
    }

    pub fn ports(&self) -> Ports {
        Ports {
            queues: self.embedded.ops_queues(),
            orders: self.embedded.orders(),
            executions: self.embedded.workflow(),
            journal: self.embedded.journal(),
            changes: Some(self.embedded.changes()),
            backups: Some(Arc::new(self.embedded.db().clone())),
            clock: Arc::new(SystemClock),
        }
    }

    pub fn ops(&self) -> Ops {
        Ops::new(self.ports(), "night")
    }

    /// The operations over other queues and another journal.
    pub fn ops_over(&self, queues: Arc<dyn OpsQueues>, journal: Arc<dyn Journal>) -> Ops {
        Ops::new(Ports { queues, journal, ..self.ports() }, "night")
    }
}

fn embedded(directory: &Path) -> Embedded {
    let mut config = Config::at(directory.join("orderflow.db"));
    config.durability = Durability::Normal;
    config.max_receive_count = 1;
    Embedded::open_with(config, DEFINITION, Arc::new(SystemClock)).unwrap()
}

fn functions(embedded: &Embedded) -> BTreeMap<Queue, Function> {
    let (orders, catalogue, workflow) = (embedded.orders(), embedded.catalogue(), embedded.workflow());
    let backoff = Backoff { min: Duration::from_millis(10), max: Duration::from_millis(50) };
    let settings = workers::Settings { max_receive_count: 1, backoff, ..workers::Settings::default() };
    let core = Arc::new(BatchCore::new(embedded.queues(), workflow.clone(), Arc::new(SystemClock), settings));
    BTreeMap::from([
        function(&core, DispatchWorker { orders: orders.clone(), workflow }),
        function(&core, InventoryWorker { orders: orders.clone(), catalogue: catalogue.clone() }),
        function(&core, PaymentWorker { orders: orders.clone(), gateway: embedded.gateway() }),
        function(&core, EmailWorker { orders, catalogue, mailer: embedded.mailbox() }),
    ])
}

fn function<W: Worker + 'static>(core: &Arc<BatchCore>, worker: W) -> (Queue, Function) {
    let (core, worker) = (core.clone(), Arc::new(worker));
    let function: Function = Arc::new(move |event: SqsEvent, deadline| {
        let (core, worker) = (core.clone(), worker.clone());
        Box::pin(async move { Ok(core.run(&*worker, event, deadline).await?) })
    });
    (W::QUEUE, function)
}

pub fn order(key: &str) -> NewOrder {
    let storefront: Storefront = "shop".parse().unwrap();
    NewOrder {
        id: OrderId::derive(&storefront, &key.parse().unwrap()),
        storefront,
        placed_at: jiff::Timestamp::now(),
        trace_id: "ab".repeat(16).parse().unwrap(),
        content: Content {
            customer: Customer { id: "c-1".parse().unwrap(), email: "ada@example.com".into(), name: None },
            lines: vec![Line { sku: "MUG".parse().unwrap(), quantity: 1 }],
            currency: Currency::EUR,
            payment_method: "pm_card_visa".into(),
            shipping_address: None,
            expected_total: None,
            metadata: BTreeMap::default(),
        },
    }
}
