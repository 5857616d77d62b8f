//! The `inventory` queue: take an order's lines from stock, and give them back.

use std::sync::Arc;

use async_trait::async_trait;
use orders::message::InventoryMessage;
use orders::ports::{Catalogue, OrderStore};
use orders::{Order, Outcome, Queue, Retry, Sku, Step, StepError};
use serde_json::{Value, json};

use crate::batch::Worker;
use crate::transition::{TRIES, contention, load, reread, transition, write};
use crate::{Delivery, Verdict};

/// Reserves and releases.
pub struct InventoryWorker {
    /// Where the orders are.
    pub orders: Arc<dyn OrderStore>,
    /// Where the prices are.
    pub catalogue: Arc<dyn Catalogue>,
}

#[async_trait]
impl Worker for InventoryWorker {
    const QUEUE: Queue = Queue::Inventory;
    type Message = InventoryMessage;

    async fn handle(&self, message: &InventoryMessage, delivery: &Delivery) -> Verdict {
        if let InventoryMessage::ReserveInventory(task) = message
            && task.is_late(delivery.now())
        {
            return Verdict::Acknowledge;
        }
        let (InventoryMessage::ReserveInventory(task) | InventoryMessage::ReleaseInventory(task)) = message;
        let order = match load(&*self.orders, &task.order_id).await {
            Ok(order) => order,
            Err(verdict) => return verdict,
        };
        match message {
            InventoryMessage::ReserveInventory(_) => self.reserve(order, delivery).await.into(),
            InventoryMessage::ReleaseInventory(_) => self.release(order, delivery).await.into(),
        }
    }
}

impl InventoryWorker {
    /// Prices are read anew for every try: a conflict may mean that one of them, or the stock, has changed.
    async fn reserve(&self, mut order: Order, delivery: &Delivery) -> Result<Value, StepError> {
        let skus: Vec<Sku> = order.placed.content.lines.iter().map(|line| line.sku.clone()).collect();
        for _ in 0..TRIES {
            let products = match order.outcome(Step::ReserveInventory) {
                Some(_) => Vec::new(),
                None => self.catalogue.get(&skus).await?,
            };
            match write(&*self.orders, &order, |order| order.reserve(&products, delivery.attempt())).await? {
                Some(written) => return reserved(&written),
                None => order = reread(&*self.orders, &order).await?,
            }
        }
        Err(contention().into())
    }

    async fn release(&self, order: Order, delivery: &Delivery) -> Result<Value, Retry> {
        let order = transition(&*self.orders, order, |order| order.release(delivery.attempt())).await?;
        Ok(json!({ "outcome": order.outcome(Step::ReleaseInventory) }))
    }
}

fn reserved(order: &Order) -> Result<Value, StepError> {
    match order.outcome(Step::ReserveInventory) {
        Some(Outcome::Rejected(reason)) => Err(StepError::Reject(reason)),
        outcome => Ok(json!({ "outcome": outcome, "total": order.progress.total })),
    }
}
