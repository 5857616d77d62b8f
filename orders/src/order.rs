//! The order: what the storefront sent ([`NewOrder`], never changed) and how far it got ([`Progress`]).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::mail::MailRecord;
use crate::outcome::{Outcome, Reason};
use crate::payment::PaymentState;
use crate::reservation::Reservation;
use crate::step::{Step, names};
use crate::{Currency, CustomerId, Money, OrderId, Sku, Storefront, TraceId};

names!(
    /// Where an order stands, for its customer.
    Status {
        /// Durably stored and queued.
        Accepted = "accepted",
        /// Its lines are taken from stock.
        Reserved = "reserved",
        /// Its customer was charged.
        Paid = "paid",
        /// Final: it will be delivered.
        Confirmed = "confirmed",
        /// Final: it won't, for a [`Reason`].
        Rejected = "rejected",
    }
);

impl Status {
    /// Nothing changes any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Status::Confirmed | Status::Rejected)
    }
}

/// Who ordered. Personal data: never in logs, queues or the workflow's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The storefront's id for them.
    pub id: CustomerId,
    /// Where the mails go.
    pub email: String,
    /// How the mails address them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where the goods go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number, and more where needed.
    pub lines: Vec<String>,
    /// City.
    pub city: String,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
}

/// One SKU of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The product.
    pub sku: Sku,
    /// How many.
    pub quantity: u32,
}

/// An order as the storefront sent it, validated, lines of one SKU merged. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// Derived from the storefront and its idempotency key ([`OrderId::derive`]).
    pub id: OrderId,
    /// Who posted it, and who may read it.
    pub storefront: Storefront,
    /// When it was accepted.
    pub placed_at: Timestamp,
    /// Finds the order in every log.
    pub trace_id: TraceId,
    /// What was ordered, by whom: all that the storefront chose.
    #[serde(flatten)]
    pub content: Content,
}

/// What the storefront chose; two posts with one key are the same order when this is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Who ordered.
    pub customer: Customer,
    /// At least one; each SKU once ([`Line::merge`]).
    pub lines: Vec<Line>,
    /// What the customer pays in.
    pub currency: Currency,
    /// The gateway's name for how, such as `pm_card_visa`. A reference, never a card number.
    pub payment_method: String,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// What the storefront showed as the total; a different one rejects the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Money>,
    /// The storefront's own notes, given back as they came.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Line {
    /// Merges lines of one SKU, in order of first appearance. `None` if a quantity doesn't fit.
    pub fn merge(lines: impl IntoIterator<Item = Line>) -> Option<Vec<Line>> {
        let mut merged: Vec<Line> = Vec::new();
        for line in lines {
            match merged.iter_mut().find(|other| other.sku == line.sku) {
                Some(other) => other.quantity = other.quantity.checked_add(line.quantity)?,
                None => merged.push(line),
            }
        }
        Some(merged)
    }
}

impl Content {
    /// Equal for equal contents, different for different ones: what a reused idempotency key is checked against.
    /// Independent of the JSON that was posted (its key order, white space, order of one SKU's lines).
    pub fn fingerprint(&self) -> [u8; 16] {
        let canonical = serde_json::to_vec(self).expect("strings, integers and maps with string keys always serialise");
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&Sha256::digest(&canonical)[..16]);
        fingerprint
    }
}

/// What one step did, and when: the effect record, and a row of the order's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Which step.
    pub step: Step,
    /// When its outcome was recorded.
    pub at: Timestamp,
    /// What is repeated when the message comes again.
    pub outcome: Outcome,
    /// How often its message was received until then.
    pub attempts: u32,
}

/// How far an order got. Changed only by the transitions in [`crate::reservation`], [`crate::payment`] and
/// [`crate::closing`]; written as a whole, on condition that its version is still the one that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Where the order stands.
    pub status: Status,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What the customer pays, known from the reservation on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// The price of one, per line, in the lines' order; known from the reservation on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unit_prices: Vec<i64>,
    /// When the customer asked to cancel; the next forward step turns it into a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    /// What is taken from stock.
    #[serde(default, skip_serializing_if = "Reservation::is_none")]
    pub reservation: Reservation,
    /// What is known of the payment.
    #[serde(default, skip_serializing_if = "PaymentState::is_none")]
    pub payment: PaymentState,
    /// Attempts to mail the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailRecord>,
    /// A record per step that has an outcome, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
}

impl Progress {
    /// An order that was just accepted.
    pub const fn accepted() -> Self {
        Self {
            status: Status::Accepted,
            reason: None,
            total: None,
            unit_prices: Vec::new(),
            cancel_requested_at: None,
            reservation: Reservation::None,
            payment: PaymentState::None,
            mail: None,
            steps: Vec::new(),
        }
    }
}

/// An order as a store gives it: what was posted, how far it got, and the version a write must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What was posted.
    pub placed: NewOrder,
    /// How far it got.
    pub progress: Progress,
    /// Rises with every write.
    pub version: u64,
}

/// When, and on which attempt, a step records its outcome. Made anew for each decision: a step may take its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Now.
    pub at: Timestamp,
    /// The message's receive count.
    pub number: u32,
}

impl Order {
    /// An order that was just accepted, at its first version.
    pub const fn new(placed: NewOrder) -> Self {
        Self { placed, progress: Progress::accepted(), version: 1 }
    }

    /// Its id.
    pub const fn id(&self) -> &OrderId {
        &self.placed.id
    }

    /// What the step's record says, if it has one.
    pub fn outcome(&self, step: Step) -> Option<Outcome> {
        self.progress.steps.iter().find(|record| record.step == step).map(|record| record.outcome)
    }

    /// Records what the step came to. The first record stands: a second one is ignored, so nothing rewrites history.
    pub(crate) fn record(&mut self, step: Step, outcome: Outcome, attempt: Attempt) {
        if self.outcome(step).is_none() {
            self.progress.steps.push(StepRecord { step, at: attempt.at, outcome, attempts: attempt.number });
        }
    }

    pub(crate) const fn cancel_requested(&self) -> bool {
        self.progress.cancel_requested_at.is_some()
    }
}
