//! A gateway that keeps a ledger, and idempotency keys for a day, as Stripe does.

use std::collections::BTreeMap;
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

pub struct MemoryGateway {
    state: Mutex<State>,
    latency: Mutex<Duration>,
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct State {
    payments: Vec<(PaymentRequest, PaymentStatus)>,
    keys: BTreeMap<String, (Timestamp, usize)>,
    captures: BTreeMap<OrderId, usize>,
}

impl MemoryGateway {
    pub fn new(clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        Self { state: Mutex::default(), latency: Mutex::default(), clock, faults }
    }

    /// Each call takes so long from now on.
    pub fn take(&self, latency: Duration) {
        *self.latency.lock() = latency;
    }

    /// How often the order's customer was charged, refunded or not.
    pub fn captures(&self, order: &OrderId) -> usize {
        self.state.lock().captures.get(order).copied().unwrap_or(0)
    }

    /// Minor units that were captured and not paid back.
    pub fn kept(&self, order: &OrderId) -> i64 {
        let state = self.state.lock();
        let captured = state
            .payments
            .iter()
            .filter(|(request, status)| request.order_id == *order && *status == PaymentStatus::Succeeded);
        captured.map(|(request, _)| request.amount.amount).sum()
    }

    fn call<T>(&self, effect: impl FnOnce() -> Result<T, GatewayError>) -> Result<T, GatewayError> {
        self.clock.advance(*self.latency.lock());
        self.faults.call("Gateway", effect)
    }

    fn change(
        &self,
        id: &PaymentId,
        next: impl FnOnce(&mut State, usize) -> Result<PaymentStatus, GatewayError>,
    ) -> Result<Payment, GatewayError> {
        self.call(|| {
            let mut state = self.state.lock();
            let index: usize = id.0.trim_start_matches("pi_").parse().map_err(|_| GatewayError::WrongState)?;
            let status = next(&mut state, index)?;
            state.payments[index].1 = status;
            Ok(Payment { id: id.clone(), status })
        })
    }
}

#[async_trait]
impl PaymentGateway for MemoryGateway {
    async fn create(&self, request: &PaymentRequest, key: &str) -> Result<Payment, GatewayError> {
        if !request.payment_method.starts_with("pm_card_") {
            return Err(GatewayError::Rejected(RejectReason::PaymentInvalid));
        }
        self.call(|| {
            let now = self.clock.now();
            let mut state = self.state.lock();
            state.keys.retain(|_, (at, _)| now.duration_since(*at) < SignedDuration::from_hours(24));
            let index = match state.keys.get(key) {
                Some((_, index)) => *index,
                None => {
                    state.payments.push((request.clone(), PaymentStatus::RequiresConfirmation));
                    state.payments.len() - 1
                }
            };
            state.keys.insert(key.to_owned(), (now, index));
            Ok(Payment { id: PaymentId(format!("pi_{index}")), status: state.payments[index].1 })
        })
    }

    async fn read(&self, id: &PaymentId) -> Result<Payment, GatewayError> {
        self.change(id, |state, index| Ok(state.payments[index].1))
    }

    async fn confirm(&self, id: &PaymentId, _: &str) -> Result<Payment, GatewayError> {
        self.change(id, |state, index| match state.payments[index].clone() {
            (request, PaymentStatus::RequiresConfirmation) => Ok(match request.payment_method.as_str() {
                "pm_card_chargeDeclined" => PaymentStatus::Declined(RejectReason::PaymentDeclined),
                _ => {
                    *state.captures.entry(request.order_id).or_default() += 1;
                    PaymentStatus::Succeeded
                }
            }),
            (_, status @ (PaymentStatus::Succeeded | PaymentStatus::Declined(_))) => Ok(status),
            _ => Err(GatewayError::WrongState),
        })
    }

    async fn void(&self, id: &PaymentId, _: &str) -> Result<Payment, GatewayError> {
        self.change(id, |state, index| match state.payments[index].1 {
            PaymentStatus::RequiresConfirmation | PaymentStatus::Declined(_) | PaymentStatus::Voided => {
                Ok(PaymentStatus::Voided)
            }
            _ => Err(GatewayError::WrongState),
        })
    }

    async fn refund(&self, id: &PaymentId, _: &str) -> Result<Payment, GatewayError> {
        self.change(id, |state, index| match state.payments[index].1 {
            PaymentStatus::Succeeded | PaymentStatus::Refunded => Ok(PaymentStatus::Refunded),
            _ => Err(GatewayError::WrongState),
        })
    }
}
