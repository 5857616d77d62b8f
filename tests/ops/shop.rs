//! The embedded pipeline in this process, with its workers, on a file that can be opened again as a crash left it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::SqsEvent;
use ops::{Ops, Ports};
use orderflow_embedded::{Config, Durability, Embedded, Function};
use orders::mail::Mail;
use orders::message::{Message as _, TaskToken};
use orders::order::Content;
use orders::ports::ops::{Journal, OpsQueues};
use orders::ports::{
    AnswerError, Catalogue as _, MailError, Mailer, OrderStore as _, Started, SystemClock, Unavailable, Workflow,
};
use orders::step::QueueName;
use orders::{Currency, Customer, Line, Money, NewOrder, OrderId, Product, Queue, Retry, Status, Step, Storefront};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::Instant;
use workers::{
    Backoff, BatchCore, Delivery, DispatchWorker, EmailWorker, InventoryWorker, PaymentWorker, Verdict, Worker,
};

const DEFINITION: &str = include_str!("../../statemachine/order.asl.json");

pub struct Shop {
    directory: TempDir,
    pub embedded: Embedded,
    pub broken: Arc<Broken>,
}

/// What doesn't work now.
#[derive(Default)]
pub struct Broken {
    /// Steps whose worker does nothing.
    pub steps: Mutex<BTreeSet<Step>>,
    /// The mail server doesn't answer.
    pub mail: AtomicBool,
    /// The first answer of each task is lost, after its step was done.
    pub first_answers: AtomicBool,
    answered: Mutex<BTreeSet<String>>,
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
        Self { directory, embedded, broken: Arc::default() }
    }

    /// What `kill -9` leaves: the file and its WAL as they are now, opened elsewhere.
    pub fn killed(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal"] {
            let name = format!("orderflow.db{suffix}");
            std::fs::copy(self.directory.path().join(&name), directory.path().join(&name)).unwrap();
        }
        Self { embedded: embedded(directory.path()), directory, broken: Arc::default() }
    }

    /// Accepts orders, and works while `during` goes on.
    pub async fn work<T>(&self, during: impl Future<Output = T>) -> T {
        let (stop, stopped) = oneshot::channel::<()>();
        let (embedded, functions) = (self.embedded.clone(), functions(&self.embedded, &self.broken));
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
        self.dead_letters_of(Queue::Payments, count).await;
    }

    pub async fn dead_letters_of(&self, queue: Queue, count: usize) {
        self.wait("dead letters", || self.embedded.queues().depth(QueueName::dlq(queue)).visible == count).await;
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

fn functions(embedded: &Embedded, broken: &Arc<Broken>) -> BTreeMap<Queue, Function> {
    let (orders, catalogue) = (embedded.orders(), embedded.catalogue());
    let workflow = Arc::new(Flaky(embedded.workflow(), broken.clone()));
    let mailer = Arc::new(Flaky(embedded.mailbox(), broken.clone()));
    let backoff = Backoff { min: Duration::from_millis(10), max: Duration::from_millis(50) };
    let settings = workers::Settings { max_receive_count: 1, backoff, ..workers::Settings::default() };
    let core = Arc::new(BatchCore::new(embedded.queues(), workflow.clone(), Arc::new(SystemClock), settings));
    BTreeMap::from([
        function(&core, broken, DispatchWorker { orders: orders.clone(), workflow }),
        function(&core, broken, InventoryWorker { orders: orders.clone(), catalogue: catalogue.clone() }),
        function(&core, broken, PaymentWorker { orders: orders.clone(), gateway: embedded.gateway() }),
        function(&core, broken, EmailWorker { orders, catalogue, mailer }),
    ])
}

fn function<W: Worker + 'static>(core: &Arc<BatchCore>, broken: &Arc<Broken>, worker: W) -> (Queue, Function) {
    let (core, worker) = (core.clone(), Arc::new(Flaky(Arc::new(worker), broken.clone())));
    let function: Function = Arc::new(move |event: SqsEvent, deadline| {
        let (core, worker) = (core.clone(), worker.clone());
        Box::pin(async move { Ok(core.run(&*worker, event, deadline).await?) })
    });
    (W::QUEUE, function)
}

/// Something that works but for what is broken.
struct Flaky<T>(Arc<T>, Arc<Broken>);

#[async_trait]
impl<W: Worker> Worker for Flaky<W> {
    const QUEUE: Queue = W::QUEUE;
    type Message = W::Message;

    async fn handle(&self, message: &W::Message, delivery: &Delivery) -> Verdict {
        if self.1.steps.lock().contains(&message.step()) {
            return Verdict::Retry(Retry::new("Unavailable", "a test broke the step"));
        }
        self.0.handle(message, delivery).await
    }
}

#[async_trait]
impl<M: Mailer> Mailer for Flaky<M> {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        if self.1.mail.load(Ordering::SeqCst) {
            return Err(Unavailable::new("Mail", "a test broke the server").into());
        }
        self.0.send(mail).await
    }
}

impl<T> Flaky<T> {
    fn is_lost(&self, token: &TaskToken) -> Result<(), AnswerError> {
        if self.1.first_answers.load(Ordering::SeqCst) && self.1.answered.lock().insert(token.0.clone()) {
            return Err(Unavailable::new("Workflow", "a test lost the answer").into());
        }
        Ok(())
    }
}

#[async_trait]
impl<W: Workflow> Workflow for Flaky<W> {
    async fn start(&self, name: &OrderId, input: &Value) -> Result<Started, Unavailable> {
        self.0.start(name, input).await
    }

    async fn succeed(&self, token: &TaskToken, output: &Value) -> Result<(), AnswerError> {
        self.is_lost(token)?;
        self.0.succeed(token, output).await
    }

    async fn fail(&self, token: &TaskToken, error: &str, cause: &str) -> Result<(), AnswerError> {
        self.is_lost(token)?;
        self.0.fail(token, error, cause).await
    }
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
