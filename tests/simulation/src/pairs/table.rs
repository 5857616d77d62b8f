//! Which deliveries can be in flight together, and how an order comes there.

use orders::Step;
use orders::order::Content;

use super::{Move, Pair, Ways};

const DISPATCHED: &[Move] = &[Move::Post(0), Move::Deliver(Step::Dispatch, 0)];
const RESERVED: &[Move] = &[Move::Post(0), Move::Deliver(Step::Dispatch, 0), Move::Deliver(Step::ReserveInventory, 0)];
const PAID: &[Move] = &[
    Move::Post(0),
    Move::Deliver(Step::Dispatch, 0),
    Move::Deliver(Step::ReserveInventory, 0),
    Move::Deliver(Step::ChargePayment, 0),
];
/// A decline, or a cancel, is being undone.
const REFUNDED: &[Move] = &[
    Move::Post(0),
    Move::Deliver(Step::Dispatch, 0),
    Move::Deliver(Step::ReserveInventory, 0),
    Move::Deliver(Step::ChargePayment, 0),
    Move::Deliver(Step::RefundPayment, 0),
];
const RELEASED: &[Move] = &[
    Move::Post(0),
    Move::Deliver(Step::Dispatch, 0),
    Move::Deliver(Step::ReserveInventory, 0),
    Move::Deliver(Step::ChargePayment, 0),
    Move::Deliver(Step::RefundPayment, 0),
    Move::Deliver(Step::ReleaseInventory, 0),
];
/// The mail step timed out; it is in nobody's hands.
const UNMAILED: &[Move] = &[
    Move::Post(0),
    Move::Deliver(Step::Dispatch, 0),
    Move::Deliver(Step::ReserveInventory, 0),
    Move::Deliver(Step::ChargePayment, 0),
    Move::TimeOut,
];
/// Paid, then cancelled in time, which the mail step found.
const CANCELLED: &[Move] = &[
    Move::Post(0),
    Move::Deliver(Step::Dispatch, 0),
    Move::Deliver(Step::ReserveInventory, 0),
    Move::Deliver(Step::ChargePayment, 0),
    Move::Cancel,
    Move::Deliver(Step::SendConfirmation, 0),
];
const BOTH_DISPATCHED: &[Move] =
    &[Move::Post(0), Move::Deliver(Step::Dispatch, 0), Move::Post(1), Move::Deliver(Step::Dispatch, 1)];
const ONE_RESERVED: &[Move] = &[
    Move::Post(0),
    Move::Deliver(Step::Dispatch, 0),
    Move::Deliver(Step::ReserveInventory, 0),
    Move::Post(1),
    Move::Deliver(Step::Dispatch, 1),
];
const ONE_DECLINED: &[Move] = &[
    Move::Post(0),
    Move::Deliver(Step::Dispatch, 0),
    Move::Deliver(Step::ReserveInventory, 0),
    Move::Deliver(Step::ChargePayment, 0),
    Move::Deliver(Step::RefundPayment, 0),
    Move::Post(1),
    Move::Deliver(Step::Dispatch, 1),
];

const fn good(_: &mut Content) {}

fn declined(content: &mut Content) {
    content.payment_method = "pm_card_chargeDeclined".into();
}

const fn pair(
    name: &'static str,
    before: &'static [Move],
    one: &'static [Move],
    other: &'static [Move],
    order: fn(&mut Content),
) -> Pair {
    Pair { name, before, one, other, order, stock: 10, with_fault: true }
}

macro_rules! deliver {
    ($($step:ident),+) => { &[$(Move::Deliver(Step::$step, 0)),+] };
}
macro_rules! again {
    ($step:ident) => {
        &[Move::Again(Step::$step)]
    };
}
macro_rules! late {
    ($($step:ident),+) => { &[Move::TimeOut, $(Move::Deliver(Step::$step, 0)),+] };
}
macro_rules! stop {
    ($($step:ident),+) => { &[Move::Stop, $(Move::Deliver(Step::$step, 0)),+] };
}

/// At least this much is covered, or a pair has stopped racing.
pub const LEAST: Ways = Ways { interleavings: 7_000_000, with_faults: 70_000_000 };

/// All of them.
pub const PAIRS: &[Pair] = &[
    // The same message twice: its visibility time-out passed, or it was replayed.
    pair("two dispatches", &[Move::Post(0)], deliver![Dispatch], again![Dispatch], good),
    pair("two reservations", DISPATCHED, deliver![ReserveInventory], again![ReserveInventory], good),
    pair("two charges", RESERVED, deliver![ChargePayment], again![ChargePayment], good),
    pair("two declined charges", RESERVED, deliver![ChargePayment], again![ChargePayment], declined),
    pair("two confirmations", PAID, deliver![SendConfirmation], again![SendConfirmation], good),
    pair("two closings", UNMAILED, deliver![CloseOrder], again![CloseOrder], good),
    pair("two refunds of money", CANCELLED, deliver![RefundPayment], again![RefundPayment], good),
    pair("two refunds of nothing", PAID, deliver![RefundPayment], again![RefundPayment], declined),
    pair("two releases", REFUNDED, deliver![ReleaseInventory], again![ReleaseInventory], declined),
    pair("two notifications", RELEASED, deliver![NotifyRejected], again![NotifyRejected], declined),
    // A step that timed out goes on beside what undoes it.
    pair("a late reservation and its release", DISPATCHED, deliver![ReserveInventory], late![ReleaseInventory], good),
    pair("a late charge and its refund", RESERVED, deliver![ChargePayment], late![RefundPayment], good),
    pair("a late declined charge and its refund", RESERVED, deliver![ChargePayment], late![RefundPayment], declined),
    pair("a late confirmation and the closing", PAID, deliver![SendConfirmation], late![CloseOrder], good),
    pair("a late refund and the next", CANCELLED, deliver![RefundPayment], late![RefundPayment], good),
    pair("a late release and the next", REFUNDED, deliver![ReleaseInventory], late![ReleaseInventory], declined),
    pair("a late notification and the closing", RELEASED, deliver![NotifyRejected], late![CloseOrder], declined),
    // The customer cancels meanwhile.
    pair("dispatch and cancel", &[Move::Post(0)], deliver![Dispatch], &[Move::Cancel], good),
    pair("reservation and cancel", DISPATCHED, deliver![ReserveInventory], &[Move::Cancel], good),
    pair("charge and cancel", RESERVED, deliver![ChargePayment], &[Move::Cancel], good),
    pair("confirmation and cancel", PAID, deliver![SendConfirmation], &[Move::Cancel], good),
    pair("closing and cancel", UNMAILED, deliver![CloseOrder], &[Move::Cancel], good),
    pair("refund and cancel", PAID, deliver![RefundPayment], &[Move::Cancel], declined),
    pair("release and cancel", REFUNDED, deliver![ReleaseInventory], &[Move::Cancel], declined),
    pair("notification and cancel", RELEASED, deliver![NotifyRejected], &[Move::Cancel], declined),
    // Ops stop the execution and undo it meanwhile.
    pair("reservation and stop", DISPATCHED, deliver![ReserveInventory], stop![RefundPayment], good),
    pair("charge and stop", RESERVED, deliver![ChargePayment], stop![RefundPayment], good),
    pair("confirmation and stop", PAID, deliver![SendConfirmation], stop![RefundPayment], good),
    pair("closing and stop", UNMAILED, deliver![CloseOrder], stop![RefundPayment], good),
    pair("refund and stop", CANCELLED, deliver![RefundPayment], stop![RefundPayment], good),
    pair("release and stop", REFUNDED, deliver![ReleaseInventory], stop![ReleaseInventory], declined),
    pair("notification and stop", RELEASED, deliver![NotifyRejected], stop![NotifyRejected], declined),
    // One key twice: the second post, beside the first and beside what the first began.
    pair("two posts", &[], &[Move::Post(0)], &[Move::Post(0)], good),
    pair("dispatch and a second post", &[Move::Post(0)], deliver![Dispatch], &[Move::Post(0)], good),
    // Two orders of goods that are enough for one.
    Pair {
        stock: 2,
        ..pair(
            "two orders of the last goods",
            BOTH_DISPATCHED,
            deliver![ReserveInventory],
            &[Move::Deliver(Step::ReserveInventory, 1)],
            good,
        )
    },
    Pair {
        stock: 2,
        ..pair(
            "a charge and another's reservation",
            ONE_RESERVED,
            deliver![ChargePayment],
            &[Move::Deliver(Step::ReserveInventory, 1)],
            good,
        )
    },
    Pair {
        stock: 2,
        ..pair(
            "a release and another's reservation",
            ONE_DECLINED,
            deliver![ReleaseInventory],
            &[Move::Deliver(Step::ReserveInventory, 1)],
            declined,
        )
    },
    // A side with more than one delivery: without faults.
    Pair {
        with_fault: false,
        ..pair(
            "a late reservation and all that follows",
            DISPATCHED,
            deliver![ReserveInventory],
            late![ReleaseInventory, NotifyRejected],
            good,
        )
    },
    Pair {
        with_fault: false,
        ..pair(
            "a late charge, its refund and the release",
            RESERVED,
            deliver![ChargePayment],
            late![RefundPayment, ReleaseInventory],
            good,
        )
    },
    Pair {
        with_fault: false,
        ..pair(
            "a late confirmation, a cancel and the closing",
            PAID,
            deliver![SendConfirmation],
            &[Move::Cancel, Move::TimeOut, Move::Deliver(Step::CloseOrder, 0), Move::Deliver(Step::RefundPayment, 0)],
            good,
        )
    },
];
