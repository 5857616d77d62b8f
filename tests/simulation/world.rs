//! One pipeline in memory: the real workers, the real batch core, the real engine and definition, on a virtual clock.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsBatchResponse;
use jiff::{SignedDuration, Timestamp};
use orders::mail::MailKind;
use orders::order::Content;
use orders::ports::{Acceptance, Catalogue, Clock, OrderStore, Saved};
use orders::{Currency, Customer, Line, Money, NewOrder, Order, OrderId, Product, Queue, Status};
use statemachine::ExecutionStatus;
use tokio::time::Instant;
use workers::{BatchCore, DispatchWorker, EmailWorker, InventoryWorker, PaymentWorker, Settings, Worker};

use crate::memory::clock::ManualClock;
use crate::memory::faults::Faults;
use crate::memory::gateway::MemoryGateway;
use crate::memory::mailer::{DEAD_ADDRESS, MemoryMailer};
use crate::memory::queues::MemoryQueues;
use crate::memory::store::MemoryStore;
use crate::memory::workflow::MemoryWorkflow;

pub const STOCK: u32 = 10;
pub const PRICE: i64 = 1299;

pub struct World {
    pub clock: Arc<ManualClock>,
    pub faults: Arc<Faults>,
    pub queues: Arc<MemoryQueues>,
    pub store: Arc<MemoryStore>,
    pub gateway: Arc<MemoryGateway>,
    pub mailer: Arc<MemoryMailer>,
    pub workflow: Arc<MemoryWorkflow>,
    core: BatchCore,
}

impl World {
    pub async fn new() -> Self {
        let (clock, faults) = (Arc::new(ManualClock::default()), Arc::new(Faults::default()));
        let queues = Arc::new(MemoryQueues::new(clock.clone(), faults.clone()));
        let store = Arc::new(MemoryStore::new(queues.clone(), faults.clone()));
        let gateway = Arc::new(MemoryGateway::new(clock.clone(), faults.clone()));
        let mailer = Arc::new(MemoryMailer::new(faults.clone()));
        let workflow = Arc::new(MemoryWorkflow::new(queues.clone(), clock.clone(), faults.clone()));
        let settings = Settings { concurrency: 1, ..Settings::default() };
        let core = BatchCore::new(queues.clone(), workflow.clone(), clock.clone(), settings);
        let mug = Product {
            sku: "MUG".parse().unwrap(),
            name: "Mug".into(),
            description: None,
            price: Money::new(PRICE, Currency::EUR),
            stock: STOCK,
            reserved: 0,
            version: 0,
        };
        store.create(&mug).await.unwrap();
        Self { clock, faults, queues, store, gateway, mailer, workflow, core }
    }

    /// Posts an order as the API would.
    pub async fn post(&self, key: &str, change: impl FnOnce(&mut Content)) -> OrderId {
        let mut content = Content {
            customer: Customer {
                id: "c-1".parse().unwrap(),
                email: "ada@example.com".into(),
                name: Some("Ada".into()),
            },
            lines: vec![Line { sku: "MUG".parse().unwrap(), quantity: 2 }],
            currency: Currency::EUR,
            payment_method: "pm_card_visa".into(),
            shipping_address: None,
            expected_total: None,
            metadata: Default::default(),
        };
        change(&mut content);
        let storefront: orders::Storefront = "shop".parse().unwrap();
        let id = OrderId::derive(&storefront, &key.parse().unwrap());
        let placed_at = self.clock.now();
        let order =
            NewOrder { id: id.clone(), storefront, placed_at, trace_id: "ab".repeat(16).parse().unwrap(), content };
        assert_eq!(self.store.accept(&order).await.unwrap(), Acceptance::Created);
        id
    }

    pub fn order(&self, id: &OrderId) -> Order {
        self.store.orders().into_iter().find(|order| order.id() == id).unwrap()
    }

    /// Cancels as the API would; false if it is too late.
    pub async fn cancel(&self, id: &OrderId) -> bool {
        loop {
            let mut order = self.order(id);
            if order.request_cancel(self.clock.now()).is_err() {
                return false;
            }
            if self.store.update(&order, &[]).await == Ok(Saved::Saved) {
                return true;
            }
        }
    }

    /// Delivers what is visible and fires what is due, once. True if there was anything.
    pub async fn turn(&self) -> bool {
        self.workflow.fire_timers();
        let mut any = false;
        for queue in Queue::ALL {
            any |= self.deliver_from(*queue).await;
        }
        any
    }

    /// Delivers one batch of the queue's visible messages. True if there was one.
    pub async fn deliver_from(&self, queue: Queue) -> bool {
        let (orders, catalogue) = (self.store.clone(), self.store.clone());
        match queue {
            Queue::Orders => self.deliver(&DispatchWorker { orders, workflow: self.workflow.clone() }).await,
            Queue::Inventory => self.deliver(&InventoryWorker { orders, catalogue }).await,
            Queue::Payments => self.deliver(&PaymentWorker { orders, gateway: self.gateway.clone() }).await,
            Queue::Emails => self.deliver(&EmailWorker { orders, catalogue, mailer: self.mailer.clone() }).await,
        }
    }

    async fn deliver<W: Worker>(&self, worker: &W) -> bool {
        let event = self.queues.receive(W::QUEUE);
        if event.records.is_empty() {
            return false;
        }
        let ids: Vec<String> = event.records.iter().filter_map(|record| record.message_id.clone()).collect();
        let deadline = Instant::now() + Duration::from_secs(30);
        // A crash outside a worker takes the whole batch with it: nothing is deleted.
        let run = std::panic::AssertUnwindSafe(self.core.run(worker, event, deadline));
        if let Ok(Ok(SqsBatchResponse { batch_item_failures, .. })) = futures::FutureExt::catch_unwind(run).await {
            for id in ids {
                if !batch_item_failures.iter().any(|failure| failure.item_identifier == id) {
                    self.queues.delete(W::QUEUE.into(), &id);
                }
            }
        }
        true
    }

    /// Runs until nothing is left to do, or `limit` of virtual time has passed.
    pub async fn run_for(&self, limit: SignedDuration) {
        let end = self.clock.now() + limit;
        loop {
            if self.turn().await {
                continue;
            }
            let next: Option<Timestamp> =
                self.queues.next_visible().into_iter().chain(self.workflow.next_timer()).min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.clock.advance_to(next),
                None => return self.clock.advance_to(end),
            }
        }
    }

    /// Runs to the end, replaying dead letters as ops would, for up to a year of virtual time.
    pub async fn run(&self) {
        for _ in 0..1000 {
            self.run_for(SignedDuration::from_hours(12)).await;
            for queue in Queue::ALL {
                self.queues.redrive(*queue);
            }
            if self.queues.next_visible().is_none() && self.workflow.next_timer().is_none() {
                return;
            }
        }
        panic!("it never ends");
    }

    /// DESIGN.md 5: what is always true of an order whose execution ended.
    pub fn check(&self, id: &OrderId) {
        let order = self.order(id);
        let progress = &order.progress;
        assert!(progress.status.is_final(), "not final: {order:?}");
        let confirmed = progress.status == Status::Confirmed;
        let owed = if confirmed { progress.total.unwrap().amount } else { 0 };
        assert_eq!(self.gateway.kept(id), owed, "money: {order:?}");
        assert!(self.gateway.captures(id) <= 1, "charged twice: {order:?}");

        let product = self.store.product(&"MUG".parse().unwrap()).unwrap();
        let sold: u32 =
            self.store.orders().iter().filter(|order| order.progress.status == Status::Confirmed).map(quantity).sum();
        assert_eq!((product.stock + sold, product.reserved), (STOCK, 0), "stock: {order:?}");

        self.workflow.with_run(id, |run| {
            let run = run.expect("an execution");
            let outcome = run.outcome.as_ref().expect("an ended execution");
            assert_eq!(outcome.status, ExecutionStatus::Succeeded, "{outcome:?}");
            assert_eq!(outcome.output.as_ref().unwrap()["status"], progress.status.name());
            let told = serde_json::to_string(&run.history).unwrap();
            assert!(!told.contains("ada@example.com") && !told.contains("Ada"), "personal data in the history");
        });

        let mails = (self.mailer.sent(id, MailKind::Confirmation), self.mailer.sent(id, MailKind::Rejection));
        let (told, contrary) = if confirmed { mails } else { (mails.1, mails.0) };
        assert_eq!(contrary, 0, "a mail that says the contrary: {order:?}");
        let mail = progress.mail.as_ref();
        let sent = mail.is_some_and(|mail| mail.result == Some(orders::mail::MailResult::Sent));
        assert!(!sent || told >= 1, "no mail: {order:?}");
        assert!(told as u32 <= mail.map_or(0, |mail| mail.attempts), "more mails than attempts: {order:?}");
        assert!(
            order.placed.content.customer.email == DEAD_ADDRESS
                || sent
                || mail.is_none_or(|mail| mail.result.is_some())
        );
    }
}

fn quantity(order: &Order) -> u32 {
    order.placed.content.lines.iter().map(|line| line.quantity).sum()
}
