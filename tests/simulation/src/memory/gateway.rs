//! A gateway that keeps a ledger, and idempotency keys for a day, as Stripe does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use orders::payment::PaymentId;
use orders::ports::*;
use orders::{OrderId, RejectReason};
use parking_lot::Mutex;

use super::clock::ManualClock;
use super::faults::Faults;

/// Keeps every payment.
pub struct MemoryGateway {
    state: Mutex<State>,
    latency: Mutex<Duration>,
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
}

/// A payment, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was asked for.
    pub request: PaymentRequest,
    /// Where it stands.
    pub status: PaymentStatus,
    /// Money was captured, paid back or not.
    pub captured: bool,
}

#[derive(Default)]
struct State {
    payments: Vec<Entry>,
    keys: BTreeMap<String, (Timestamp, usize)>,
}

/// The gateway's number of a payment.
fn index_of(id: &PaymentId) -> Option<usize> {
    id.0.strip_prefix("pi_")?.parse().ok()
}

impl MemoryGateway {
    /// No payment yet.
    pub fn new(clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        Self { state: Mutex::default(), latency: Mutex::default(), clock, faults }
    }

    /// Each call takes so long from now on.
    pub fn take(&self, latency: Duration) {
        *self.latency.lock() = latency;
    }

    /// Looks at the ledger: payment `pi_n` is the n-th.
    pub fn look<T>(&self, look: impl FnOnce(&[Entry]) -> T) -> T {
        look(&self.state.lock().payments)
    }

    /// Writes down all that is there.
    pub fn fingerprint(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        let state = self.state.lock();
        write!(to, "{:?}{:?}", state.payments, state.keys)
    }

    /// The payment of this id.
    pub fn payment(&self, id: &PaymentId) -> Option<Entry> {
        self.state.lock().payments.get(index_of(id)?).cloned()
    }

    /// How often the order's customer was charged, refunded or not.
    pub fn captures(&self, order: &OrderId) -> usize {
        let of_order = |entry: &&Entry| entry.request.order_id == *order && entry.captured;
        self.look(|payments| payments.iter().filter(of_order).count())
    }

    /// Minor units that were captured and not paid back.
    pub fn kept(&self, order: &OrderId) -> i64 {
        let kept = |entry: &&Entry| entry.request.order_id == *order && entry.status == PaymentStatus::Succeeded;
        self.look(|payments| payments.iter().filter(kept).map(|entry| entry.request.amount.amount).sum())
    }

    async fn call(
        &self,
        call: &'static str,
        with: &(dyn Fn() -> String + Send + Sync),
        effect: impl FnOnce() -> Result<Payment, GatewayError> + Send,
    ) -> Result<Payment, GatewayError> {
        self.clock.advance(*self.latency.lock());
        self.faults.call_with(call, with, effect).await
    }

    async fn change(
        &self,
        call: &'static str,
        id: &PaymentId,
        next: impl FnOnce(&mut Entry) -> Result<PaymentStatus, GatewayError> + Send,
    ) -> Result<Payment, GatewayError> {
        let change = || {
            let mut state = self.state.lock();
            let entry = index_of(id).and_then(|index| state.payments.get_mut(index)).ok_or(GatewayError::WrongState)?;
            entry.status = next(entry)?;
            Ok(Payment { id: id.clone(), status: entry.status })
        };
        self.call(call, &|| id.0.clone(), change).await
    }
}

#[async_trait]
impl PaymentGateway for MemoryGateway {
    async fn create(&self, request: &PaymentRequest, key: &str) -> Result<Payment, GatewayError> {
        if !request.payment_method.starts_with("pm_card_") {
            return Err(GatewayError::Rejected(RejectReason::PaymentInvalid));
        }
        let create = || {
            let now = self.clock.now();
            let mut state = self.state.lock();
            state.keys.retain(|_, (at, _)| now.duration_since(*at) < SignedDuration::from_hours(24));
            let index = match state.keys.get(key) {
                Some((_, index)) => *index,
                None => {
                    let status = PaymentStatus::RequiresConfirmation;
                    state.payments.push(Entry { request: request.clone(), status, captured: false });
                    state.payments.len() - 1
                }
            };
            state.keys.insert(key.to_owned(), (now, index));
            Ok(Payment { id: PaymentId(format!("pi_{index}")), status: state.payments[index].status })
        };
        self.call("Gateway.create", &|| key.to_owned(), create).await
    }

    async fn read(&self, id: &PaymentId) -> Result<Payment, GatewayError> {
        self.change("Gateway.read", id, |entry| Ok(entry.status)).await
    }

    async fn confirm(&self, id: &PaymentId, _: &str) -> Result<Payment, GatewayError> {
        let confirm = |entry: &mut Entry| match entry.status {
            PaymentStatus::RequiresConfirmation => Ok(match entry.request.payment_method.as_str() {
                "pm_card_chargeDeclined" => PaymentStatus::Declined(RejectReason::PaymentDeclined),
                _ => {
                    entry.captured = true;
                    PaymentStatus::Succeeded
                }
            }),
            status @ (PaymentStatus::Succeeded | PaymentStatus::Declined(_)) => Ok(status),
            _ => Err(GatewayError::WrongState),
        };
        self.change("Gateway.confirm", id, confirm).await
    }

    async fn void(&self, id: &PaymentId, _: &str) -> Result<Payment, GatewayError> {
        let void = |entry: &mut Entry| match entry.status {
            PaymentStatus::RequiresConfirmation | PaymentStatus::Declined(_) | PaymentStatus::Voided => {
                Ok(PaymentStatus::Voided)
            }
            _ => Err(GatewayError::WrongState),
        };
        self.change("Gateway.void", id, void).await
    }

    async fn refund(&self, id: &PaymentId, _: &str) -> Result<Payment, GatewayError> {
        let refund = |entry: &mut Entry| match entry.status {
            PaymentStatus::Succeeded | PaymentStatus::Refunded => Ok(PaymentStatus::Refunded),
            _ => Err(GatewayError::WrongState),
        };
        self.change("Gateway.refund", id, refund).await
    }
}
