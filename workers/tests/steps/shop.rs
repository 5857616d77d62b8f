//! Every port of the workers in memory, for one order and more, with something happening before a call of your choice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use jiff::Timestamp;
use orders::mail::Mail;
use orders::message::TaskToken;
use orders::order::{Attempt, Content};
use orders::payment::PaymentId;
use orders::ports::*;
use orders::step::QueueName;
use orders::{
    Currency, Customer, Line, Money, NewOrder, Order, OrderId, Product, Queue, RejectReason, Sku, Status, Step,
    StockChange, Storefront,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;
use workers::{
    BatchCore, DEAD_LETTER, DeadLetter, DispatchWorker, EmailWorker, InventoryWorker, PaymentWorker, Settings, Worker,
};

/// A call of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Get,
    Update,
    Keep,
    Products,
    Create,
    Read,
    Confirm,
    Void,
    Refund,
    Send,
    Start,
}

/// What a message came to.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// Its task was answered with this.
    Succeeded(Value),
    /// Its task was failed with this error.
    Failed(String),
    /// It was acknowledged, and nobody was answered.
    Acknowledged,
    /// It comes again.
    Reported,
    /// It is in the DLQ.
    Dead(DeadLetter),
}

type Hook = Box<dyn FnOnce(&Shop) + Send>;

#[derive(Default)]
pub struct Shop {
    orders: Mutex<BTreeMap<OrderId, Order>>,
    pub products: Mutex<BTreeMap<Sku, Product>>,
    pub payments: Mutex<Vec<Payment>>,
    /// The idempotency keys that the gateway was given, in order.
    pub keys: Mutex<Vec<String>>,
    pub captured: Mutex<Vec<PaymentId>>,
    pub mails: Mutex<Vec<Mail>>,
    /// What the gateway's and the mailer's next calls answer instead.
    pub refusals: Mutex<BTreeMap<&'static str, GatewayError>>,
    pub mail_error: Mutex<Option<MailError>>,
    pub started: Mutex<Vec<(OrderId, Value)>>,
    pub calls: Mutex<Vec<Call>>,
    ends: Mutex<Vec<End>>,
    meanwhile: Mutex<Vec<(Call, Hook)>>,
}

pub fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

pub fn attempt() -> Attempt {
    Attempt { at: now(), number: 1 }
}

pub fn sku(name: &str) -> Sku {
    name.parse().unwrap()
}

pub fn euros(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub fn placed(key: &str) -> NewOrder {
    let storefront: Storefront = "shop".parse().unwrap();
    NewOrder {
        id: OrderId::derive(&storefront, &key.parse().unwrap()),
        storefront,
        placed_at: now(),
        trace_id: "ab".repeat(16).parse().unwrap(),
        content: Content {
            customer: Customer {
                id: "c-1".parse().unwrap(),
                email: "ada@example.com".into(),
                name: Some("Ada".into()),
            },
            lines: vec![Line { sku: sku("MUG"), quantity: 2 }],
            currency: Currency::EUR,
            payment_method: "pm_card_visa".into(),
            shipping_address: None,
            expected_total: None,
            metadata: BTreeMap::new(),
        },
    }
}

impl Shop {
    /// With ten mugs at ten euros each.
    pub fn open() -> Arc<Self> {
        let shop = Self::default();
        let mug = Product {
            sku: sku("MUG"),
            name: "Blue mug".into(),
            description: None,
            price: euros(1000),
            stock: 10,
            reserved: 0,
            version: 1,
        };
        shop.products.lock().insert(mug.sku.clone(), mug);
        Arc::new(shop)
    }

    /// An order that was just accepted.
    pub fn accepted(&self, key: &str) -> OrderId {
        let order = Order::new(placed(key));
        let id = order.id().clone();
        self.orders.lock().insert(id.clone(), order);
        id
    }

    /// An order whose lines are reserved.
    pub fn reserved(&self, key: &str) -> OrderId {
        let id = self.accepted(key);
        self.change(&id, |order| drop(order.reserve(&self.products(), attempt())));
        id
    }

    /// An order whose money is captured, by this payment.
    pub fn paid(&self, key: &str) -> (OrderId, PaymentId) {
        let id = self.reserved(key);
        let payment = self.payment(PaymentStatus::Succeeded);
        self.change(&id, |order| {
            order.begin_charge(attempt());
            order.payment_created(payment.clone(), attempt());
            order.finish_charge(orders::payment::Charge::Captured, attempt());
        });
        (id, payment)
    }

    pub fn products(&self) -> Vec<Product> {
        self.products.lock().values().cloned().collect()
    }

    /// A payment that the gateway has.
    pub fn payment(&self, status: PaymentStatus) -> PaymentId {
        let mut payments = self.payments.lock();
        let id = PaymentId(format!("pi_{}", payments.len()));
        payments.push(Payment { id: id.clone(), status });
        id
    }

    pub fn status_of(&self, id: &PaymentId) -> PaymentStatus {
        self.payments.lock().iter().find(|payment| payment.id == *id).unwrap().status
    }

    pub fn order(&self, id: &OrderId) -> Order {
        self.orders.lock()[id].clone()
    }

    pub fn status(&self, id: &OrderId) -> Status {
        self.order(id).progress.status
    }

    /// Somebody else writes the order.
    pub fn change(&self, id: &OrderId, change: impl FnOnce(&mut Order)) {
        let mut order = self.order(id);
        change(&mut order);
        order.version += 1;
        self.orders.lock().insert(id.clone(), order);
    }

    /// The next call of this kind finds that this has happened.
    pub fn before(&self, call: Call, hook: impl FnOnce(&Shop) + Send + 'static) {
        self.meanwhile.lock().push((call, Box::new(hook)));
    }

    fn called(&self, call: Call) {
        self.calls.lock().push(call);
        let hook = {
            let mut meanwhile = self.meanwhile.lock();
            meanwhile.iter().position(|(wanted, _)| *wanted == call).map(|index| meanwhile.remove(index).1)
        };
        if let Some(hook) = hook {
            hook(self);
        }
    }

    /// Delivers the step's message for the first time.
    pub async fn deliver(self: &Arc<Self>, step: Step, id: &OrderId) -> End {
        self.deliver_message(&message(step, id), step.queue(), 1).await
    }

    /// Delivers the message of a step that compensates for `error`, or comes after it.
    pub async fn deliver_after(self: &Arc<Self>, error: &str, step: Step, id: &OrderId) -> End {
        let mut message = message(step, id);
        message["input"] = json!({ "failure": { "Error": error, "Cause": "told to people" } });
        self.deliver_message(&message, step.queue(), 1).await
    }

    pub async fn deliver_message(self: &Arc<Self>, message: &Value, queue: Queue, receive_count: u32) -> End {
        let core = BatchCore::new(self.clone(), self.clone(), Arc::new(Noon), Settings::default());
        let mut record = SqsMessage::default();
        record.message_id = Some("m-1".into());
        record.receipt_handle = Some("r-1".into());
        record.attributes.insert("ApproximateReceiveCount".into(), receive_count.to_string());
        record.body = Some(message.to_string());
        let (orders, catalogue, gateway) = (self.clone(), self.clone(), self.clone());
        let reported = match queue {
            Queue::Orders => run(&core, &DispatchWorker { orders, workflow: self.clone() }, record).await,
            Queue::Inventory => run(&core, &InventoryWorker { orders, catalogue }, record).await,
            Queue::Payments => run(&core, &PaymentWorker { orders, gateway }, record).await,
            Queue::Emails => run(&core, &EmailWorker { orders, catalogue, mailer: self.clone() }, record).await,
        };
        let mut ends = self.ends.lock();
        let end = ends.pop();
        assert!(ends.is_empty(), "a message comes to one end: {end:?}, {ends:?}");
        match end {
            None if reported => End::Reported,
            None => End::Acknowledged,
            Some(end) => {
                assert!(!reported, "{end:?}, and reported");
                end
            }
        }
    }
}

async fn run<W: Worker>(core: &BatchCore, worker: &W, record: SqsMessage) -> bool {
    let mut event = SqsEvent::default();
    event.records = vec![record];
    let response = core.run(worker, event, Instant::now() + Duration::from_secs(30)).await.unwrap();
    !response.batch_item_failures.is_empty()
}

/// The step's message, as the workflow sends it at noon.
pub fn message(step: Step, id: &OrderId) -> Value {
    let trace_id = "ab".repeat(16);
    match step {
        Step::Dispatch => json!({ "step": step, "order_id": id, "trace_id": trace_id }),
        _ => json!({
            "step": step, "order_id": id, "trace_id": trace_id, "task_token": "token",
            "entered_at": now(), "timeout_seconds": 86400,
        }),
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        now()
    }
}

#[async_trait]
impl OrderStore for Shop {
    async fn accept(&self, _: &NewOrder) -> Result<Acceptance, Unavailable> {
        unreachable!("no worker accepts orders")
    }

    async fn keep(&self, id: &OrderId) -> Result<bool, Unavailable> {
        self.called(Call::Keep);
        Ok(self.orders.lock().contains_key(id))
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>, Unavailable> {
        self.called(Call::Get);
        Ok(self.orders.lock().get(id).cloned())
    }

    async fn list(&self, _: &OrderFilter, _: &PageRequest) -> Result<Page<Order>, ListError> {
        unreachable!("no worker lists orders")
    }

    async fn update(&self, order: &Order, stock: &[StockChange]) -> Result<Saved, Unavailable> {
        self.called(Call::Update);
        let mut orders = self.orders.lock();
        if orders[order.id()].version != order.version {
            return Ok(Saved::Conflict);
        }
        let mut products = self.products.lock();
        for change in stock {
            let (StockChange::Take { sku, .. } | StockChange::Return { sku, .. } | StockChange::Settle { sku, .. }) =
                change;
            let product = products.get_mut(sku).unwrap();
            match change {
                StockChange::Take { quantity, price, .. } => {
                    if product.price != *price || product.stock < *quantity {
                        return Ok(Saved::Conflict);
                    }
                    product.stock -= quantity;
                    product.reserved += quantity;
                }
                StockChange::Return { quantity, .. } => {
                    product.stock += quantity;
                    product.reserved = product.reserved.saturating_sub(*quantity);
                }
                StockChange::Settle { quantity, .. } => product.reserved = product.reserved.saturating_sub(*quantity),
            }
        }
        orders.insert(order.id().clone(), Order { version: order.version + 1, ..order.clone() });
        Ok(Saved::Saved)
    }
}

#[async_trait]
impl Catalogue for Shop {
    async fn get(&self, skus: &[Sku]) -> Result<Vec<Product>, Unavailable> {
        self.called(Call::Products);
        Ok(skus.iter().filter_map(|sku| self.products.lock().get(sku).cloned()).collect())
    }

    async fn list(&self, _: &PageRequest) -> Result<Page<Product>, ListError> {
        unreachable!("no worker lists products")
    }

    async fn create(&self, _: &Product) -> Result<Changed, Unavailable> {
        unreachable!("no worker edits products")
    }

    async fn replace(&self, _: &Product, _: u64) -> Result<Changed, Unavailable> {
        unreachable!("no worker edits products")
    }

    async fn delete(&self, _: &Sku, _: Option<u64>) -> Result<Changed, Unavailable> {
        unreachable!("no worker edits products")
    }

    async fn adjust_stock(&self, _: &Sku, _: i64) -> Result<Changed, Unavailable> {
        unreachable!("no worker edits products")
    }
}

impl Shop {
    fn at_gateway(
        &self,
        name: &'static str,
        id: &PaymentId,
        next: impl FnOnce(PaymentStatus) -> Result<PaymentStatus, GatewayError>,
    ) -> Result<Payment, GatewayError> {
        if let Some(refusal) = self.refusals.lock().remove(name) {
            return Err(refusal);
        }
        let mut payments = self.payments.lock();
        let payment = payments.iter_mut().find(|payment| payment.id == *id).unwrap();
        payment.status = next(payment.status)?;
        Ok(payment.clone())
    }
}

/// A gateway that has forgotten every key: each payment that is created is a new one.
#[async_trait]
impl PaymentGateway for Shop {
    async fn create(&self, request: &PaymentRequest, key: &str) -> Result<Payment, GatewayError> {
        self.called(Call::Create);
        self.keys.lock().push(key.to_owned());
        if let Some(refusal) = self.refusals.lock().remove("create") {
            return Err(refusal);
        }
        assert_eq!(request.payment_method, "pm_card_visa");
        assert_eq!(request.amount, euros(2000));
        let id = self.payment(PaymentStatus::RequiresConfirmation);
        Ok(Payment { id, status: PaymentStatus::RequiresConfirmation })
    }

    async fn read(&self, id: &PaymentId) -> Result<Payment, GatewayError> {
        self.called(Call::Read);
        self.at_gateway("read", id, Ok)
    }

    async fn confirm(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.called(Call::Confirm);
        self.keys.lock().push(key.to_owned());
        self.at_gateway("confirm", id, |status| match status {
            PaymentStatus::RequiresConfirmation => {
                self.captured.lock().push(id.clone());
                Ok(PaymentStatus::Succeeded)
            }
            _ => Err(GatewayError::WrongState),
        })
    }

    async fn void(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.called(Call::Void);
        self.keys.lock().push(key.to_owned());
        self.at_gateway("void", id, |status| match status {
            PaymentStatus::RequiresConfirmation | PaymentStatus::Declined(_) => Ok(PaymentStatus::Voided),
            _ => Err(GatewayError::WrongState),
        })
    }

    async fn refund(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.called(Call::Refund);
        self.keys.lock().push(key.to_owned());
        self.at_gateway("refund", id, |status| match status {
            PaymentStatus::Succeeded => Ok(PaymentStatus::Refunded),
            _ => Err(GatewayError::WrongState),
        })
    }
}

#[async_trait]
impl Mailer for Shop {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.called(Call::Send);
        if let Some(error) = self.mail_error.lock().take() {
            return Err(error);
        }
        self.mails.lock().push(mail.clone());
        Ok(())
    }
}

#[async_trait]
impl Workflow for Shop {
    async fn start(&self, name: &OrderId, input: &Value) -> Result<Started, Unavailable> {
        self.called(Call::Start);
        self.started.lock().push((name.clone(), input.clone()));
        Ok(Started::Started)
    }

    async fn succeed(&self, token: &TaskToken, output: &Value) -> Result<(), AnswerError> {
        assert_eq!(token.0, "token");
        self.ends.lock().push(End::Succeeded(output.clone()));
        Ok(())
    }

    async fn fail(&self, token: &TaskToken, error: &str, _: &str) -> Result<(), AnswerError> {
        assert_eq!(token.0, "token");
        assert!(error.parse::<RejectReason>().is_ok(), "{error}");
        self.ends.lock().push(End::Failed(error.to_owned()));
        Ok(())
    }
}

#[async_trait]
impl Queues for Shop {
    async fn send(&self, queue: QueueName, message: Outgoing) -> Result<(), SendError> {
        assert!(queue.dead_letters);
        self.ends.lock().push(End::Dead(serde_json::from_str(&message.attributes[DEAD_LETTER]).unwrap()));
        Ok(())
    }

    async fn change_visibility(&self, _: Queue, _: &str, _: Duration) -> Result<(), Unavailable> {
        Ok(())
    }
}
