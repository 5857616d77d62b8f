//! A DLQ, a queue, a journal, orders and executions in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use ops::{Ops, Ports};
use orders::order::{Attempt, Content};
use orders::ports::ops::*;
use orders::ports::{
    Acceptance, Clock, ListError, OrderFilter, OrderStore, Outgoing, Page, PageRequest, Saved, SendError, Unavailable,
};
use orders::step::QueueName;
use orders::{
    Currency, Customer, Line, Money, NewOrder, Order, OrderId, Product, Queue, Step, StockChange, Storefront,
};
use serde_json::{Value, json};

type Reaction = Box<dyn Fn(&mut State, &Outgoing) + Send>;

#[derive(Default)]
pub struct State {
    pub orders: BTreeMap<OrderId, Order>,
    pub dead: Vec<StoredMessage>,
    /// Taken, and neither put back nor deleted.
    pub hidden: BTreeSet<String>,
    pub sent: Vec<(QueueName, Outgoing)>,
    pub runs: BTreeMap<String, Run>,
    /// Every write of an entry, in order.
    pub written: Vec<(String, EntryState)>,
    pub entries: BTreeMap<String, Entry>,
    pub histories: BTreeMap<OrderId, Vec<Value>>,
    /// Which call fails once: `take`, `put_back`, `delete`, `send`, `write N` (the n-th from now).
    pub broken: Option<&'static str>,
    /// What a worker does with what is sent.
    pub reaction: Option<Reaction>,
}

pub struct World(Mutex<State>);

pub fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn ops(self: &Arc<Self>) -> Ops {
        let ports = Ports {
            queues: self.clone(),
            orders: self.clone(),
            executions: self.clone(),
            journal: self.clone(),
            changes: None,
            backups: None,
            clock: self.clone(),
        };
        Ops::new(ports, "night")
    }

    pub fn order(&self, key: &str) -> OrderId {
        let storefront: Storefront = "shop".parse().unwrap();
        let order = Order::new(NewOrder {
            id: OrderId::derive(&storefront, &key.parse().unwrap()),
            storefront,
            placed_at: noon(),
            trace_id: "ab".repeat(16).parse().unwrap(),
            content: Content {
                customer: Customer { id: "c-1".parse().unwrap(), email: "ada@example.com".into(), name: None },
                lines: vec![Line { sku: "MUG".parse().unwrap(), quantity: 1 }],
                currency: Currency::EUR,
                payment_method: "pm_card_visa".into(),
                shipping_address: None,
                expected_total: None,
                metadata: BTreeMap::new(),
            },
        });
        let id = order.id().clone();
        self.state().orders.insert(id.clone(), order);
        id
    }

    /// A dead letter of `payments`, of an order of its own that is reserved.
    pub fn letter(&self, id: &str) -> OrderId {
        let order = self.order(id);
        let attempt = Attempt { at: noon(), number: 1 };
        self.state().orders.get_mut(&order).unwrap().reserve(&[mug()], attempt);
        self.state().dead.push(StoredMessage {
            id: id.to_owned(),
            body: body(Step::ChargePayment, &order),
            attributes: BTreeMap::new(),
            trace_header: Some("Root=1".into()),
            sent_at: noon(),
            receive_count: 1,
        });
        order
    }

    fn fails(&self, call: &'static str) -> Result<(), Unavailable> {
        let mut state = self.state();
        match state.broken {
            Some(broken) if broken == call => {
                state.broken = None;
                Err(Unavailable::new("World", call))
            }
            _ => Ok(()),
        }
    }
}

fn mug() -> Product {
    Product {
        sku: "MUG".parse().unwrap(),
        name: "Mug".into(),
        description: None,
        price: Money::new(1000, Currency::EUR),
        stock: 1,
        reserved: 0,
        version: 0,
    }
}

pub fn body(step: Step, order: &OrderId) -> String {
    json!({
        "step": step, "order_id": order, "trace_id": "ab".repeat(16), "task_token": "token",
        "entered_at": noon(), "timeout_seconds": 86400,
    })
    .to_string()
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        noon()
    }
}

#[async_trait]
impl OpsQueues for World {
    async fn depths(&self) -> Result<Vec<QueueDepth>, Unavailable> {
        Ok(Vec::new())
    }

    async fn look(&self, _: QueueName, _: &PageRequest) -> Result<Page<StoredMessage>, ListError> {
        Ok(Page { items: self.state().dead.clone(), next: None })
    }

    async fn looked(&self, _: QueueName) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn take(&self, queue: QueueName, ids: &[String], _: Duration) -> Result<Vec<Taken>, Unavailable> {
        assert!(queue.dead_letters);
        self.fails("take")?;
        let mut state = self.state();
        let found =
            state.dead.iter().filter(|message| ids.contains(&message.id) && !state.hidden.contains(&message.id));
        let taken: Vec<Taken> =
            found.map(|message| Taken { message: message.clone(), receipt_handle: message.id.clone() }).collect();
        state.hidden.extend(taken.iter().map(|taken| taken.receipt_handle.clone()));
        Ok(taken)
    }

    async fn put_back(&self, _: QueueName, receipts: &[String]) -> Result<(), Unavailable> {
        self.fails("put_back")?;
        self.state().hidden.retain(|id| !receipts.contains(id));
        Ok(())
    }

    async fn delete(&self, queue: QueueName, receipts: &[String]) -> Result<(), Unavailable> {
        assert!(queue.dead_letters);
        self.fails("delete")?;
        let mut state = self.state();
        state.dead.retain(|message| !receipts.contains(&message.id));
        state.hidden.retain(|id| !receipts.contains(id));
        Ok(())
    }

    async fn send_each(&self, queue: QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), SendError>> {
        let mut answers = Vec::new();
        for message in messages {
            if self.fails("send").is_err() {
                answers.push(Err(Unavailable::new("Queue", "full").into()));
                continue;
            }
            let mut state = self.state();
            if let Some(reaction) = state.reaction.take() {
                reaction(&mut state, &message);
                state.reaction = Some(reaction);
            }
            state.sent.push((queue, message));
            answers.push(Ok(()));
        }
        answers
    }

    async fn start_move(&self, _: Queue, _: Option<NonZeroU32>) -> Result<MoveTask, MoveError> {
        unreachable!("nothing is moved here")
    }

    async fn last_move(&self, _: Queue) -> Result<Option<MoveTask>, Unavailable> {
        Ok(None)
    }
}

#[async_trait]
impl Journal for World {
    async fn begin(&self, run: &Run) -> Result<(), Unavailable> {
        self.state().runs.insert(run.id.clone(), run.clone());
        Ok(())
    }

    async fn write(&self, _: &str, entries: &[Entry]) -> Result<(), Unavailable> {
        let mut state = self.state();
        for entry in entries {
            state.written.push((entry.id.clone(), entry.state));
            state.entries.insert(entry.id.clone(), entry.clone());
        }
        Ok(())
    }

    async fn finish(&self, run: &str, at: Timestamp) -> Result<(), Unavailable> {
        self.state().runs.get_mut(run).unwrap().finished_at = Some(at);
        Ok(())
    }

    async fn run(&self, id: &str) -> Result<Option<Run>, Unavailable> {
        Ok(self.state().runs.get(id).cloned())
    }

    async fn runs(&self, _: &PageRequest) -> Result<Page<Run>, ListError> {
        Ok(Page { items: self.state().runs.values().cloned().collect(), next: None })
    }

    async fn entries(&self, _: &str, open_only: bool, page: &PageRequest) -> Result<Page<Entry>, ListError> {
        let state = self.state();
        let entries = state.entries.values().filter(|entry| !open_only || entry.state.is_open());
        Ok(Page { items: entries.take(page.limit.get() as usize).cloned().collect(), next: None })
    }
}

#[async_trait]
impl OrderStore for World {
    async fn accept(&self, _: &NewOrder) -> Result<Acceptance, Unavailable> {
        unreachable!("ops accept no orders")
    }

    async fn keep(&self, _: &OrderId) -> Result<bool, Unavailable> {
        unreachable!("ops start no orders")
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>, Unavailable> {
        Ok(self.state().orders.get(id).cloned())
    }

    async fn list(&self, _: &OrderFilter, _: &PageRequest) -> Result<Page<Order>, ListError> {
        unreachable!("nothing is listed here")
    }

    async fn update(&self, _: &Order, _: &[StockChange]) -> Result<Saved, Unavailable> {
        unreachable!("ops write no orders here")
    }
}

#[async_trait]
impl Executions for World {
    async fn list(&self, _: Option<ExecutionStatus>, _: &PageRequest) -> Result<Page<ExecutionSummary>, ListError> {
        unreachable!("nothing is listed here")
    }

    async fn describe(&self, _: &OrderId) -> Result<Option<ExecutionSummary>, Unavailable> {
        unreachable!("nothing is described here")
    }

    async fn definition(&self, _: Option<&OrderId>) -> Result<Option<String>, Unavailable> {
        Ok(None)
    }

    async fn in_states(&self) -> Result<InStates, Unavailable> {
        unreachable!("nothing is counted here")
    }

    async fn history(&self, name: &OrderId) -> Result<Option<Vec<Value>>, Unavailable> {
        Ok(self.state().histories.get(name).cloned())
    }

    async fn stop(&self, _: &OrderId, _: &str) -> Result<Stopped, Unavailable> {
        Ok(Stopped::Stopped)
    }

    async fn redrive(&self, _: &OrderId) -> Result<Redriven, Unavailable> {
        unreachable!("nothing is redriven here")
    }
}
