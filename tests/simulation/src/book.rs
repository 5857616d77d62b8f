//! What clients and ops were told: the promises that a run is judged by.

use std::collections::BTreeSet;
use std::sync::Arc;

use orders::message::{CaughtError, EmailMessage, InventoryMessage, PaymentMessage, Task, TaskToken, WorkflowState};
use orders::ports::{Acceptance, Clock, OrderStore, Outgoing, Queues, Saved};
use orders::{NewOrder, Order, OrderId, Queue, RejectReason, Step};
use parking_lot::Mutex;

use crate::world::World;

/// Promises and refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// Orders that were answered `202`.
    pub promised: BTreeSet<OrderId>,
    /// Cancels that were answered `202`.
    pub granted: BTreeSet<OrderId>,
    /// Cancels that were answered `409`, because the order was confirmed.
    pub refused: BTreeSet<OrderId>,
    /// Orders whose execution ops wanted to stop.
    pub stopped: BTreeSet<OrderId>,
    /// Orders of which ops sent a step out of its turn.
    pub meddled: BTreeSet<OrderId>,
}

/// A book that tasks write into.
pub type SharedBook = Arc<Mutex<Book>>;

/// How often a client repeats what was not answered, and how often a write is tried anew when another came first.
const TRIES: usize = 3;

/// A storefront posts an order, again if it has no answer.
pub async fn post(world: Arc<World>, book: SharedBook, order: NewOrder) {
    for _ in 0..TRIES {
        if let Ok(Acceptance::Created | Acceptance::Repeated) = world.store.accept(&order).await {
            book.lock().promised.insert(order.id);
            return;
        }
    }
}

/// A customer cancels, as the API does it.
pub async fn cancel(world: Arc<World>, book: SharedBook, id: OrderId) {
    for _ in 0..TRIES {
        let Ok(Some(mut order)) = OrderStore::get(&*world.store, &id).await else { continue };
        let before = order.progress.cancel_requested_at;
        if let Err(late) = order.request_cancel(world.clock.now()) {
            if late == orders::closing::TooLate::Confirmed {
                book.lock().refused.insert(id);
            }
            return;
        }
        let unchanged = order.progress.cancel_requested_at == before;
        if unchanged || world.store.update(&order, &[]).await == Ok(Saved::Saved) {
            book.lock().granted.insert(id);
            return;
        }
    }
}

/// `orderflow executions stop --compensate`.
pub async fn stop(world: Arc<World>, book: SharedBook, id: OrderId, patience: usize) {
    match OrderStore::get(&*world.store, &id).await {
        Ok(Some(order)) if !order.progress.status.is_final() => {}
        _ => return,
    }
    book.lock().stopped.insert(id.clone());
    if world.workflow.stop(&id).await == Ok(true) {
        compensate(world, id, patience).await;
    }
}

/// Undoes what the steps of an order did whose execution was stopped: each compensation is sent once the one before it is
/// recorded, which is looked for so many times. Whoever calls again goes on from there.
pub async fn compensate(world: Arc<World>, id: OrderId, patience: usize) {
    let last = world.workflow.with_run(&id, |run| run.and_then(|run| run.messages.last().cloned()));
    let Some(token) = last.and_then(|(_, message)| message["task_token"].as_str().map(str::to_owned)) else { return };
    for step in [Step::RefundPayment, Step::ReleaseInventory, Step::NotifyRejected] {
        let Ok(Some(order)) = OrderStore::get(&*world.store, &id).await else { return };
        if order.progress.status.is_final() || order.outcome(step).is_some() {
            continue;
        }
        let body = compensation(&world, step, &order, &token);
        let sent = world.queues.send(step.queue().into(), Outgoing { body, ..Outgoing::default() }).await;
        if sent.is_err() || !is_recorded(&world, &id, step, patience).await {
            return;
        }
    }
}

async fn is_recorded(world: &World, id: &OrderId, step: Step, patience: usize) -> bool {
    for _ in 0..patience {
        if let Ok(Some(order)) = OrderStore::get(&*world.store, id).await
            && order.outcome(step).is_some()
        {
            return true;
        }
    }
    false
}

/// A step's message out of its turn, as a dead letter is that ops replay after they edited it. The task it answers is long over.
pub fn stray(world: &World, step: Step, id: &OrderId) -> Option<String> {
    let first = world.workflow.with_run(id, |run| run.and_then(|run| run.messages.first().cloned()));
    let (_, mut message) = first?;
    message["step"] = step.name().into();
    message["entered_at"] = world.clock.now().to_string().into();
    Some(message.to_string())
}

fn compensation(world: &World, step: Step, order: &Order, token: &str) -> String {
    let error = match order.progress.cancel_requested_at {
        Some(_) => RejectReason::Cancelled.name(),
        None => "StoppedByOps",
    };
    let task = Task {
        order_id: order.id().clone(),
        trace_id: order.placed.trace_id.clone(),
        task_token: TaskToken(token.to_owned()),
        entered_at: world.clock.now(),
        timeout_seconds: 86_400,
        input: Some(WorkflowState { failure: Some(CaughtError { error: error.to_owned() }) }),
    };
    let body = match step.queue() {
        Queue::Payments => serde_json::to_string(&PaymentMessage::RefundPayment(task)),
        Queue::Inventory => serde_json::to_string(&InventoryMessage::ReleaseInventory(task)),
        Queue::Emails | Queue::Orders => serde_json::to_string(&EmailMessage::NotifyRejected(task)),
    };
    body.expect("ids and tokens always serialise")
}
