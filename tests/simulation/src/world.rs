//! One pipeline in memory: the real workers, the real batch core, the real engine and definition, on a virtual clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::{SignedDuration, Timestamp};
use orders::mail::MailKind;
use orders::order::Content;
use orders::ports::{Acceptance, Clock, OrderStore, Saved};
use orders::{Currency, Customer, Line, Money, NewOrder, Order, OrderId, Product, Queue, Sku, Status};
use statemachine::ExecutionStatus;
use tokio::time::Instant;
use workers::{BatchCore, DispatchWorker, EmailWorker, InventoryWorker, PaymentWorker, Settings, Worker};

use crate::memory::clock::{ManualClock, SkewedClock};
use crate::memory::faults::Faults;
use crate::memory::gateway::MemoryGateway;
use crate::memory::mailer::{DEAD_ADDRESS, MemoryMailer};
use crate::memory::queues::{MAX_RECEIVE_COUNT, MemoryQueues};
use crate::memory::store::MemoryStore;
use crate::memory::workflow::MemoryWorkflow;

/// How many mugs there are.
pub const STOCK: u32 = 10;
/// What one costs.
pub const PRICE: i64 = 1299;

/// The pipeline, and the world around it.
pub struct World {
    /// Its time.
    pub clock: Arc<ManualClock>,
    /// The way of every port call.
    pub faults: Arc<Faults>,
    /// The queues.
    pub queues: Arc<MemoryQueues>,
    /// Orders and products.
    pub store: Arc<MemoryStore>,
    /// The payment gateway.
    pub gateway: Arc<MemoryGateway>,
    /// The mail service.
    pub mailer: Arc<MemoryMailer>,
    /// The executions.
    pub workflow: Arc<MemoryWorkflow>,
    cores: [BatchCore; SKEWS.len()],
}

/// How far a machine's clock may be from the others', in hours: index 0 is right.
const SKEWS: [i64; 3] = [0, -2, 2];

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Where one delivery is handled at a time.
    pub fn new() -> Self {
        Self::over(Faults::default(), MAX_RECEIVE_COUNT, &[STOCK])
    }

    /// With a way of its own for port calls, a redrive policy, and so many of each product.
    pub fn over(faults: Faults, max_receive_count: u32, stock: &[u32]) -> Self {
        let (clock, faults) = (Arc::new(ManualClock::default()), Arc::new(faults));
        let queues = Arc::new(MemoryQueues::with_max_receive_count(max_receive_count, clock.clone(), faults.clone()));
        let store = Arc::new(MemoryStore::new(queues.clone(), faults.clone()));
        let gateway = Arc::new(MemoryGateway::new(clock.clone(), faults.clone()));
        let mailer = Arc::new(MemoryMailer::new(faults.clone()));
        let workflow = Arc::new(MemoryWorkflow::new(queues.clone(), clock.clone(), faults.clone()));
        let concurrency = if faults.schedule().is_some() { 10 } else { 1 };
        let settings = Settings { concurrency, max_receive_count, ..Settings::default() };
        let cores = SKEWS.map(|hours| {
            let clock = Arc::new(SkewedClock::new(clock.clone(), SignedDuration::from_hours(hours)));
            BatchCore::new(queues.clone(), workflow.clone(), clock, settings)
        });
        for (index, stock) in stock.iter().enumerate() {
            store.stock(Product {
                sku: sku(index),
                name: "Mug".into(),
                description: None,
                price: Money::new(PRICE, Currency::EUR),
                stock: *stock,
                reserved: 0,
                version: 0,
            });
        }
        Self { clock, faults, queues, store, gateway, mailer, workflow, cores }
    }

    /// An order of two mugs by the storefront's `key`, or what `change` makes of it.
    pub fn placed(&self, key: &str, change: impl FnOnce(&mut Content)) -> NewOrder {
        let mut content = Content {
            customer: Customer {
                id: "c-1".parse().unwrap(),
                email: "ada@example.com".into(),
                name: Some("Ada".into()),
            },
            lines: vec![Line { sku: sku(0), quantity: 2 }],
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
        NewOrder { id, storefront, placed_at, trace_id: "ab".repeat(16).parse().unwrap(), content }
    }

    /// Posts an order as the API would.
    pub async fn post(&self, key: &str, change: impl FnOnce(&mut Content)) -> OrderId {
        let order = self.placed(key, change);
        assert_eq!(self.store.accept(&order).await.unwrap(), Acceptance::Created);
        order.id
    }

    /// The order as it is now.
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

    /// Writes down all that decides what can still happen, and what will be said of it.
    pub fn fingerprint(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        write!(to, "{:?}", self.clock.now())?;
        self.store.fingerprint(to)?;
        self.queues.fingerprint(to)?;
        self.gateway.fingerprint(to)?;
        self.workflow.fingerprint(to)?;
        self.mailer.look(|mails| mails.iter().try_for_each(|mail| write!(to, "{}{}", mail.order_id, mail.kind)))
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
        let event = self.queues.receive(queue);
        let any = !event.records.is_empty();
        if any {
            self.handle(queue, event, 0).await;
        }
        any
    }

    /// Hands a batch to the queue's worker, on a machine whose clock is one of three, and deletes what is done.
    pub async fn handle(&self, queue: Queue, event: SqsEvent, clock: usize) {
        let (orders, catalogue) = (self.store.clone(), self.store.clone());
        let core = &self.cores[clock % self.cores.len()];
        match queue {
            Queue::Orders => {
                self.run_batch(core, &DispatchWorker { orders, workflow: self.workflow.clone() }, event).await;
            }
            Queue::Inventory => self.run_batch(core, &InventoryWorker { orders, catalogue }, event).await,
            Queue::Payments => {
                self.run_batch(core, &PaymentWorker { orders, gateway: self.gateway.clone() }, event).await;
            }
            Queue::Emails => {
                let mailer = self.mailer.clone();
                self.run_batch(core, &EmailWorker { orders, catalogue, mailer }, event).await;
            }
        }
    }

    async fn run_batch<W: Worker>(&self, core: &BatchCore, worker: &W, event: SqsEvent) {
        let ids: Vec<String> = event.records.iter().filter_map(|record| record.message_id.clone()).collect();
        let deadline = Instant::now() + Duration::from_secs(30);
        // A crash outside a worker takes the whole batch with it: nothing is deleted.
        let run = std::panic::AssertUnwindSafe(core.run(worker, event, deadline));
        if let Ok(Ok(SqsBatchResponse { batch_item_failures, .. })) = futures::FutureExt::catch_unwind(run).await {
            let failed = |id: &String| batch_item_failures.iter().any(|failure| failure.item_identifier == *id);
            for id in ids.into_iter().filter(|id| !failed(id)) {
                let deleted = || self.queues.delete(W::QUEUE.into(), &id);
                self.faults.platform(|| format!("message {id} is deleted"), deleted).await;
            }
        }
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

    /// What is always true of an order whose execution ended.
    pub fn check(&self, id: &OrderId) {
        let order = self.order(id);
        let progress = &order.progress;
        assert!(progress.status.is_final(), "not final: {order:?}");
        let confirmed = progress.status == Status::Confirmed;
        let owed = if confirmed { progress.total.unwrap().amount } else { 0 };
        assert_eq!(self.gateway.kept(id), owed, "money: {order:?}");
        assert!(self.gateway.captures(id) <= 1, "charged twice: {order:?}");

        let product = self.store.product(&sku(0)).unwrap();
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

/// The name of a product, by its number.
pub fn sku(index: usize) -> Sku {
    let name = if index == 0 { "MUG".to_owned() } else { format!("MUG-{index}") };
    name.parse().unwrap()
}
