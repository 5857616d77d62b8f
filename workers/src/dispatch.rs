//! The `orders` queue: start an order's execution, and close an order that could not be mailed.

use std::sync::Arc;

use async_trait::async_trait;
use orders::message::{Dispatch, OrdersMessage, Task};
use orders::ports::{OrderStore, Workflow};
use orders::{Order, Outcome, Queue, Retry, Step, StepError};
use serde_json::{Value, json};

use crate::batch::Worker;
use crate::transition::{load, transition};
use crate::{Delivery, Verdict};

/// Starts executions, and closes orders.
pub struct DispatchWorker {
    /// Where the orders are.
    pub orders: Arc<dyn OrderStore>,
    /// Where the executions run.
    pub workflow: Arc<dyn Workflow>,
}

#[async_trait]
impl Worker for DispatchWorker {
    const QUEUE: Queue = Queue::Orders;
    type Message = OrdersMessage;

    async fn handle(&self, message: &OrdersMessage, delivery: &Delivery) -> Verdict {
        match message {
            OrdersMessage::Dispatch(dispatch) => self.start(dispatch).await.unwrap_or_else(Verdict::Retry),
            OrdersMessage::CloseOrder(task) => match load(&*self.orders, &task.order_id).await {
                Ok(order) => self.close(order, task, delivery).await.into(),
                Err(verdict) => verdict,
            },
        }
    }
}

impl DispatchWorker {
    /// Makes the order permanent, *then* starts its execution: what runs never expires. A second start is absorbed by
    /// the execution's name.
    async fn start(&self, dispatch: &Dispatch) -> Result<Verdict, Retry> {
        if !self.orders.keep(&dispatch.order_id).await? {
            return Ok(Verdict::order_not_found());
        }
        let input = json!({ "order_id": dispatch.order_id, "trace_id": dispatch.trace_id });
        self.workflow.start(&dispatch.order_id, &input).await?;
        Ok(Verdict::Acknowledge)
    }

    async fn close(&self, order: Order, task: &Task, delivery: &Delivery) -> Result<Value, StepError> {
        let failure = task.failure();
        let order = transition(&*self.orders, order, |order| order.close(failure, delivery.attempt())).await?;
        match order.outcome(Step::CloseOrder) {
            Some(Outcome::Rejected(reason)) => Err(StepError::Reject(reason)),
            Some(Outcome::Done(_)) | None => Ok(crate::email::closing_output(&order)),
        }
    }
}
