//! The `emails` queue: write the order's final status, then mail it.
//!
//! The status comes first, by conditional write: from then on a cancel is refused. The mail is at-least-once: the write
//! counts an attempt, and a crash between handing the mail over and recording that repeats it.

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use async_trait::async_trait;
use orders::mail::{Mail, MailKind, MailResult};
use orders::message::{EmailMessage, Task};
use orders::outcome::Reason;
use orders::ports::{Catalogue, MailError, Mailer, OrderStore};
use orders::text::{isolated, shown};
use orders::{Money, Order, Outcome, Queue, RejectReason, Retry, Sku, Status, Step, StepError};
use serde_json::{Value, json};

use crate::batch::Worker;
use crate::transition::{load, transition};
use crate::{Delivery, Verdict};

/// Confirms and rejects, and tells the customer.
pub struct EmailWorker {
    /// Where the orders are.
    pub orders: Arc<dyn OrderStore>,
    /// Where the products' names are.
    pub catalogue: Arc<dyn Catalogue>,
    /// Who sends.
    pub mailer: Arc<dyn Mailer>,
}

#[async_trait]
impl Worker for EmailWorker {
    const QUEUE: Queue = Queue::Emails;
    type Message = EmailMessage;

    async fn handle(&self, message: &EmailMessage, delivery: &Delivery) -> Verdict {
        if let EmailMessage::SendConfirmation(task) = message
            && task.is_late(delivery.now())
        {
            return Verdict::Acknowledge;
        }
        let (EmailMessage::SendConfirmation(task) | EmailMessage::NotifyRejected(task)) = message;
        let order = match load(&*self.orders, &task.order_id).await {
            Ok(order) => order,
            Err(verdict) => return verdict,
        };
        match message {
            EmailMessage::SendConfirmation(_) => self.confirm(order, delivery).await.into(),
            EmailMessage::NotifyRejected(task) => self.reject(order, task, delivery).await.into(),
        }
    }
}

impl EmailWorker {
    async fn confirm(&self, order: Order, delivery: &Delivery) -> Result<Value, StepError> {
        let step = Step::SendConfirmation;
        let order = transition(&*self.orders, order, |order| order.confirm(delivery.attempt())).await?;
        match order.outcome(step) {
            Some(Outcome::Rejected(reason)) => Err(StepError::Reject(reason)),
            Some(Outcome::Done(_)) => Ok(closing_output(&order)),
            None => Ok(self.mail(order, step, MailKind::Confirmation, delivery).await?),
        }
    }

    async fn reject(&self, order: Order, task: &Task, delivery: &Delivery) -> Result<Value, Retry> {
        let step = Step::NotifyRejected;
        let reason = task.failure().unwrap_or(Reason::TechnicalFailure);
        let order = transition(&*self.orders, order, |order| {
            order.reject(reason, delivery.attempt());
            Vec::new()
        })
        .await?;
        match (order.outcome(step), order.progress.status) {
            (None, Status::Rejected) => self.mail(order, step, MailKind::Rejection, delivery).await,
            // A confirmed order stays so, and its customer hears nothing else.
            _ => Ok(closing_output(&order)),
        }
    }

    async fn mail(&self, order: Order, step: Step, kind: MailKind, delivery: &Delivery) -> Result<Value, Retry> {
        let mail = self.render(&order, kind).await?;
        let result = match self.mailer.send(&mail).await {
            Ok(()) => MailResult::Sent,
            Err(MailError::Refused(cause)) => {
                tracing::warn!(cause, "the mail service refuses the mail for good");
                MailResult::Refused
            }
            Err(MailError::Unavailable(unavailable)) => return Err(Retry::new("MailUnavailable", unavailable.cause)),
        };
        let order = transition(&*self.orders, order, |order| {
            order.mailed(step, result, delivery.attempt());
            Vec::new()
        })
        .await?;
        Ok(closing_output(&order))
    }

    async fn render(&self, order: &Order, kind: MailKind) -> Result<Mail, Retry> {
        let content = &order.placed.content;
        let skus: Vec<Sku> = content.lines.iter().map(|line| line.sku.clone()).collect();
        let products = self.catalogue.get(&skus).await?;
        let name_of =
            |sku: &Sku| products.iter().find(|product| product.sku == *sku).map(|product| product.name.clone());
        let prices = order.progress.unit_prices.iter().map(|amount| Money::new(*amount, content.currency));
        let lines = content.lines.iter().zip(prices.map(Some).chain(std::iter::repeat(None)));
        let view = MailView {
            number: order.id().as_str(),
            customer: content.customer.name.as_deref().map(shown),
            lines: lines
                .map(|(line, price)| LineView {
                    name: shown(&name_of(&line.sku).unwrap_or_else(|| line.sku.to_string())).into_owned(),
                    quantity: line.quantity,
                    amount: price.and_then(|price| price.times(line.quantity)),
                })
                .collect(),
            total: order.progress.total,
            reason: order.progress.reason.map(explanation),
        };
        let rendered = match kind {
            MailKind::Confirmation => {
                (ConfirmationText { mail: &view }.render(), ConfirmationHtml { mail: &view }.render())
            }
            MailKind::Rejection => (RejectionText { mail: &view }.render(), RejectionHtml { mail: &view }.render()),
        };
        let (Ok(text), Ok(html)) = rendered else {
            return Err(Retry::new("MailTemplate", "the mail can't be rendered"));
        };
        let verb = if kind == MailKind::Confirmation { "confirmed" } else { "cancelled" };
        Ok(Mail {
            order_id: order.id().clone(),
            kind,
            to: content.customer.email.clone(),
            subject: format!("Your order {} is {verb}", order.id()),
            text,
            html,
        })
    }
}

/// What ends the execution: the order's final status, and what became of its mail.
pub(crate) fn closing_output(order: &Order) -> Value {
    let mail = order.progress.mail.as_ref().and_then(|mail| mail.result).unwrap_or(MailResult::Failed);
    let mut output = json!({ "order_id": order.id(), "status": order.progress.status, "mail": mail });
    if let Some(reason) = order.progress.reason {
        output["reason"] = json!(reason);
    }
    output
}

/// The reason, as a sentence for the customer.
fn explanation(reason: Reason) -> &'static str {
    let Reason::Business(reason) = reason else {
        return "We could not process it, for a technical reason on our side.";
    };
    match reason {
        RejectReason::OutOfStock => "We do not have enough of what you ordered.",
        RejectReason::ProductNotFound => "Something you ordered is no longer sold.",
        RejectReason::CurrencyMismatch => "Something you ordered is not sold in this currency.",
        RejectReason::PriceChanged => "A price changed before we could reserve your order.",
        RejectReason::AmountTooLarge => "The total is more than a card payment can carry.",
        RejectReason::PaymentDeclined => "Your bank declined the payment.",
        RejectReason::InsufficientFunds => "Your bank declined the payment: not enough funds.",
        RejectReason::AuthenticationRequired => "Your bank asks you to authenticate this payment. Please order again.",
        RejectReason::PaymentInvalid => "The payment method can't be used for this order.",
        RejectReason::Cancelled => "You cancelled it.",
        RejectReason::Compensated => "It was not completed in time.",
    }
}

struct MailView<'a> {
    number: &'a str,
    customer: Option<Cow<'a, str>>,
    lines: Vec<LineView>,
    total: Option<Money>,
    reason: Option<&'static str>,
}

struct LineView {
    name: String,
    quantity: u32,
    amount: Option<Money>,
}

// HTML has `<bdi>`; plain text has only characters.
impl MailView<'_> {
    fn plain_customer(&self) -> Option<Cow<'_, str>> {
        self.customer.as_deref().map(isolated)
    }
}

impl LineView {
    fn plain_name(&self) -> Cow<'_, str> {
        isolated(&self.name)
    }
}

#[derive(Template)]
#[template(path = "confirmation.txt")]
struct ConfirmationText<'a> {
    mail: &'a MailView<'a>,
}

#[derive(Template)]
#[template(path = "confirmation.html")]
struct ConfirmationHtml<'a> {
    mail: &'a MailView<'a>,
}

#[derive(Template)]
#[template(path = "rejection.txt")]
struct RejectionText<'a> {
    mail: &'a MailView<'a>,
}

#[derive(Template)]
#[template(path = "rejection.html")]
struct RejectionHtml<'a> {
    mail: &'a MailView<'a>,
}
