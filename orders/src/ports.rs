//! What the pipeline needs from the world. Each has an adapter on SQLite (`infra/embedded`) and one on AWS
//! (`infra/aws`), and one contract suite for both (`tests/contract`).
//!
//! Every method is safe to repeat. [`Unavailable`] says that the outcome is unknown: try again later.

pub mod ops;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::mail::Mail;
use crate::message::TaskToken;
use crate::order::{NewOrder, Order, Status};
use crate::outcome::Retry;
use crate::payment::PaymentId;
use crate::step::{Queue, QueueName, UnknownName};
use crate::{CustomerId, Money, OrderId, Product, RejectReason, Sku, StockChange, Storefront};

/// What a port is for could not be done now, or nobody knows whether it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is unavailable: {cause}")]
pub struct Unavailable {
    /// A name to group by, such as `Store` or `Gateway`.
    pub what: &'static str,
    /// What went wrong. No personal data.
    pub cause: String,
}

impl Unavailable {
    /// `what` is unavailable because of `cause`.
    pub fn new(what: &'static str, cause: impl std::fmt::Display) -> Self {
        Self { what, cause: cause.to_string() }
    }
}

impl From<Unavailable> for Retry {
    fn from(unavailable: Unavailable) -> Self {
        Retry::new("Unavailable", unavailable)
    }
}

impl From<Unavailable> for crate::StepError {
    fn from(unavailable: Unavailable) -> Self {
        Retry::from(unavailable).into()
    }
}

/// Tells the time. Steps take it as a port, so that tests can tell another.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// What became of a posted order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It is new; it is durably stored and its message is durably queued.
    Created,
    /// It was posted before with the same content. Its message was sent again if its execution had not started.
    Repeated,
    /// Its idempotency key was used for another order.
    KeyReused,
}

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is durable.
    Saved,
    /// Nothing was written: the order, or a product's stock or price, is no longer what the decision rests on. Read again.
    Conflict,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// In the listing's order.
    pub items: Vec<T>,
    /// Opaque; asks for what follows. `None` at the end.
    pub next: Option<String>,
}

/// Which page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many items.
    pub limit: NonZeroU32,
    /// A [`Page::next`] of the same listing; `None` for its beginning.
    pub cursor: Option<String>,
}

/// A listing could not be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The cursor is not one that this listing gave.
    #[error("the cursor is not one that this listing gave")]
    InvalidCursor,
    /// The store can't answer now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Which orders to list; `None` means any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderFilter {
    /// Posted by this storefront.
    pub storefront: Option<Storefront>,
    /// In this status.
    pub status: Option<Status>,
    /// Of this customer.
    pub customer: Option<CustomerId>,
}

/// The orders, and the way in: what `POST /orders` promises.
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// Stores the order and queues its [`crate::message::Dispatch`] message, both durably, unless the order is there already.
    ///
    /// An order whose message could not be queued was never promised: it expires (60 days) unless [`Self::keep`] comes first.
    async fn accept(&self, order: &NewOrder) -> Result<Acceptance, Unavailable>;

    /// Takes the order's expiry away, on condition that it exists; `false` if it doesn't. Comes before its execution starts.
    async fn keep(&self, id: &OrderId) -> Result<bool, Unavailable>;

    /// The order as it is now. One that expired is absent.
    async fn get(&self, id: &OrderId) -> Result<Option<Order>, Unavailable>;

    /// Orders, newest first. A page may hold fewer than its limit and still have a next one.
    async fn list(&self, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, ListError>;

    /// Writes `order.progress` and the stock changes, all or nothing, on condition that the stored version is
    /// `order.version` and every change can be made. The stored version becomes `order.version + 1`.
    async fn update(&self, order: &Order, stock: &[StockChange]) -> Result<Saved, Unavailable>;
}

/// What became of a change to a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The product as it is now (or was, if deleted).
    Done(Product),
    /// There is no such product.
    Missing,
    /// There is one already, or it is not at the expected version; as it is now.
    Conflict(Product),
    /// The delta would take the stock below zero or over [`crate::product::MAX_STOCK`]; as it is now.
    OutOfRange(Product),
    /// Orders that are not final hold some of it; as it is now.
    Reserved(Product),
}

/// The product catalogue. `reserved` and `version` of a product that is passed in are ignored: the store keeps them.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Those of `skus` that exist, strongly consistent, in any order.
    async fn get(&self, skus: &[Sku]) -> Result<Vec<Product>, Unavailable>;
    /// All products, by SKU.
    async fn list(&self, page: &PageRequest) -> Result<Page<Product>, ListError>;
    /// Adds a product: `Done` or `Conflict`.
    async fn create(&self, product: &Product) -> Result<Changed, Unavailable>;
    /// Replaces name, description, price and stock, on condition of the version: `Done`, `Missing` or `Conflict`.
    async fn replace(&self, product: &Product, version: u64) -> Result<Changed, Unavailable>;
    /// Removes it, if nothing of it is reserved: `Done`, `Missing`, `Conflict` (with a version) or `Reserved`.
    async fn delete(&self, sku: &Sku, version: Option<u64>) -> Result<Changed, Unavailable>;
    /// Adds `delta` to its stock: `Done`, `Missing` or `OutOfRange`.
    async fn adjust_stock(&self, sku: &Sku, delta: i64) -> Result<Changed, Unavailable>;
}

/// A message on its way into a queue. All its attributes are strings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outgoing {
    /// The message body.
    pub body: String,
    /// Message attributes, ten at most.
    pub attributes: BTreeMap<String, String>,
    /// Hidden for so long, 15 minutes at most.
    pub delay: Duration,
    /// SQS's system attribute `AWSTraceHeader`, for X-Ray. The embedded queues don't keep it: a body names its trace itself.
    pub trace_header: Option<String>,
}

/// SQS: a message, with its attributes, has 1 MiB at most (Amazon SQS quotas, "Message size"); a shared limit for both worlds.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// SQS: a message has ten attributes at most (Amazon SQS quotas, "Message attributes").
pub const MAX_MESSAGE_ATTRIBUTES: usize = 10;
/// SQS: a message stays invisible for 12 hours at most (Amazon SQS quotas, "Message visibility timeout").
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);
/// SQS: a message is delayed by 15 minutes at most (Amazon SQS quotas, "Delay queue").
pub const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// A message could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It is over a limit of SQS; sending it again won't help.
    #[error("the message is refused: {0}")]
    Invalid(String),
    /// The queue can't take it now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The queues, as the workers use them. Receiving and deleting is the trigger's business, not a worker's.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Sends a message, durably.
    async fn send(&self, queue: QueueName, message: Outgoing) -> Result<(), SendError>;
    /// Makes a received message visible again after `after` ([`MAX_VISIBILITY`] at most). A stale receipt changes nothing.
    async fn change_visibility(&self, queue: Queue, receipt_handle: &str, after: Duration) -> Result<(), Unavailable>;
}

/// What became of starting an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It runs.
    Started,
    /// One of that name exists, running or ended.
    AlreadyExists,
}

/// Why a task could not be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// `TaskTimedOut` or `TaskDoesNotExist`: it was answered already, or outlived. Acknowledge and change nothing.
    #[error("the task token is spent: the task was answered already, or timed out")]
    Spent,
    /// `InvalidToken`: no workflow ever issued this.
    #[error("the task token is not valid")]
    InvalidToken,
    /// The workflow can't take the answer now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The workflow, as the workers see it: Step Functions, or the embedded engine.
#[async_trait]
pub trait Workflow: Send + Sync {
    /// Starts the order's execution; its name is the order's id.
    async fn start(&self, name: &OrderId, input: &Value) -> Result<Started, Unavailable>;
    /// `SendTaskSuccess`.
    async fn succeed(&self, token: &TaskToken, output: &Value) -> Result<(), AnswerError>;
    /// `SendTaskFailure`. The error's name is at most 256 characters, the cause 32,768 (API reference).
    async fn fail(&self, token: &TaskToken, error: &str, cause: &str) -> Result<(), AnswerError>;
}

/// A payment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequest {
    /// For which order.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// The gateway's name for how.
    pub payment_method: String,
}

/// A payment as the gateway has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Where it stands.
    pub status: PaymentStatus,
}

/// Where a payment stands at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Created; no money moved.
    RequiresConfirmation,
    /// The gateway is still at it; read again later.
    Processing,
    /// The money is captured.
    Succeeded,
    /// Declined; no money moved.
    Declined(RejectReason),
    /// Cancelled before any money moved.
    Voided,
    /// The money went back.
    Refunded,
}

/// The name on the wire.
impl fmt::Display for PaymentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequiresConfirmation => f.write_str("requires_confirmation"),
            Self::Processing => f.write_str("processing"),
            Self::Succeeded => f.write_str("succeeded"),
            Self::Declined(reason) => write!(f, "declined:{reason}"),
            Self::Voided => f.write_str("voided"),
            Self::Refunded => f.write_str("refunded"),
        }
    }
}

impl FromStr for PaymentStatus {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Ok(match text {
            "requires_confirmation" => Self::RequiresConfirmation,
            "processing" => Self::Processing,
            "succeeded" => Self::Succeeded,
            "voided" => Self::Voided,
            "refunded" => Self::Refunded,
            _ => Self::Declined(text.strip_prefix("declined:").unwrap_or(text).parse()?),
        })
    }
}

/// The gateway did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The order is at fault (a payment method that doesn't exist, an amount it can't take): never retry.
    #[error("the gateway refuses the request: {0}")]
    Rejected(RejectReason),
    /// The payment is not in a state that allows this: read it again.
    #[error("the payment is not in a state that allows this")]
    WrongState,
    /// Nobody knows whether it was done: read the payment, and repeat with the same key.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A payment gateway. Keys are idempotency keys: the same key repeats the answer and not the effect.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Creates a payment that moves no money yet.
    async fn create(&self, request: &PaymentRequest, key: &str) -> Result<Payment, GatewayError>;
    /// The payment as it is now.
    async fn read(&self, id: &PaymentId) -> Result<Payment, GatewayError>;
    /// Charges the customer. A decline is a payment that is [`PaymentStatus::Declined`], not an error.
    async fn confirm(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError>;
    /// Cancels a payment that is not captured.
    async fn void(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError>;
    /// Pays a captured payment back in full.
    async fn refund(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError>;
}

/// A mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// For good: the address is dead, the content is refused.
    #[error("the mail service refuses this mail: {0}")]
    Refused(String),
    /// For now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Sends mail. No mail service knows idempotency keys: a repeated call may send twice.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands one mail to the mail service.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
