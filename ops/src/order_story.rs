//! Everything that happened to an order, from all who know: its record, its execution's history, its dead letters.

use std::num::NonZeroU32;

use jiff::Timestamp;
use orders::ports::PageRequest;
use orders::ports::ops::{ExecutionSummary, QueueDepth};
use orders::step::QueueName;
use orders::{Order, OrderId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::letter::order_of;
use crate::{Letter, Ops, OpsError, OrderSummary};

/// So many dead letters of each queue are looked through for the order's.
const LOOKED_THROUGH: usize = 1_000;
const LOOK: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Who knows: `order`, `step`, `execution`, `mail` or `dead letter`.
    pub source: String,
    /// What.
    pub what: String,
    /// More of it.
    pub detail: String,
}

/// An order and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStory {
    /// The order.
    #[serde(flatten)]
    pub order: OrderSummary,
    /// Finds it in every log.
    pub trace_id: String,
    /// Its execution, once it has one.
    pub execution: Option<ExecutionSummary>,
    /// What happened, oldest first.
    pub timeline: Vec<Moment>,
    /// Its messages in the DLQs.
    pub dead_letters: Vec<(orders::Queue, Letter)>,
}

fn moment(at: Timestamp, source: &str, what: impl Into<String>, detail: impl Into<String>) -> Moment {
    Moment { at, source: source.to_owned(), what: what.into(), detail: detail.into() }
}

impl Ops {
    pub(crate) async fn story(&self, id: &OrderId) -> Result<OrderStory, OpsError> {
        let order = self.find_order(id).await?;
        let execution = self.ports.executions.describe(id).await?;
        let history = self.ports.executions.history(id).await?.unwrap_or_default();
        let dead_letters = self.dead_letters_of(&order).await?;
        let mut timeline = told_by_the_order(&order);
        timeline.extend(history.iter().filter_map(told_by_the_history));
        timeline.extend(dead_letters.iter().map(|(queue, letter)| {
            let step = letter.cause.step.map_or("?", orders::Step::name);
            let detail = format!("{step}: {} ({})", letter.cause.error, letter.cause.cause);
            moment(letter.sent_at, "dead letter", format!("in {}", QueueName::dlq(*queue)), detail)
        }));
        timeline.sort_by_key(|moment| moment.at);
        let trace_id = order.placed.trace_id.to_string();
        Ok(OrderStory { order: OrderSummary::from(&order), trace_id, execution, timeline, dead_letters })
    }

    async fn dead_letters_of(&self, order: &Order) -> Result<Vec<(orders::Queue, Letter)>, OpsError> {
        let mut found = Vec::new();
        let depths = self.ports.queues.depths().await?;
        for QueueDepth { queue, .. } in depths.iter().filter(|depth| depth.queue.dead_letters && depth.total() > 0) {
            let (mut looked_through, mut cursor) = (0, None);
            loop {
                let page = self.ports.queues.look(*queue, &PageRequest { limit: LOOK, cursor }).await?;
                looked_through += page.items.len();
                for message in page.items {
                    if order_of(queue.queue, &message).as_ref() == Some(order.id()) {
                        let refusal = self.refusal(queue.queue, &message.body, Some(order)).await;
                        found.push((queue.queue, Letter::new(queue.queue, message, Some(order), refusal)));
                    }
                }
                cursor = page.next;
                if cursor.is_none() || looked_through >= LOOKED_THROUGH {
                    break;
                }
            }
            self.ports.queues.looked(*queue).await?;
        }
        Ok(found)
    }
}

fn told_by_the_order(order: &Order) -> Vec<Moment> {
    let mut told = vec![moment(order.placed.placed_at, "order", "accepted", format!("by {}", order.placed.storefront))];
    told.extend(order.progress.cancel_requested_at.map(|at| moment(at, "order", "cancel requested", "")));
    for record in &order.progress.steps {
        let tries = if record.attempts > 1 { format!("attempt {}", record.attempts) } else { String::new() };
        told.push(moment(record.at, "step", format!("{} -> {}", record.step, record.outcome), tries));
    }
    if let Some(mail) = &order.progress.mail {
        let result = mail.result.map_or("no answer yet".to_owned(), |result| result.to_string());
        let what = format!("{} mail: {result}", mail.kind);
        told.push(moment(mail.last_attempt_at, "mail", what, format!("attempts: {}", mail.attempts)));
    }
    told
}

/// The events that move an execution; the rest is in `executions history`.
fn told_by_the_history(event: &Value) -> Option<Moment> {
    let kind = event["type"].as_str()?;
    let at = timestamp_of(event)?;
    let failure = || {
        let details = event.as_object()?.iter().find(|(name, _)| name.ends_with("EventDetails"))?.1;
        Some(format!("{}: {}", details["error"].as_str().unwrap_or("?"), details["cause"].as_str().unwrap_or_default()))
    };
    let entered = || event["stateEnteredEventDetails"]["name"].as_str();
    match kind {
        "TaskStateEntered" => Some(moment(at, "execution", format!("enters {}", entered()?), "")),
        "ExecutionStarted" | "ExecutionSucceeded" | "ExecutionRedriven" => Some(moment(at, "execution", kind, "")),
        _ if kind.ends_with("Failed") || kind.ends_with("TimedOut") || kind == "ExecutionAborted" => {
            Some(moment(at, "execution", kind, failure().unwrap_or_default()))
        }
        _ => None,
    }
}

/// Of a history event. AWS's own JSON has seconds, with a fraction; ours has RFC 3339.
pub(crate) fn timestamp_of(event: &Value) -> Option<Timestamp> {
    match &event["timestamp"] {
        Value::String(text) => text.parse().ok(),
        seconds => {
            let milliseconds = seconds.as_f64()? * 1000.0;
            Timestamp::from_millisecond(milliseconds.round() as i64).ok()
        }
    }
}
