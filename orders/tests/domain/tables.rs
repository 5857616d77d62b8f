//! What each transition does to each order that the pipeline can bring about, as docs/TRANSITIONS.md has it.
//!
//! A cell stands for all orders of its row and column, and must say the same of each: so a table shows all that its
//! transition decides by.

use orders::mail::{MailKind, MailResult};
use orders::payment::{Charge, PaymentState};
use orders::reservation::Reservation;
use orders::{Done, Order, Outcome, Reason, RejectReason, Status, Step};

use crate::page;
use crate::pipeline;
use crate::shop::{euros, payment, product};
use crate::told::{Effect, NOTHING, now, payment_in, told};

/// A column: which orders it is about, and what is called.
struct Column {
    title: &'static str,
    holds: fn(&Order) -> bool,
    call: fn(&mut Order) -> Effect,
}

fn column(title: &'static str, holds: fn(&Order) -> bool, call: fn(&mut Order) -> Effect) -> Column {
    Column { title, holds, call }
}

const fn any(_: &Order) -> bool {
    true
}

/// Compares the table of a transition with the page's. `once` is the step whose outcome, once recorded, makes it do nothing.
fn specify(name: &str, once: Option<Step>, rows: (&str, fn(&Order) -> String), columns: &[Column]) {
    let orders = pipeline::orders();
    let mut names: Vec<String> = orders.iter().map(rows.1).collect();
    names.sort_by_key(|name| (rank(name), name.clone()));
    names.dedup();
    let mut table = Vec::new();
    for name in names {
        let cells: Vec<String> = columns.iter().map(|column| cell(&orders, once, &name, rows.1, column)).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            table.push([vec![name], cells].concat());
        }
    }
    let head: Vec<&str> = [rows.0].into_iter().chain(columns.iter().map(|column| column.title)).collect();
    page::holds(name, &page::table(&head, &table));
}

/// What the call does to every order of the row and column: empty if there is none.
fn cell(orders: &[Order], once: Option<Step>, row: &str, row_of: fn(&Order) -> String, column: &Column) -> String {
    let mut cell = String::new();
    for before in orders.iter().filter(|order| row_of(order) == row && (column.holds)(order)) {
        let mut after = before.clone();
        let effect = (column.call)(&mut after);
        let told = told(before, &after, &effect);
        if once.is_some_and(|step| before.outcome(step).is_some()) {
            assert_eq!(told, NOTHING, "{}, {row}: once the step has an outcome: {before:#?}", column.title);
        } else if cell.is_empty() {
            cell = told;
        } else {
            assert_eq!(cell, told, "{}, {row}: not the same for {before:#?}", column.title);
        }
    }
    cell
}

/// The order of the rows: as things happen.
fn rank(name: &str) -> usize {
    let names =
        ["None", "Charging", "Charging(id)", "Captured(id)", "Declined", "Refused", "Undoing(id)", "Undone(id)"];
    let others = ["Held", "Released", "accepted", "reserved", "paid", "confirmed", "rejected"];
    let known = names.iter().chain(&others).position(|known| name.split(',').next() == Some(known));
    known.unwrap_or(usize::MAX)
}

const PAYMENT: (&str, fn(&Order) -> String) =
    ("payment", |order| payment_in(&order.progress.payment, order.payment_id()));
const RESERVATION: (&str, fn(&Order) -> String) = ("reservation", |order| format!("{:?}", order.progress.reservation));
const STATUS: (&str, fn(&Order) -> String) = ("status", |order| order.progress.status.to_string());

fn held(order: &Order) -> bool {
    order.progress.reservation == Reservation::Held
}

fn cancelled(order: &Order) -> bool {
    order.progress.cancel_requested_at.is_some()
}

fn is(order: &Order, status: Status) -> bool {
    order.progress.status == status
}

fn captured(order: &Order) -> bool {
    matches!(order.progress.payment, PaymentState::Captured(_))
}

fn both(order: &Order) -> bool {
    held(order) && captured(order)
}

#[test]
fn reserve() {
    let call = |order: &mut Order| order.reserve(&[product("MUG", euros(1000), 5)], now()).into();
    specify(
        "reserve",
        Some(Step::ReserveInventory),
        RESERVATION,
        &[
            column("accepted", |order| is(order, Status::Accepted) && !cancelled(order), call),
            column("accepted, cancel requested", |order| is(order, Status::Accepted) && cancelled(order), call),
            column("any other status", |order| !is(order, Status::Accepted), call),
        ],
    );
}

#[test]
fn release() {
    let call = |order: &mut Order| order.release(now()).into();
    specify(
        "release",
        None,
        RESERVATION,
        &[
            column("not confirmed", |order| !is(order, Status::Confirmed), call),
            column("confirmed", |order| is(order, Status::Confirmed), call),
        ],
    );
}

#[test]
fn begin_charge() {
    let call = |order: &mut Order| {
        order.begin_charge(now());
        Effect::default()
    };
    specify(
        "begin_charge",
        Some(Step::ChargePayment),
        PAYMENT,
        &[
            column("reservation held", |order| held(order) && !cancelled(order), call),
            column("held, cancel requested", |order| held(order) && cancelled(order), call),
            column("not held", |order| !held(order), call),
        ],
    );
}

#[test]
fn payment_created() {
    let call = |order: &mut Order| {
        order.payment_created(payment("pi_new"), now());
        Effect::default()
    };
    specify(
        "payment_created",
        None,
        PAYMENT,
        &[
            column("`ChargePayment` has no outcome", |order| order.outcome(Step::ChargePayment).is_none(), call),
            column("it has one", |order| order.outcome(Step::ChargePayment).is_some(), call),
        ],
    );
}

#[test]
fn finish_charge() {
    specify(
        "finish_charge",
        Some(Step::ChargePayment),
        PAYMENT,
        &[
            column("captured", any, |order| {
                order.finish_charge(Charge::Captured, now());
                Effect::default()
            }),
            column("declined", any, |order| {
                order.finish_charge(Charge::Declined(RejectReason::InsufficientFunds), now());
                Effect::default()
            }),
        ],
    );
}

#[test]
fn begin_refund() {
    let call = |order: &mut Order| {
        order.begin_refund(now());
        Effect::default()
    };
    specify(
        "begin_refund",
        Some(Step::RefundPayment),
        PAYMENT,
        &[
            column("not confirmed", |order| !is(order, Status::Confirmed), call),
            column("confirmed", |order| is(order, Status::Confirmed), call),
        ],
    );
}

/// Only what is being undone can be finished; the worker asks [`Order::to_undo`] first.
#[test]
fn finish_refund() {
    let undoing = |order: &Order| order.to_undo().is_some() || order.outcome(Step::RefundPayment).is_some();
    specify(
        "finish_refund",
        None,
        PAYMENT,
        &[
            column("refunded", undoing, |order| {
                order.finish_refund(Done::Refunded, now());
                Effect::default()
            }),
            column("voided", undoing, |order| {
                order.finish_refund(Done::Voided, now());
                Effect::default()
            }),
        ],
    );
    for order in pipeline::orders() {
        let undoing = matches!(order.progress.payment, PaymentState::Undoing(_));
        assert_eq!(order.to_undo(), order.payment_id().filter(|_| undoing));
    }
}

#[test]
fn confirm() {
    let call = |order: &mut Order| order.confirm(now()).into();
    specify(
        "confirm",
        Some(Step::SendConfirmation),
        STATUS,
        &[
            column("held and captured", |order| both(order) && !cancelled(order), call),
            column("both, and to be cancelled", |order| both(order) && cancelled(order), call),
            column("not both", |order| !both(order) && !cancelled(order), call),
            column("not both, and to be cancelled", |order| !both(order) && cancelled(order), call),
        ],
    );
}

#[test]
fn reject() {
    let call = |order: &mut Order| {
        order.reject(Reason::Business(RejectReason::OutOfStock), now());
        Effect::default()
    };
    specify("reject", Some(Step::NotifyRejected), STATUS, &[column("for `OutOfStock`", any, call)]);
}

/// The state of the order's mail.
fn mail(order: &Order) -> &'static str {
    match &order.progress.mail {
        None => "none",
        Some(mail) if mail.result.is_none() => "no result",
        Some(_) => "a result",
    }
}

#[test]
fn mailed() {
    const fn step(order: &Order) -> Step {
        match &order.progress.mail {
            Some(mail) if matches!(mail.kind, MailKind::Rejection) => Step::NotifyRejected,
            _ => Step::SendConfirmation,
        }
    }
    fn call(order: &mut Order, result: MailResult) -> Effect {
        order.mailed(step(order), result, now());
        Effect::default()
    }
    specify(
        "mailed",
        None,
        ("mail", |order| {
            let outcome = if order.outcome(step(order)).is_some() { "and an outcome" } else { "and no outcome" };
            format!("{} {outcome}", mail(order))
        }),
        &[
            column("sent", any, |order| call(order, MailResult::Sent)),
            column("refused", any, |order| call(order, MailResult::Refused)),
            column("failed", any, |order| call(order, MailResult::Failed)),
        ],
    );
}

#[test]
fn close() {
    let call = |order: &mut Order| order.close(None, now()).into();
    specify(
        "close",
        Some(Step::CloseOrder),
        ("status", |order| format!("{}, mail: {}", order.progress.status, mail(order))),
        &[
            column("held and captured", |order| both(order) && !cancelled(order), call),
            column("both, and to be cancelled", |order| both(order) && cancelled(order), call),
            column("not both", |order| !both(order) && !cancelled(order), call),
            column("not both, and to be cancelled", |order| !both(order) && cancelled(order), call),
            column("after `Cancelled` was caught", any, |order| {
                order.close(Some(Reason::Business(RejectReason::Cancelled)), now()).into()
            }),
        ],
    );
}

#[test]
fn request_cancel() {
    let call = |order: &mut Order| order.request_cancel(now().at).into();
    specify(
        "request_cancel",
        None,
        ("status", |order| match order.progress.reason {
            Some(reason) => format!("rejected, {reason}"),
            None => order.progress.status.to_string(),
        }),
        &[column("not requested before", |order| !cancelled(order), call), column("requested before", cancelled, call)],
    );
}

/// The first outcome of a step is the one that is told for ever.
#[test]
fn an_outcome_that_is_recorded_is_the_one_that_is_repeated() {
    for order in pipeline::orders() {
        for record in &order.progress.steps {
            assert_eq!(order.outcome(record.step), Some(record.outcome));
            let mut again = order.clone();
            match record.step {
                Step::RefundPayment => again.finish_refund(Done::Voided, now()),
                Step::SendConfirmation | Step::NotifyRejected => again.mailed(record.step, MailResult::Refused, now()),
                Step::ChargePayment => again.payment_created(payment("pi_new"), now()),
                _ => {}
            }
            assert_eq!(again.outcome(record.step), Some(record.outcome));
        }
        assert_eq!(order.outcome(Step::Dispatch), None::<Outcome>, "it changes no order");
    }
}
