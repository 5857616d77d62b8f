//! Whether it is worth sending a dead letter back: decided from its step and its order, not from whether the order is
//! final.
//!
//! A message may be buried with its step half done. The email worker writes the final status before it mails, so a mail
//! that was not sent belongs to an order that is final; and every worker records its outcome before it answers its
//! task, so a step that is done may still be waited for. What is absorbed anyway (a second start, a spent token) is
//! refused where that can be told, so that nobody takes it for a repair; where it can't, the letter goes.

use jiff::Timestamp;
use orders::message::Task;
use orders::payment::PaymentState;
use orders::reservation::Reservation;
use orders::{Order, OrderId, Outcome, Status, Step};

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) step: Step,
    pub(crate) order_id: OrderId,
    /// The task that it answers; none if it starts the execution.
    pub(crate) task: Option<Task>,
}

/// Why a dead letter would change nothing, or harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("its order's execution has started already")]
    Started,
    #[error("its step is done already ({0}), and nothing waits for its answer")]
    Done(Outcome),
    #[error("its step timed out at {0}, and the workflow went on without it")]
    TimedOut(Timestamp),
    #[error("its order is already {0}")]
    Final(Status),
    #[error("its order has not come to this step, or is being undone")]
    Undone,
}

impl Asked {
    fn is_late(&self, now: Timestamp) -> bool {
        self.task.as_ref().is_some_and(|task| task.is_late(now))
    }

    /// Whether only the execution can tell: the step is done, and no later one has left a trace.
    pub(crate) fn depends_on_execution(&self, order: &Order, now: Timestamp) -> bool {
        order.outcome(self.step).is_some() && !self.is_late(now) && !went_on(self.step, order)
    }

    /// `runs` is whether the order's execution does; it counts only where the letter depends on it.
    pub(crate) fn judge(&self, order: &Order, runs: bool, now: Timestamp) -> Result<(), Refusal> {
        let progress = &order.progress;
        if let Some(outcome) = order.outcome(self.step) {
            let is_waited_for = runs && self.depends_on_execution(order, now);
            return if is_waited_for { Ok(()) } else { Err(Refusal::Done(outcome)) };
        }
        let is_forward = matches!(self.step, Step::ReserveInventory | Step::ChargePayment | Step::SendConfirmation);
        if let Some(task) = self.task.as_ref().filter(|_| is_forward && self.is_late(now)) {
            return Err(Refusal::TimedOut(times_out_at(task)));
        }
        let is_held = progress.reservation == Reservation::Held;
        match (self.step, progress.status) {
            (Step::Dispatch, Status::Accepted) if progress.steps.is_empty() => Ok(()),
            (Step::Dispatch, _) => Err(Refusal::Started),
            // Its mail is still to be sent.
            (Step::SendConfirmation, Status::Confirmed) | (Step::NotifyRejected, Status::Rejected) => Ok(()),
            // Writes what the email worker could not; ends the execution where it could.
            (Step::CloseOrder, _) => Ok(()),
            // What is left to undo is undone, also of an order that was rejected meanwhile.
            (Step::RefundPayment | Step::ReleaseInventory, Status::Rejected) => Ok(()),
            (_, status) if status.is_final() => Err(Refusal::Final(status)),
            (Step::ReserveInventory, _) if progress.reservation != Reservation::None => Err(Refusal::Undone),
            (Step::ChargePayment, _) if !is_held || is_undone(&progress.payment) => Err(Refusal::Undone),
            (Step::SendConfirmation, _) if !is_held || !matches!(progress.payment, PaymentState::Captured(_)) => {
                Err(Refusal::Undone)
            }
            _ => Ok(()),
        }
    }
}

/// A later step than this one has begun, so that this one was answered.
fn went_on(step: Step, order: &Order) -> bool {
    let progress = &order.progress;
    let begun = match step {
        Step::ReserveInventory => {
            progress.payment != PaymentState::None
                || matches!(progress.reservation, Reservation::Released | Reservation::Refused)
        }
        Step::ChargePayment => progress.status.is_final() || is_undone(&progress.payment),
        Step::RefundPayment | Step::ReleaseInventory => progress.status.is_final(),
        Step::SendConfirmation => is_undone(&progress.payment),
        Step::Dispatch | Step::NotifyRejected | Step::CloseOrder => false,
    };
    begun || progress.steps.last().is_some_and(|last| last.step != step)
}

const fn is_undone(payment: &PaymentState) -> bool {
    matches!(payment, PaymentState::Refused | PaymentState::Undoing(_) | PaymentState::Undone(_))
}

fn times_out_at(task: &Task) -> Timestamp {
    let after = jiff::SignedDuration::from_secs(i64::from(task.timeout_seconds));
    task.entered_at.checked_add(after).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use orders::message::TaskToken;
    use orders::order::{Attempt, Content};
    use orders::payment::{Charge, PaymentId};
    use orders::{Currency, Customer, Done, Line, Money, NewOrder, Product, Reason, RejectReason};

    use super::*;

    const ENTERED: Timestamp = Timestamp::UNIX_EPOCH;
    const DAY: u32 = 86_400;

    fn attempt() -> Attempt {
        Attempt { at: ENTERED, number: 1 }
    }

    fn accepted() -> Order {
        let line = Line { sku: "MUG".parse().unwrap(), quantity: 1 };
        Order::new(NewOrder {
            id: format!("ord_{}", "0".repeat(26)).parse().unwrap(),
            storefront: "shop".parse().unwrap(),
            placed_at: ENTERED,
            trace_id: "ab".repeat(16).parse().unwrap(),
            content: Content {
                customer: Customer { id: "c-1".parse().unwrap(), email: "ada@example.com".into(), name: None },
                lines: vec![line],
                currency: Currency::EUR,
                payment_method: "pm_card_visa".into(),
                shipping_address: None,
                expected_total: None,
                metadata: Default::default(),
            },
        })
    }

    fn after(mut order: Order, change: impl FnOnce(&mut Order)) -> Order {
        change(&mut order);
        order
    }

    fn reserved_of(stock: u32) -> Order {
        let product = Product {
            sku: "MUG".parse().unwrap(),
            name: "Mug".into(),
            description: None,
            price: Money::new(1000, Currency::EUR),
            stock,
            reserved: 0,
            version: 0,
        };
        after(accepted(), |order| drop(order.reserve(&[product], attempt())))
    }

    fn charging() -> Order {
        after(reserved_of(1), |order| order.begin_charge(attempt()))
    }

    fn with_payment() -> Order {
        after(charging(), |order| order.payment_created(PaymentId("pi_1".into()), attempt()))
    }

    fn paid() -> Order {
        after(with_payment(), |order| order.finish_charge(Charge::Captured, attempt()))
    }

    fn confirmed() -> Order {
        after(paid(), |order| drop(order.confirm(attempt())))
    }

    fn undoing() -> Order {
        after(paid(), |order| order.begin_refund(attempt()))
    }

    fn refunded() -> Order {
        after(undoing(), |order| order.finish_refund(Done::Refunded, attempt()))
    }

    fn released() -> Order {
        after(refunded(), |order| drop(order.release(attempt())))
    }

    fn rejected() -> Order {
        after(released(), |order| order.reject(Reason::TechnicalFailure, attempt()))
    }

    fn mailed(order: Order, step: Step) -> Order {
        after(order, |order| order.mailed(step, orders::mail::MailResult::Sent, attempt()))
    }

    fn closed(order: Order, failure: Option<Reason>) -> Order {
        after(order, |order| drop(order.close(failure, attempt())))
    }

    /// Each state that an order can be in, and what becomes of a letter of each step (in their own order: `Dispatch`,
    /// the forward steps, the compensations, `NotifyRejected`, `CloseOrder`): while its execution runs, when that is
    /// over, and after the step's time. `+` goes back; else the refusal's letter: `s`tarted, `d`one, `t`imed out,
    /// `f`inal, `u`ndone.
    const TABLE: &str = "\
accepted                  ++uu++++  ++uu++++  +ttt++++
cancel asked for          ++uu++++  ++uu++++  +ttt++++
out of stock              s+uu++++  sduu++++  sdtt++++
reserved                  s++u++++  sd+u++++  sdtt++++
charge begun              sd+u++++  sd+u++++  sdtt++++
payment made              sd+u++++  sd+u++++  sdtt++++
declined                  sd+u++++  sddu++++  sddt++++
paid                      sd++++++  sdd+++++  sddt++++
paid, to be cancelled     sd++++++  sdd+++++  sddt++++
confirmed, not mailed     sdd+fff+  sdd+fff+  sddtfff+
confirmed and mailed      sdd+fff+  sdddfff+  sdddfff+
confirmed, mail given up  sdd+fff+  sdd+fffd  sddtfffd
refund before any charge  sduu++++  sduud+++  sdttd+++
refund begun              sddu++++  sddu++++  sddt++++
refunded                  sddu++++  sddud+++  sddtd+++
released                  sddud+++  sddudd++  sddtdd++
release before any hold   suuu++++  suuu+d++  sttt+d++
rejected, not mailed      sddfdd++  sddfdd++  sddtdd++
rejected and mailed       sddfdd++  sddfddd+  sddtddd+
rejected, mail given up   sddfdd++  sddfdd+d  sddtdd+d
";

    fn states() -> Vec<(&'static str, Order)> {
        let technical = Some(Reason::TechnicalFailure);
        vec![
            ("accepted", accepted()),
            ("cancel asked for", after(accepted(), |order| order.request_cancel(ENTERED).unwrap())),
            ("out of stock", reserved_of(0)),
            ("reserved", reserved_of(1)),
            ("charge begun", charging()),
            ("payment made", with_payment()),
            (
                "declined",
                after(with_payment(), |order| {
                    order.finish_charge(Charge::Declined(RejectReason::PaymentDeclined), attempt())
                }),
            ),
            ("paid", paid()),
            ("paid, to be cancelled", after(paid(), |order| order.request_cancel(ENTERED).unwrap())),
            ("confirmed, not mailed", confirmed()),
            ("confirmed and mailed", mailed(confirmed(), Step::SendConfirmation)),
            ("confirmed, mail given up", closed(confirmed(), None)),
            ("refund before any charge", after(reserved_of(1), |order| order.begin_refund(attempt()))),
            ("refund begun", undoing()),
            ("refunded", refunded()),
            ("released", released()),
            ("release before any hold", after(accepted(), |order| drop(order.release(attempt())))),
            ("rejected, not mailed", rejected()),
            ("rejected and mailed", mailed(rejected(), Step::NotifyRejected)),
            ("rejected, mail given up", closed(rejected(), technical)),
        ]
    }

    fn asked(step: Step) -> Asked {
        let task = Task {
            order_id: accepted().id().clone(),
            trace_id: "ab".repeat(16).parse().unwrap(),
            task_token: TaskToken("t".into()),
            entered_at: ENTERED,
            timeout_seconds: DAY,
            input: None,
        };
        Asked { step, order_id: task.order_id.clone(), task: (step != Step::Dispatch).then_some(task) }
    }

    fn letter(judged: Result<(), Refusal>) -> char {
        match judged {
            Ok(()) => '+',
            Err(Refusal::Started) => 's',
            Err(Refusal::Done(_)) => 'd',
            Err(Refusal::TimedOut(_)) => 't',
            Err(Refusal::Final(_)) => 'f',
            Err(Refusal::Undone) => 'u',
        }
    }

    #[test]
    fn a_letter_goes_back_if_and_only_if_its_own_step_has_something_left_to_do() {
        let late = ENTERED + jiff::SignedDuration::from_secs(i64::from(DAY));
        let mut table = String::new();
        for (name, order) in states() {
            table += &format!("{name:24}");
            for (runs, now) in [(true, ENTERED), (false, ENTERED), (true, late)] {
                table.push_str("  ");
                for step in Step::ALL {
                    table.push(letter(asked(*step).judge(&order, runs, now)));
                }
            }
            table.push('\n');
        }
        assert_eq!(table, TABLE, "\n{table}");
    }

    #[test]
    fn the_execution_is_asked_only_where_it_counts() {
        let late = ENTERED + jiff::SignedDuration::from_secs(i64::from(DAY));
        for (name, order) in states() {
            for step in Step::ALL {
                for now in [ENTERED, late] {
                    let asked = asked(*step);
                    let counts = asked.judge(&order, true, now) != asked.judge(&order, false, now);
                    assert_eq!(asked.depends_on_execution(&order, now), counts, "{name}, {step}");
                }
            }
        }
    }

    #[test]
    fn a_refusal_says_what_there_is_to_say() {
        let late = ENTERED + jiff::SignedDuration::from_secs(i64::from(DAY));
        for (step, order, now, why) in [
            (Step::Dispatch, paid(), ENTERED, "its order's execution has started already"),
            (
                Step::ChargePayment,
                confirmed(),
                ENTERED,
                "its step is done already (Charged), and nothing waits for its answer",
            ),
            (
                Step::SendConfirmation,
                confirmed(),
                late,
                "its step timed out at 1970-01-02T00:00:00Z, and the workflow went on without it",
            ),
            (Step::NotifyRejected, confirmed(), ENTERED, "its order is already confirmed"),
            (Step::SendConfirmation, refunded(), ENTERED, "its order has not come to this step, or is being undone"),
        ] {
            assert_eq!(asked(step).judge(&order, true, now).unwrap_err().to_string(), why);
        }
    }
}
