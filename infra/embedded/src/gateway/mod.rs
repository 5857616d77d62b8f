//! A payment gateway that behaves like one, for a laptop, a demo and the tests. No money moves.
//!
//! [`orders::sandbox`] has the payment methods it knows. Idempotency keys are kept for a day, as at Stripe: the same key with
//! the same request repeats the answer, with another request it is refused. Answers are kept, errors are not.
//! Every capture and refund is an entry of a durable [ledger](SimulatedGateway::ledger), so that a test can count them
//! whatever the keys did.

mod rows;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use orders::money::MAX_AMOUNT;
use orders::payment::PaymentId;
use orders::ports::{
    Clock, GatewayError, ListError, Page, PageRequest, Payment, PaymentGateway, PaymentRequest, PaymentStatus,
    Unavailable,
};
use orders::sandbox::{Method, Operation};
use orders::{Money, OrderId, RejectReason};
use rusqlite::Connection;
use serde::Serialize;

use crate::clock::now;
use crate::db::{Db, Verdict};
use crate::paging;
use rows::{Answer, Key};

/// What an entry of the ledger records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// Money was taken from the customer.
    Capture,
    /// It went back.
    Refund,
}

/// Money that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerEntry {
    /// For which payment.
    pub payment: PaymentId,
    /// Which way.
    pub movement: Movement,
    /// How much.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// An entry of the ledger as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// For which order.
    pub order_id: OrderId,
    /// What moved.
    #[serde(flatten)]
    pub entry: LedgerEntry,
}

/// What moved for one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderTotals {
    /// Which order.
    pub order_id: OrderId,
    /// How often money was captured. More than once is a double charge.
    pub captures: u32,
    /// How often it went back.
    pub refunds: u32,
}

/// The simulated gateway of one file.
pub struct SimulatedGateway {
    db: Db,
    clock: Arc<dyn Clock>,
    down: AtomicBool,
}

/// Names a payment the way its id does.
fn id_of(seq: i64) -> PaymentId {
    PaymentId(format!("pi_{seq}"))
}

fn seq_of(id: &PaymentId) -> Option<i64> {
    id.0.strip_prefix("pi_")?.parse().ok()
}

fn no_answer() -> GatewayError {
    GatewayError::Unavailable(Unavailable::new("Gateway", "no answer in time (simulated)"))
}

const INVALID: GatewayError = GatewayError::Rejected(RejectReason::PaymentInvalid);

impl SimulatedGateway {
    /// Over an opened file.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub fn load(db: Db, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let down = db.read(rows::is_down)?.into();
        Ok(Self { db, clock, down })
    }

    /// Whether an outage is being simulated.
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Begins or ends an outage: nobody answers anything, and nothing happens at the gateway. Survives a restart.
    ///
    /// # Errors
    /// [`Unavailable`] if that can't be stored now.
    pub async fn set_down(&self, down: bool) -> Result<(), Unavailable> {
        self.db.write(move |connection| rows::set_down(connection, down).map(Verdict::Keep)).await?;
        self.down.store(down, Ordering::Relaxed);
        Ok(())
    }

    fn answers(&self) -> Result<(), GatewayError> {
        if self.is_down() { Err(no_answer()) } else { Ok(()) }
    }

    /// All that moved for an order, oldest first.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub async fn ledger(&self, order: &OrderId) -> Result<Vec<LedgerEntry>, Unavailable> {
        let order = order.clone();
        self.db.scan(move |connection| rows::ledger(connection, &order)).await
    }

    /// All that ever moved, newest first.
    ///
    /// # Errors
    /// [`ListError`] if the cursor is none of this listing's, or the file can't be read now.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<Listed>, ListError> {
        let before = paging::before(page.cursor.as_deref())?;
        let limit = page.limit.get();
        Ok(self.db.scan(move |connection| rows::list(connection, before, limit)).await?)
    }

    /// What moved for each order of which anything did.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub async fn totals(&self) -> Result<Vec<OrderTotals>, Unavailable> {
        self.db.scan(rows::totals).await
    }

    /// Runs one request inside the writer.
    async fn request(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<Result<Answer, GatewayError>> + Send + 'static,
    ) -> Result<Payment, GatewayError> {
        // An error may have counted a fault, which must stay: so it is kept as well.
        let answer = self.db.write(move |connection| job(connection).map(Verdict::Keep)).await?;
        answer.map(|Answer { seq, status }| Payment { id: id_of(seq), status })
    }

    async fn operate(&self, operation: Operation, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.answers()?;
        let Some(seq) = seq_of(id) else { return Err(INVALID) };
        let key = Key { key: key.to_owned(), request: format!("{operation:?} {seq}"), now: now(&*self.clock) };
        self.request(move |connection| operate(connection, operation, seq, &key)).await
    }
}

/// One request about a payment that exists, with its idempotency key.
fn operate(
    connection: &Connection,
    operation: Operation,
    seq: i64,
    key: &Key,
) -> rusqlite::Result<Result<Answer, GatewayError>> {
    let Some(payment) = rows::find(connection, seq)? else { return Ok(Err(INVALID)) };
    let method = Method::of(&payment.method).unwrap_or(Method::Succeeds);
    let loses = match (operation, method) {
        (_, Method::Down) => return Ok(Err(no_answer())),
        (Operation::Confirm, Method::TimesOut(times)) if payment.faults < times => {
            rows::count_fault(connection, seq)?;
            return Ok(Err(no_answer()));
        }
        (Operation::Confirm, Method::LosesAnswers(times)) if payment.faults < times => {
            rows::count_fault(connection, seq)?;
            true
        }
        _ => false,
    };
    let status = match rows::answered(connection, key)? {
        Some(Ok(answer)) => answer.status,
        Some(Err(other)) => return Ok(Err(other)),
        None => {
            let Some(next) = operation.applied(payment.status, method) else {
                return Ok(Err(GatewayError::WrongState));
            };
            rows::change(connection, seq, next)?;
            match next {
                PaymentStatus::Succeeded => rows::record(connection, seq, Movement::Capture, payment.amount, key.now)?,
                PaymentStatus::Refunded => rows::record(connection, seq, Movement::Refund, payment.amount, key.now)?,
                _ => {}
            }
            rows::remember(connection, key, seq, next)?;
            next
        }
    };
    Ok(if loses { Err(no_answer()) } else { Ok(Answer { seq, status }) })
}

#[async_trait]
impl PaymentGateway for SimulatedGateway {
    async fn create(&self, request: &PaymentRequest, key: &str) -> Result<Payment, GatewayError> {
        self.answers()?;
        let PaymentRequest { order_id, amount, payment_method } = request.clone();
        match Method::of(&payment_method) {
            Some(Method::Down) => return Err(no_answer()),
            Some(_) if (1..=MAX_AMOUNT).contains(&amount.amount) => {}
            _ => return Err(INVALID),
        }
        let described = format!("Create {order_id} {} {} {payment_method}", amount.amount, amount.currency.code());
        let key = Key { key: key.to_owned(), request: described, now: now(&*self.clock) };
        let create = move |connection: &Connection| {
            if let Some(answered) = rows::answered(connection, &key)? {
                return Ok(answered);
            }
            let seq = rows::insert(connection, &order_id, amount, &payment_method)?;
            rows::remember(connection, &key, seq, PaymentStatus::RequiresConfirmation)?;
            Ok(Ok(Answer { seq, status: PaymentStatus::RequiresConfirmation }))
        };
        self.request(create).await
    }

    async fn read(&self, id: &PaymentId) -> Result<Payment, GatewayError> {
        self.answers()?;
        let Some(seq) = seq_of(id) else { return Err(INVALID) };
        let payment = self.db.read(|connection| rows::find(connection, seq))?.ok_or(INVALID)?;
        if Method::of(&payment.method) == Some(Method::Down) {
            return Err(no_answer());
        }
        Ok(Payment { id: id.clone(), status: payment.status })
    }

    async fn confirm(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        let answer = self.operate(Operation::Confirm, id, key).await;
        if let Some(seq) = seq_of(id)
            && let Some(payment) = self.db.read(|connection| rows::find(connection, seq))?
            && let Some(Method::Slow(wait)) = Method::of(&payment.method)
        {
            tokio::time::sleep(wait).await;
        }
        answer
    }

    async fn void(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.operate(Operation::Void, id, key).await
    }

    async fn refund(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.operate(Operation::Refund, id, key).await
    }
}

#[cfg(test)]
mod tests;
