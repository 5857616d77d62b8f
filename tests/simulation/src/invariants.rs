//! What is always true, looked at after every step; and what is true at the end.

use std::collections::{BTreeMap, BTreeSet};

use orders::mail::MailKind;
use orders::order::{Progress, StepRecord};
use orders::payment::PaymentState;
use orders::ports::PaymentStatus;
use orders::reservation::Reservation;
use orders::{Order, OrderId, Product, Queue, Reason, RejectReason, Sku, Status};
use statemachine::{EventType, ExecutionStatus};

use crate::book::Book;
use crate::schedule::TaskId;
use crate::world::World;

/// Which line is broken, and how.
pub type Violation = String;

/// Refuses with the text unless it holds.
macro_rules! holds {
    ($condition:expr, $($why:tt)+) => {
        if !$condition { return Err(format!($($why)+)); }
    };
}

/// Compares the world with how it was a step ago.
pub struct Monitor {
    seen: Vec<Seen>,
    mails: usize,
    stock: BTreeMap<Sku, u32>,
    /// Payments that are captured, by their numbers.
    captured: BTreeSet<usize>,
}

struct Seen {
    version: u64,
    progress: Progress,
    ended: bool,
    /// The first task that began after the order's refund did.
    after_refund: Option<TaskId>,
}

impl Monitor {
    /// Begins with the world as it is: no order yet.
    pub fn new(world: &World) -> Self {
        let stock = world
            .store
            .look(|_, products| products.values().map(|product| (product.sku.clone(), product.stock)).collect());
        Self { seen: Vec::new(), mails: 0, stock, captured: BTreeSet::new() }
    }

    /// After a step of the task `last`; the next one to begin is `next`.
    ///
    /// # Errors
    /// What doesn't hold.
    pub fn check(&mut self, world: &World, book: &Book, last: Option<TaskId>, next: TaskId) -> Result<(), Violation> {
        if let Some(wrong) = world.faults.schedule().and_then(crate::schedule::Schedule::wrong) {
            return Err(wrong);
        }
        world.store.look(|orders, products| {
            let mut moved = false;
            for (index, order) in orders.iter().enumerate() {
                match self.seen.get_mut(index) {
                    Some(seen) if seen.version == order.version => continue,
                    Some(seen) => {
                        changed(order.id(), &seen.progress, &order.progress)?;
                        seen.version = order.version;
                        seen.progress.clone_from(&order.progress);
                    }
                    None => {
                        let progress = order.progress.clone();
                        self.seen.push(Seen { version: order.version, progress, ended: false, after_refund: None });
                    }
                }
                moved = true;
                stands(order, book)?;
                if matches!(order.progress.payment, PaymentState::Undoing(_) | PaymentState::Refused) {
                    self.seen[index].after_refund.get_or_insert(next);
                }
            }
            if moved {
                self.stock(orders, products)?;
            }
            money(world, orders)?;
            self.captures(world, orders, last)?;
            self.mails(world, orders)?;
            self.ends(world, orders, book)
        })
    }

    /// Did the refund of any order begin before this task did?
    pub fn overtaken(&self, task: TaskId) -> bool {
        self.seen.iter().any(|seen| seen.after_refund.is_some_and(|after| task >= after))
    }

    /// When nothing is left to do.
    ///
    /// # Errors
    /// The promise that is broken.
    pub fn judge(&self, world: &World, book: &Book) -> Result<(), Violation> {
        judge(world, book, &self.stock)
    }

    fn stock(&self, orders: &[Order], products: &BTreeMap<Sku, Product>) -> Result<(), Violation> {
        for (sku, stock) in &self.stock {
            let (mut reserved, mut sold) = (0, 0);
            for order in orders {
                let quantity: u32 =
                    order.placed.content.lines.iter().filter(|line| line.sku == *sku).map(|line| line.quantity).sum();
                match (order.progress.status, order.progress.reservation) {
                    (Status::Confirmed, _) => sold += quantity,
                    (_, Reservation::Held) => reserved += quantity,
                    _ => {}
                }
            }
            let product = &products[sku];
            let told = format!("{} in stock, {} reserved", product.stock, product.reserved);
            holds!(product.reserved == reserved, "stock: {told}, but orders hold {reserved} of {sku}");
            let all = product.stock + reserved + sold;
            holds!(all == *stock, "stock is conserved: {told}, {sold} sold, but there were {stock} of {sku}");
        }
        Ok(())
    }

    /// A charge that begins after its refund began moves no money; one that began before may still, and is found.
    fn captures(&mut self, world: &World, orders: &[Order], last: Option<TaskId>) -> Result<(), Violation> {
        world.gateway.look(|ledger| {
            for (number, entry) in ledger.iter().enumerate().filter(|(_, entry)| entry.captured) {
                if self.captured.insert(number) {
                    let order = orders.iter().position(|order| *order.id() == entry.request.order_id);
                    let after = order.and_then(|order| self.seen.get(order)).and_then(|seen| seen.after_refund);
                    let late = after.zip(last).is_some_and(|(after, task)| task >= after);
                    holds!(!late, "no charge begins after its refund: pi_{number} of {}", entry.request.order_id);
                }
            }
            Ok(())
        })
    }

    fn mails(&mut self, world: &World, orders: &[Order]) -> Result<(), Violation> {
        world.mailer.look(|mails| {
            for mail in &mails[self.mails..] {
                let Some(order) = orders.iter().find(|order| *order.id() == mail.order_id) else {
                    return Err(format!("a mail about {}, which does not exist", mail.order_id));
                };
                let status = order.progress.status;
                let fits = match mail.kind {
                    MailKind::Confirmation => status == Status::Confirmed,
                    MailKind::Rejection => status == Status::Rejected,
                };
                holds!(fits, "a mail never says the contrary: {} of {}, which is {status}", mail.kind, order.id());
                let verb = if mail.kind == MailKind::Confirmation { "is confirmed" } else { "is cancelled" };
                holds!(mail.subject.ends_with(verb), "a mail never says the contrary: `{}`, {status}", mail.subject);
                let sent = mails.iter().filter(|other| other.order_id == mail.order_id).count() as u32;
                let attempts = order.progress.mail.as_ref().map_or(0, |mail| mail.attempts);
                holds!(
                    sent <= attempts,
                    "no mail without its attempt: {sent} mails, {attempts} attempts of {}",
                    order.id()
                );
            }
            self.mails = mails.len();
            Ok(())
        })
    }

    fn ends(&mut self, world: &World, orders: &[Order], book: &Book) -> Result<(), Violation> {
        for (seen, order) in self.seen.iter_mut().zip(orders).filter(|(seen, _)| !seen.ended) {
            let (id, status) = (order.id(), order.progress.status);
            seen.ended = world.workflow.with_run(id, |run| {
                let Some(outcome) = run.and_then(|run| run.outcome.as_ref()) else { return Ok(false) };
                match outcome.status {
                    ExecutionStatus::Succeeded => {
                        let output = outcome.output.as_ref().map(|output| output["status"].clone());
                        holds!(
                            output == Some(status.name().into()),
                            "an execution ends as its order does: it says {output:?} of {id}, which is {status}"
                        );
                    }
                    ExecutionStatus::Aborted => {
                        holds!(book.stopped.contains(id), "nobody stopped the execution of {id}");
                    }
                    _ => return Err(format!("the execution of {id} failed: {:?}", outcome.error)),
                }
                Ok(true)
            })?;
        }
        Ok(())
    }
}

/// A write may do this and nothing else.
fn changed(id: &OrderId, before: &Progress, after: &Progress) -> Result<(), Violation> {
    let kept = after.steps.get(..before.steps.len());
    let names = |steps: &[StepRecord]| steps.iter().map(|record| format!("{record:?}")).collect::<Vec<_>>();
    holds!(
        kept == Some(&before.steps[..]),
        "a record never changes: {id} had {:?}, has {:?}",
        names(&before.steps),
        names(&after.steps)
    );
    let fate = |progress: &Progress| (progress.status, progress.reason);
    let (was, is) = (fate(before), fate(after));
    holds!(!before.status.is_final() || was == is, "a final status never changes: {id} was {was:?}, is {is:?}");
    holds!(after.status >= before.status, "an order goes forwards: {id} was {}, is {}", before.status, after.status);
    let cancel = before.cancel_requested_at.is_none() || before.cancel_requested_at == after.cancel_requested_at;
    holds!(cancel, "a cancel is not forgotten: {id}");
    holds!(before.total.is_none() || before.total == after.total, "a total never changes: {id}");
    let reservation = matches!(
        (before.reservation, after.reservation),
        (Reservation::None, _)
            | (Reservation::Held, Reservation::Held | Reservation::Released)
            | (Reservation::Released, Reservation::Released)
            | (Reservation::Refused, Reservation::Refused)
    );
    let (was, is) = (before.reservation, after.reservation);
    holds!(reservation, "a tombstone is never lost: the reservation of {id} was {was:?}, is {is:?}");
    let (was, is) = (&before.payment, &after.payment);
    holds!(was == is || may_follow(was, is), "a tombstone is never lost: the payment of {id} was {was:?}, is {is:?}");
    if *was == PaymentState::None && *is == PaymentState::Charging(None) {
        holds!(after.cancel_requested_at.is_none(), "no charge begins after a cancel: {id}");
        holds!(after.reservation == Reservation::Held, "no charge begins without its goods: {id}");
    }
    if let (Some(was), Some(is)) = (&before.mail, &after.mail) {
        holds!(was.kind == is.kind && was.attempts <= is.attempts, "mail attempts are counted: {id}: {was:?}, {is:?}");
    }
    Ok(())
}

fn may_follow(before: &PaymentState, after: &PaymentState) -> bool {
    use PaymentState::{Captured, Charging, Declined, None as Nothing, Refused, Undoing, Undone};
    match (before, after) {
        (Nothing, Charging(None) | Refused) | (Charging(None), Charging(Some(_)) | Refused | Declined) => true,
        (Charging(Some(was)), Captured(is) | Undoing(is))
        | (Captured(was), Undoing(is))
        | (Undoing(was), Undone(is)) => was == is,
        (Charging(Some(_)), Declined) => true,
        _ => false,
    }
}

/// What is true of one order, at any time.
fn stands(order: &Order, book: &Book) -> Result<(), Violation> {
    let (id, progress) = (order.id(), &order.progress);
    let (reservation, payment) = (progress.reservation, &progress.payment);
    match progress.status {
        Status::Confirmed => {
            holds!(
                reservation == Reservation::Held && matches!(payment, PaymentState::Captured(_)),
                "a confirmed order is paid and has its goods: {id} has {reservation:?}, {payment:?}"
            );
            holds!(!book.granted.contains(id), "a cancel that was granted is kept: {id} is confirmed");
        }
        Status::Rejected => {
            let undone = matches!(
                payment,
                PaymentState::None | PaymentState::Declined | PaymentState::Refused | PaymentState::Undone(_)
            );
            let released = matches!(reservation, Reservation::Released | Reservation::Refused);
            holds!(
                undone && released,
                "a rejected order has neither money nor goods: {id}: {reservation:?}, {payment:?}"
            );
        }
        Status::Accepted | Status::Reserved | Status::Paid => {}
    }
    Ok(())
}

/// The gateway's ledger against the orders.
fn money(world: &World, orders: &[Order]) -> Result<(), Violation> {
    world.gateway.look(|ledger| {
        for order in orders {
            let (id, payment) = (order.id(), &order.progress.payment);
            let entry = order.payment_id().map(|payment| {
                let number = payment.0.strip_prefix("pi_").and_then(|number| number.parse::<usize>().ok());
                number
                    .and_then(|number| ledger.get(number))
                    .ok_or_else(|| format!("{id} names no payment: {payment:?}"))
            });
            let Some(entry) = entry.transpose()? else { continue };
            holds!(
                entry.request.order_id == *id,
                "one order, one payment: {id} has that of {}",
                entry.request.order_id
            );
            let fits = match payment {
                PaymentState::Captured(_) => entry.status == PaymentStatus::Succeeded,
                PaymentState::Undone(_) => matches!(entry.status, PaymentStatus::Refunded | PaymentStatus::Voided),
                _ => true,
            };
            holds!(fits, "money and status agree: {id} says {payment:?}, and the gateway {}", entry.status);
        }
        for (number, entry) in ledger.iter().enumerate().filter(|(_, entry)| entry.captured) {
            let Some(order) = orders.iter().find(|order| *order.id() == entry.request.order_id) else {
                return Err(format!("pi_{number} is of {}, which does not exist", entry.request.order_id));
            };
            let recorded = order.payment_id().is_some_and(|id| id.0.strip_prefix("pi_") == Some(&number.to_string()));
            holds!(
                recorded,
                "what is captured is recorded: pi_{number} of {}, whose payment is {:?}",
                order.id(),
                order.progress.payment
            );
            holds!(Some(entry.request.amount) == order.progress.total, "the total is charged: {}", order.id());
        }
        Ok(())
    })
}

/// When nothing is left to do: every promise is kept, and nothing was rejected without a cause. `stock` is what there was.
fn judge(world: &World, book: &Book, stock: &BTreeMap<Sku, u32>) -> Result<(), Violation> {
    for queue in Queue::ALL {
        holds!(!world.queues.has_dead_letters(*queue), "dead letters are left in {queue}");
    }
    world.store.look(|orders, _| {
        for id in &book.promised {
            holds!(orders.iter().any(|order| order.id() == id), "an accepted order exists: {id}");
        }
        let lines = || orders.iter().flat_map(|order| &order.placed.content.lines);
        let wanted = |sku: &Sku| lines().filter(|line| line.sku == *sku).map(|line| line.quantity).sum::<u32>();
        let scarce = stock.iter().any(|(sku, stock)| wanted(sku) > *stock);
        for order in orders {
            let (id, progress) = (order.id(), &order.progress);
            let started = world.workflow.with_run(id, |run| run.is_some());
            if !started && !book.promised.contains(id) {
                continue;
            }
            holds!(progress.status.is_final(), "every accepted order ends: {id} is {}", progress.status);
            let confirmed = progress.status == Status::Confirmed;
            let owed = if confirmed { progress.total.map_or(0, |total| total.amount) } else { 0 };
            let kept = world.gateway.kept(id);
            holds!(kept == owed, "money and status agree: {kept} of {id} are kept, which is {}", progress.status);
            holds!(!book.granted.contains(id) || !confirmed, "a cancel that was granted is kept: {id} is confirmed");
            holds!(!book.refused.contains(id) || confirmed, "a cancel was refused, and {id} is not confirmed");
            if let Some(reason) = progress.reason {
                has_cause(world, book, order, reason, scarce)?;
            }
        }
        Ok(())
    })
}

/// No order is rejected without a cause.
fn has_cause(world: &World, book: &Book, order: &Order, reason: Reason, scarce: bool) -> Result<(), Violation> {
    let content = &order.placed.content;
    let outlived = |run: Option<&crate::memory::workflow::Run>| {
        run.is_some_and(|run| run.history.iter().any(|event| event.kind == EventType::TaskTimedOut))
    };
    let overtaken = book.stopped.contains(order.id())
        || book.meddled.contains(order.id())
        || world.workflow.with_run(order.id(), outlived);
    let caused = match reason {
        Reason::TechnicalFailure | Reason::Business(RejectReason::Compensated) => overtaken,
        Reason::Business(RejectReason::Cancelled) => order.progress.cancel_requested_at.is_some(),
        Reason::Business(RejectReason::OutOfStock) => scarce,
        Reason::Business(RejectReason::PaymentDeclined) => content.payment_method == "pm_card_chargeDeclined",
        Reason::Business(RejectReason::PaymentInvalid) => !content.payment_method.starts_with("pm_card_"),
        Reason::Business(RejectReason::PriceChanged) => content.expected_total.is_some(),
        Reason::Business(_) => false,
    };
    holds!(caused, "no order is rejected without a cause: {} is, for {reason}", order.id());
    Ok(())
}
