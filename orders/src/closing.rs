//! The ends of an order: confirming, rejecting, cancelling, and closing it without its mail.

use jiff::Timestamp;

use crate::mail::{MailKind, MailRecord, MailResult};
use crate::order::Attempt;
use crate::outcome::Reason;
use crate::payment::PaymentState;
use crate::reservation::Reservation;
use crate::{Done, Order, Outcome, RejectReason, Status, Step, StockChange};

/// Why an order can't be cancelled any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLate {
    /// It is confirmed.
    #[error("the order is confirmed")]
    Confirmed,
    /// It was rejected, for this reason.
    #[error("the order is already rejected: {0}")]
    Rejected(Reason),
}

impl Order {
    /// Writes `confirmed` and counts an attempt to mail it, or records why not. To be saved *before* the mail is sent:
    /// after that a cancel is refused. The mail goes out only if the step has no outcome after this was saved.
    pub fn confirm(&mut self, attempt: Attempt) -> Vec<StockChange> {
        if self.outcome(Step::SendConfirmation).is_some() {
            return Vec::new();
        }
        match self.confirmable() {
            Err(reason) => {
                self.record(Step::SendConfirmation, Outcome::Rejected(reason), attempt);
                Vec::new()
            }
            Ok(()) => {
                let settled = self.settle();
                self.count_mail(MailKind::Confirmation, attempt.at);
                settled
            }
        }
    }

    fn confirmable(&self) -> Result<(), RejectReason> {
        match self.progress.status {
            Status::Confirmed => Ok(()),
            Status::Paid if self.cancel_requested() => Err(RejectReason::Cancelled),
            Status::Paid
                if self.progress.reservation == Reservation::Held
                    && matches!(self.progress.payment, PaymentState::Captured(_)) =>
            {
                Ok(())
            }
            _ => Err(RejectReason::Compensated),
        }
    }

    /// Confirmed, and its goods are sold for good; nothing if it was so already.
    fn settle(&mut self) -> Vec<StockChange> {
        if self.progress.status == Status::Confirmed {
            return Vec::new();
        }
        self.progress.status = Status::Confirmed;
        self.stock_changes(|sku, quantity| StockChange::Settle { sku, quantity })
    }

    /// Writes `rejected` and counts an attempt to mail it; a confirmed order stays confirmed. To be saved before the mail is
    /// sent, which goes out only if the order is rejected and the step has no outcome after this was saved.
    pub fn reject(&mut self, reason: Reason, attempt: Attempt) {
        if self.outcome(Step::NotifyRejected).is_none() && self.progress.status != Status::Confirmed {
            self.set_rejected(reason);
            self.count_mail(MailKind::Rejection, attempt.at);
        }
    }

    fn set_rejected(&mut self, reason: Reason) {
        if !self.progress.status.is_final() {
            self.progress.status = Status::Rejected;
            self.progress.reason = Some(reason);
        }
    }

    fn count_mail(&mut self, kind: MailKind, at: Timestamp) {
        let attempts = self.progress.mail.as_ref().map_or(0, |mail| mail.attempts);
        self.progress.mail = Some(MailRecord { kind, attempts: attempts + 1, last_attempt_at: at, result: None });
    }

    /// Records what the mail service said to the mail of `step` (`SendConfirmation` or `NotifyRejected`).
    pub fn mailed(&mut self, step: Step, result: MailResult, attempt: Attempt) {
        let done = match result {
            MailResult::Sent => Done::MailSent,
            MailResult::Refused => Done::MailRefused,
            MailResult::Failed => Done::Closed,
        };
        if let Some(mail) = &mut self.progress.mail {
            mail.result.get_or_insert(result);
        }
        self.record(step, Outcome::Done(done), attempt);
    }

    /// The final status where the email worker could not write it: rejected if the workflow caught a `failure` on the
    /// way, else confirmed. A cancel that was promised in time still counts, and is recorded as a rejection.
    pub fn close(&mut self, failure: Option<Reason>, attempt: Attempt) -> Vec<StockChange> {
        if self.outcome(Step::CloseOrder).is_some() {
            return Vec::new();
        }
        let mut settled = Vec::new();
        match failure {
            Some(reason) => self.set_rejected(reason),
            None => match self.confirmable() {
                Ok(()) => settled = self.settle(),
                Err(reason) => {
                    self.record(Step::CloseOrder, Outcome::Rejected(reason), attempt);
                    return settled;
                }
            },
        }
        if let Some(mail) = &mut self.progress.mail {
            mail.result.get_or_insert(MailResult::Failed);
        }
        self.record(Step::CloseOrder, Outcome::Done(Done::Closed), attempt);
        settled
    }

    /// Notes that the customer wants out; the next forward step makes it a rejection.
    ///
    /// # Errors
    /// [`TooLate`] when the order is final, unless it already ended cancelled.
    pub fn request_cancel(&mut self, at: Timestamp) -> Result<(), TooLate> {
        match (self.progress.status, self.progress.reason) {
            (Status::Confirmed, _) => Err(TooLate::Confirmed),
            (Status::Rejected, Some(Reason::Business(RejectReason::Cancelled))) => Ok(()),
            (Status::Rejected, reason) => Err(TooLate::Rejected(reason.unwrap_or(Reason::TechnicalFailure))),
            _ => {
                self.progress.cancel_requested_at.get_or_insert(at);
                Ok(())
            }
        }
    }
}
