//! The `payments` queue: charge the customer, and pay back.
//!
//! ```text
//! charge:  write `Charging` -> create -> write its id -> confirm -> write the outcome
//! refund:  write the tombstone, or `Undoing` -> read -> void or refund -> write the outcome
//! ```
//!
//! A crash between any two leaves a record from which the next delivery goes on. A payment with an id is read, never
//! made again; and whatever the gateway says about it wins over what we remember.

use std::sync::Arc;

use async_trait::async_trait;
use orders::message::PaymentMessage;
use orders::payment::{Charge, PaymentId};
use orders::ports::{GatewayError, OrderStore, Payment, PaymentGateway, PaymentRequest, PaymentStatus};
use orders::{Done, Order, Outcome, Queue, RejectReason, Retry, Step, StepError};
use serde_json::{Value, json};

use crate::batch::Worker;
use crate::transition::{load, transition};
use crate::{Delivery, Verdict};

/// Charges and refunds.
pub struct PaymentWorker {
    /// Where the orders are.
    pub orders: Arc<dyn OrderStore>,
    /// Who moves the money.
    pub gateway: Arc<dyn PaymentGateway>,
}

#[async_trait]
impl Worker for PaymentWorker {
    const QUEUE: Queue = Queue::Payments;
    type Message = PaymentMessage;

    async fn handle(&self, message: &PaymentMessage, delivery: &Delivery) -> Verdict {
        if let PaymentMessage::ChargePayment(task) = message
            && task.is_late(delivery.now())
        {
            return Verdict::Acknowledge;
        }
        let (PaymentMessage::ChargePayment(task) | PaymentMessage::RefundPayment(task)) = message;
        let order = match load(&*self.orders, &task.order_id).await {
            Ok(order) => order,
            Err(verdict) => return verdict,
        };
        match message {
            PaymentMessage::ChargePayment(_) => self.charge(order, delivery).await.into(),
            PaymentMessage::RefundPayment(_) => self.refund(order, delivery).await.into(),
        }
    }
}

impl PaymentWorker {
    async fn charge(&self, order: Order, delivery: &Delivery) -> Result<Value, StepError> {
        let order = self.step(order, |order| order.begin_charge(delivery.attempt())).await?;
        if let Some(outcome) = order.outcome(Step::ChargePayment) {
            return charged(&order, outcome);
        }
        let (order, payment) = match order.payment_id().cloned() {
            Some(id) => (order, Ok(self.gateway.read(&id).await.map_err(technical)?)),
            None => self.create(order, delivery).await?,
        };
        if let Some(outcome) = order.outcome(Step::ChargePayment) {
            return charged(&order, outcome);
        }
        let charge = match payment {
            Ok(payment) => self.confirm(&order, payment).await?,
            Err(refused) => Charge::Declined(refused),
        };
        let order = self.step(order, |order| order.finish_charge(charge, delivery.attempt())).await?;
        match order.outcome(Step::ChargePayment) {
            Some(outcome) => charged(&order, outcome),
            None => Err(Retry::new("Contention", "the payment changed under the charge").into()),
        }
    }

    /// Creates the payment and records its id, so that it can be confirmed. The inner error is the gateway's refusal.
    async fn create(
        &self,
        order: Order,
        delivery: &Delivery,
    ) -> Result<(Order, Result<Payment, RejectReason>), StepError> {
        let total = order.progress.total.ok_or_else(|| Retry::new("NotReserved", "the order has no total yet"))?;
        let request = PaymentRequest {
            order_id: order.id().clone(),
            amount: total,
            payment_method: order.placed.content.payment_method.clone(),
        };
        match self.gateway.create(&request, &key(&order, "create")).await {
            Ok(payment) => {
                let order =
                    self.step(order, |order| order.payment_created(payment.id.clone(), delivery.attempt())).await?;
                // Another delivery may have recorded a payment first; that one is the order's.
                match order.payment_id() {
                    Some(id) if *id != payment.id => {
                        let recorded = self.gateway.read(id).await.map_err(technical)?;
                        Ok((order, Ok(recorded)))
                    }
                    _ => Ok((order, Ok(payment))),
                }
            }
            Err(GatewayError::Rejected(reason)) => Ok((order, Err(reason))),
            Err(error) => Err(technical(error).into()),
        }
    }

    /// Finds out how the payment ended, confirming it if nobody has.
    async fn confirm(&self, order: &Order, mut payment: Payment) -> Result<Charge, StepError> {
        if payment.status == PaymentStatus::RequiresConfirmation {
            payment = match self.gateway.confirm(&payment.id, &key(order, "confirm")).await {
                Err(GatewayError::Rejected(reason)) => return Ok(Charge::Declined(reason)),
                confirmed => confirmed.map_err(technical)?,
            };
        }
        match payment.status {
            PaymentStatus::Succeeded => Ok(Charge::Captured),
            PaymentStatus::Declined(reason) => Ok(Charge::Declined(reason)),
            // Only our own refund voids or refunds.
            PaymentStatus::Voided | PaymentStatus::Refunded => Ok(Charge::Declined(RejectReason::Compensated)),
            PaymentStatus::Processing | PaymentStatus::RequiresConfirmation => {
                Err(Retry::new("PaymentProcessing", "the gateway has not finished the payment").into())
            }
        }
    }

    async fn refund(&self, order: Order, delivery: &Delivery) -> Result<Value, Retry> {
        let order = self.step(order, |order| order.begin_refund(delivery.attempt())).await?;
        let order = match order.to_undo().cloned() {
            Some(id) => {
                let done = self.undo(&order, &id).await?;
                self.step(order, |order| order.finish_refund(done, delivery.attempt())).await?
            }
            None => order,
        };
        Ok(json!({ "outcome": order.outcome(Step::RefundPayment) }))
    }

    /// Voids or refunds, whichever the payment's state at the gateway asks for.
    async fn undo(&self, order: &Order, id: &PaymentId) -> Result<Done, Retry> {
        match self.gateway.read(id).await.map_err(technical)?.status {
            PaymentStatus::Refunded => Ok(Done::Refunded),
            PaymentStatus::Voided => Ok(Done::Voided),
            PaymentStatus::Succeeded => {
                self.gateway.refund(id, &key(order, "refund")).await.map_err(technical)?;
                Ok(Done::Refunded)
            }
            PaymentStatus::RequiresConfirmation | PaymentStatus::Declined(_) => {
                self.gateway.void(id, &key(order, "void")).await.map_err(technical)?;
                Ok(Done::Voided)
            }
            PaymentStatus::Processing => {
                Err(Retry::new("PaymentProcessing", "the gateway has not finished the payment"))
            }
        }
    }

    async fn step(&self, order: Order, mut decide: impl FnMut(&mut Order) + Send) -> Result<Order, Retry> {
        transition(&*self.orders, order, |order| {
            decide(order);
            Vec::new()
        })
        .await
    }
}

/// One key per order and call, for ever: whoever repeats the call repeats the key.
fn key(order: &Order, call: &str) -> String {
    format!("{}:{call}", order.id())
}

/// Every gateway error where a refusal would mean that we are wrong, not the order.
fn technical(error: GatewayError) -> Retry {
    match error {
        GatewayError::Unavailable(unavailable) => Retry::new("GatewayUnavailable", unavailable.cause),
        GatewayError::WrongState => {
            Retry::new("PaymentChanged", "the payment changed state meanwhile; it is read again")
        }
        GatewayError::Rejected(reason) => Retry::new("GatewayRefused", reason),
    }
}

fn charged(order: &Order, outcome: Outcome) -> Result<Value, StepError> {
    match outcome {
        Outcome::Rejected(reason) => Err(StepError::Reject(reason)),
        Outcome::Done(_) => Ok(json!({ "outcome": outcome, "payment_id": order.payment_id() })),
    }
}
