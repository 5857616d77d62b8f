//! What holds between any two writes of an order, whoever calls what.

use orders::money::MAX_AMOUNT;
use orders::payment::PaymentState;
use orders::reservation::Reservation;
use orders::{Order, Outcome, Status, Step};

/// What a write that takes the order from `before` to `after` breaks, if anything.
pub fn broken(before: &Order, after: &Order) -> Option<&'static str> {
    let (old, new) = (&before.progress, &after.progress);
    let was_confirmed = old.status == Status::Confirmed;
    let charging = |state: &PaymentState| matches!(state, PaymentState::Charging(_) | PaymentState::Captured(_));
    let rules = [
        ("the first record of a step stands, and a step has one", {
            let steps: std::collections::BTreeSet<Step> = new.steps.iter().map(|record| record.step).collect();
            new.steps.starts_with(&old.steps) && steps.len() == new.steps.len()
        }),
        ("what was posted never changes", before.placed == after.placed),
        ("a confirmed order stays confirmed", !was_confirmed || new.status == Status::Confirmed),
        (
            "a confirmed order keeps its money and its goods",
            !was_confirmed || (&old.payment, old.reservation) == (&new.payment, new.reservation),
        ),
        ("an order is confirmed only with its goods and its money", {
            new.status != Status::Confirmed
                || new.reservation == Reservation::Held && matches!(new.payment, PaymentState::Captured(_))
        }),
        ("a cancel is never forgotten", old.cancel_requested_at.is_none() || new.cancel_requested_at.is_some()),
        ("an order that is to be cancelled is not confirmed", {
            was_confirmed || old.cancel_requested_at.is_none() || new.status != Status::Confirmed
        }),
        ("a release is for ever", {
            !matches!(old.reservation, Reservation::Released | Reservation::Refused)
                || old.reservation == new.reservation
        }),
        (
            "a reservation is not forgotten",
            old.reservation == Reservation::None || new.reservation != Reservation::None,
        ),
        ("a refund is for ever: no charge begins or ends after it", {
            let begun = matches!(
                old.payment,
                PaymentState::Refused | PaymentState::Undoing(_) | PaymentState::Undone(_) | PaymentState::Declined
            );
            !begun || !charging(&new.payment) && new.payment != PaymentState::None
        }),
        ("the refund's tombstone stays", old.payment != PaymentState::Refused || new.payment == PaymentState::Refused),
        ("a charge that began is not forgotten", !charging(&old.payment) || new.payment != PaymentState::None),
        (
            "an order has one payment",
            before.payment_id().is_none() || {
                after.payment_id() == before.payment_id() || new.payment == PaymentState::Declined
            },
        ),
        ("a total is known once, and a payment can carry it", {
            new.total.is_none_or(|total| (0..=MAX_AMOUNT).contains(&total.amount))
                && (old.total.is_none() || old.total == new.total)
        }),
        ("a step that is recorded as charged was captured", {
            let charged = new.steps.iter().any(|record| record.outcome == Outcome::Done(orders::Done::Charged));
            !charged
                || matches!(new.payment, PaymentState::Captured(_) | PaymentState::Undoing(_) | PaymentState::Undone(_))
        }),
    ];
    rules.into_iter().find_map(|(rule, holds)| (!holds).then_some(rule))
}
