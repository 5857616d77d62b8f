//! Charging and paying back: what is known of an order's payment, and the transitions of `ChargePayment` and
//! `RefundPayment`. The gateway itself is a port ([`crate::ports::PaymentGateway`]).
//!
//! ```text
//! None --begin_charge--> Charging --created--> Charging(id) --finish_charge--> Captured(id) | Declined
//!   \                        \                     \                               |
//!    `-- begin_refund         `---------------------`------- begin_refund ---------'
//!          v                                                     v
//!        Refused (tombstone)                                Undoing(id) --finish_refund--> Undone
//! ```
//!
//! The order of writes is the guarantee: `Charging` is written before the gateway is called at all, the payment's id
//! before the payment is confirmed. So a payment whose id is not here was never confirmed, and moved no money.

use serde::{Deserialize, Serialize};

use crate::order::Attempt;
use crate::reservation::Reservation;
use crate::{Done, Order, Outcome, RejectReason, Status, Step};

/// The gateway's name for a payment (`pi_…`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentId(pub String);

/// What is known of an order's payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum PaymentState {
    /// Nothing was tried.
    #[default]
    None,
    /// The gateway may have been called; only the gateway knows the outcome.
    Charging(Option<PaymentId>),
    /// Money was captured.
    Captured(PaymentId),
    /// The gateway declined; no money moved.
    Declined,
    /// Tombstone: the refund came first, and no charge may begin any more.
    Refused,
    /// The refund is finding out what there is to undo.
    Undoing(PaymentId),
    /// Voided or refunded.
    Undone(PaymentId),
}

impl PaymentState {
    pub(crate) const fn is_none(&self) -> bool {
        matches!(self, PaymentState::None)
    }
}

/// How a charge ended at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// The money is captured.
    Captured,
    /// The gateway said no.
    Declined(RejectReason),
}

impl Order {
    /// The payment that exists at the gateway, as far as we know.
    pub const fn payment_id(&self) -> Option<&PaymentId> {
        match &self.progress.payment {
            PaymentState::Charging(Some(id))
            | PaymentState::Captured(id)
            | PaymentState::Undoing(id)
            | PaymentState::Undone(id) => Some(id),
            PaymentState::Charging(None) | PaymentState::None | PaymentState::Declined | PaymentState::Refused => None,
        }
    }

    /// Writes `Charging` before the gateway is called, or records why it must not be: a tombstone, a cancel.
    /// The charge goes on only if the step has no outcome after this was saved.
    pub fn begin_charge(&mut self, attempt: Attempt) {
        if self.outcome(Step::ChargePayment).is_some() {
            return;
        }
        let reason = match self.progress.payment {
            PaymentState::Refused | PaymentState::Undoing(_) | PaymentState::Undone(_) => RejectReason::Compensated,
            _ if self.progress.reservation != Reservation::Held => RejectReason::Compensated,
            // Also while `Charging`: the refund that follows asks the gateway what there is to undo.
            _ if self.cancel_requested() => RejectReason::Cancelled,
            PaymentState::None => {
                self.progress.payment = PaymentState::Charging(None);
                return;
            }
            PaymentState::Charging(_) | PaymentState::Captured(_) | PaymentState::Declined => {
                return;
            }
        };
        self.record(Step::ChargePayment, Outcome::Rejected(reason), attempt);
    }

    /// Records the payment's id before it is confirmed. If a refund began meanwhile the charge is over instead.
    pub fn payment_created(&mut self, id: PaymentId, attempt: Attempt) {
        match self.progress.payment {
            PaymentState::Charging(None) => self.progress.payment = PaymentState::Charging(Some(id)),
            PaymentState::Charging(Some(_)) => {}
            _ => self.record(Step::ChargePayment, Outcome::Rejected(RejectReason::Compensated), attempt),
        }
    }

    /// Records how the charge ended. While a refund is under way that is the refund's to find out.
    pub fn finish_charge(&mut self, charge: Charge, attempt: Attempt) {
        let PaymentState::Charging(id) = &self.progress.payment else {
            return self.record(Step::ChargePayment, Outcome::Rejected(RejectReason::Compensated), attempt);
        };
        if self.outcome(Step::ChargePayment).is_some() {
            return;
        }
        match (charge, id.clone()) {
            (Charge::Captured, Some(id)) => {
                self.progress.payment = PaymentState::Captured(id);
                self.progress.status = Status::Paid;
                self.record(Step::ChargePayment, Outcome::Done(Done::Charged), attempt);
            }
            (Charge::Declined(reason), _) => {
                self.progress.payment = PaymentState::Declined;
                self.record(Step::ChargePayment, Outcome::Rejected(reason), attempt);
            }
            // Nothing is confirmed before its id is recorded, so there is nothing to write down.
            (Charge::Captured, None) => {}
        }
    }

    /// Leaves a tombstone where nothing was charged, or `Undoing` where the gateway must be asked. A confirmed order keeps its
    /// money. The refund goes on only where there is something [to undo](Self::to_undo) after this was saved.
    pub fn begin_refund(&mut self, attempt: Attempt) {
        let next = match &self.progress.payment {
            _ if self.outcome(Step::RefundPayment).is_some() || self.progress.status == Status::Confirmed => {
                return;
            }
            PaymentState::None | PaymentState::Charging(None) => PaymentState::Refused,
            PaymentState::Charging(Some(id)) | PaymentState::Captured(id) => PaymentState::Undoing(id.clone()),
            PaymentState::Declined => PaymentState::Declined,
            PaymentState::Refused => PaymentState::Refused,
            PaymentState::Undoing(_) | PaymentState::Undone(_) => return,
        };
        let nothing = matches!(next, PaymentState::Refused | PaymentState::Declined);
        self.progress.payment = next;
        if nothing {
            self.record(Step::RefundPayment, Outcome::Done(Done::NothingCharged), attempt);
        }
    }

    /// The payment that a refund has begun to undo, and that nobody has recorded as undone.
    pub const fn to_undo(&self) -> Option<&PaymentId> {
        match &self.progress.payment {
            PaymentState::Undoing(id) => Some(id),
            _ => None,
        }
    }

    /// Records that the gateway voided or refunded.
    pub fn finish_refund(&mut self, done: Done, attempt: Attempt) {
        if let PaymentState::Undoing(id) = &self.progress.payment {
            self.progress.payment = PaymentState::Undone(id.clone());
        }
        self.record(Step::RefundPayment, Outcome::Done(done), attempt);
    }
}
