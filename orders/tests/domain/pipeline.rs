//! Every order that the pipeline can bring about.
//!
//! A model of all that can happen to one order: the workflow of `statemachine/order.asl.json` and its time-outs; messages that
//! come late, twice, or at the same time; workers that write, call the gateway and write again, as `workers/src` does, and
//! die in between; a customer who cancels; ops who stop the execution and have it undone. Whatever may happen once may
//! happen any number of times and at any later time: a message that was sent is never taken out of the model, nor is what
//! a worker holds in its hand. So any number of deliveries are in flight at once.
//!
//! That has finitely many states. All of them are visited, and in each the promises of docs/GUARANTEES.md are checked.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use orders::mail::MailResult;
use orders::payment::{Charge, PaymentId};
use orders::reservation::Reservation;
use orders::{Done, Order, Outcome, Reason, RejectReason, Status, Step};

use crate::rules::broken;
use crate::shop::{Known, Stock, attempt, euros, noon, order, payment, product};

const QUANTITY: u32 = 2;

/// The payments that the gateway may come to have for the order: a second one once the idempotency key of the first is pruned.
const PAYMENTS: [&str; 2] = ["pi_1", "pi_2"];

/// A payment at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Payment {
    Absent,
    /// Created, and no money moved.
    Waiting,
    Captured,
    Declined,
    Voided,
    Refunded,
}

/// What the gateway says to the customer's card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Card {
    Good,
    /// Declined when its payment is confirmed.
    Declined,
    /// Refused when its payment is created.
    Invalid,
}

/// Where the workflow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    At(Step),
    End,
}

/// What may happen at any time from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    /// A message is delivered: the first write of its step.
    Deliver(Step, Option<Reason>),
    /// A charge that wrote `Charging` asks for a payment, and gets this one.
    Create(usize),
    /// It writes the payment's id.
    Created(usize),
    /// It confirms a payment, or reads how that ended.
    Confirm(usize),
    /// It writes how the charge ended.
    Finish(Charging),
    /// A refund voids or pays back.
    Undo(usize),
    /// It writes that it did.
    Undone(Done),
    /// A mail was handed over, and its result is written.
    Mailed(Step, MailResult),
    /// The customer cancels.
    Cancel,
    /// The workflow hears of its step's outcome.
    Answer,
    /// The step that the workflow waits for is over time.
    TimeOut,
    /// Ops stop the execution, and have it undone.
    Stop,
}

/// [`Charge`], with only the reasons that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Charging {
    Captured,
    Declined,
    Compensated,
}

/// The order, and all around it.
#[derive(Debug, Clone)]
struct World {
    order: Order,
    around: Around,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Around {
    card: Card,
    initial: u32,
    stock: Stock,
    gateway: [Payment; 2],
    place: Place,
    /// What the workflow caught, and compensates for.
    failure: Option<Reason>,
    /// Ops walk through the compensations, instead of the workflow.
    stopped: bool,
    /// Somebody was told that the order will be cancelled.
    granted: bool,
    /// What may happen at any time, a bit for each of [`acts`]: never taken out.
    open: u64,
}

/// Why an order is rejected, in this model.
const REASONS: [Reason; 5] = [
    Reason::Business(RejectReason::OutOfStock),
    Reason::Business(RejectReason::PaymentDeclined),
    Reason::Business(RejectReason::Cancelled),
    Reason::Business(RejectReason::Compensated),
    Reason::TechnicalFailure,
];

fn acts() -> &'static [Act] {
    static ACTS: OnceLock<Vec<Act>> = OnceLock::new();
    ACTS.get_or_init(|| {
        let mut acts = vec![
            Act::Deliver(Step::ReserveInventory, None),
            Act::Deliver(Step::ChargePayment, None),
            Act::Deliver(Step::SendConfirmation, None),
            Act::Deliver(Step::RefundPayment, None),
            Act::Deliver(Step::ReleaseInventory, None),
            Act::Deliver(Step::CloseOrder, None),
            Act::Finish(Charging::Captured),
            Act::Finish(Charging::Declined),
            Act::Finish(Charging::Compensated),
            Act::Undone(Done::Refunded),
            Act::Undone(Done::Voided),
            Act::Mailed(Step::SendConfirmation, MailResult::Sent),
            Act::Mailed(Step::NotifyRejected, MailResult::Sent),
            Act::Mailed(Step::NotifyRejected, MailResult::Refused),
            Act::Cancel,
            Act::Answer,
            Act::TimeOut,
            Act::Stop,
        ];
        for step in [Step::NotifyRejected, Step::CloseOrder] {
            acts.extend(REASONS.map(|reason| Act::Deliver(step, Some(reason))));
        }
        for payment in 0..PAYMENTS.len() {
            acts.extend([Act::Create(payment), Act::Created(payment), Act::Confirm(payment), Act::Undo(payment)]);
        }
        assert!(acts.len() <= 64, "each has its bit");
        acts
    })
}

impl Around {
    fn may(&mut self, act: Act) {
        let index = acts().iter().position(|other| *other == act).unwrap_or_else(|| panic!("{act:?} is not listed"));
        self.open |= 1 << index;
    }

    /// What may happen now.
    fn open(&self) -> impl Iterator<Item = Act> + use<> {
        let open = self.open;
        acts().iter().enumerate().filter(move |(bit, _)| open >> bit & 1 == 1).map(|(_, act)| *act)
    }

    fn captures(&self) -> usize {
        self.gateway.iter().filter(|payment| matches!(payment, Payment::Captured | Payment::Refunded)).count()
    }

    fn kept(&self) -> usize {
        self.gateway.iter().filter(|payment| **payment == Payment::Captured).count()
    }
}

impl Around {
    /// The workflow, or ops in its place, comes to this step and sends its message.
    fn enter(&mut self, step: Step) {
        self.place = Place::At(step);
        let has_input = matches!(step, Step::NotifyRejected | Step::CloseOrder);
        self.may(Act::Deliver(step, self.failure.filter(|_| has_input)));
    }

    fn fail(&mut self, failure: Reason, next: Step) {
        self.failure = Some(failure);
        self.enter(next);
    }

    fn deliver(&mut self, order: &mut Order, step: Step, failure: Option<Reason>) {
        let stock = match step {
            Step::ReserveInventory => order.reserve(&[product("MUG", euros(1000), self.stock.free)], attempt()),
            Step::ChargePayment => {
                order.begin_charge(attempt());
                match (order.outcome(Step::ChargePayment), recorded(order)) {
                    (Some(_), _) => {}
                    (None, Some(index)) => self.may(Act::Confirm(index)),
                    (None, None) => {
                        for index in 0..PAYMENTS.len() {
                            self.may(Act::Create(index));
                        }
                    }
                }
                Vec::new()
            }
            Step::SendConfirmation => {
                let stock = order.confirm(attempt());
                if order.outcome(step).is_none() {
                    assert_eq!(order.progress.status, Status::Confirmed, "a mail says what is true");
                    self.may(Act::Mailed(step, MailResult::Sent));
                }
                stock
            }
            Step::RefundPayment => {
                order.begin_refund(attempt());
                if let Some(id) = order.to_undo() {
                    self.may(Act::Undo(index_of(id)));
                }
                Vec::new()
            }
            Step::ReleaseInventory => order.release(attempt()),
            Step::NotifyRejected => {
                order.reject(failure.unwrap(), attempt());
                if order.outcome(step).is_none() {
                    assert_eq!(order.progress.status, Status::Rejected, "a mail says what is true");
                    self.may(Act::Mailed(step, MailResult::Sent));
                    self.may(Act::Mailed(step, MailResult::Refused));
                }
                Vec::new()
            }
            Step::CloseOrder => order.close(failure, attempt()),
            Step::Dispatch => unreachable!("it changes no order"),
        };
        stock.iter().for_each(|change| self.stock.apply(change));
    }

    fn confirm(&mut self, index: usize) {
        let payment = &mut self.gateway[index];
        if *payment == Payment::Waiting {
            *payment = if self.card == Card::Good { Payment::Captured } else { Payment::Declined };
        }
        let end = match payment {
            Payment::Captured => Charging::Captured,
            Payment::Declined => Charging::Declined,
            Payment::Voided | Payment::Refunded => Charging::Compensated,
            Payment::Absent | Payment::Waiting => unreachable!("a payment is there before it is confirmed"),
        };
        self.may(Act::Finish(end));
    }

    /// The definition's edges; or the order in which ops have the compensations done.
    fn answer(&mut self, order: &Order) {
        use Step::*;
        let Place::At(step) = self.place else { return };
        let rejected = match order.outcome(step) {
            None if self.stopped && order.progress.status.is_final() => return self.place = Place::End,
            None => return,
            Some(Outcome::Done(_)) => None,
            Some(Outcome::Rejected(reason)) => Some(reason),
        };
        match (step, rejected) {
            (ReserveInventory, None) => self.enter(ChargePayment),
            (ReserveInventory, Some(reason)) => self.fail(Reason::Business(reason), ReleaseInventory),
            (ChargePayment, None) => self.enter(SendConfirmation),
            (SendConfirmation, Some(reason)) if reason != RejectReason::Cancelled => self.enter(CloseOrder),
            (ChargePayment | SendConfirmation | CloseOrder, Some(reason)) => {
                self.fail(Reason::Business(reason), RefundPayment);
            }
            (RefundPayment, _) => self.enter(ReleaseInventory),
            (ReleaseInventory, _) => self.enter(NotifyRejected),
            (SendConfirmation | NotifyRejected | CloseOrder, None) => self.place = Place::End,
            (NotifyRejected | Dispatch, _) => unreachable!("{step} is not rejected"),
        }
    }

    /// A forward step is undone, a mail given up; a compensation is sent again, which its message stands for already.
    fn time_out(&mut self) {
        match self.place {
            _ if self.stopped => {}
            Place::At(Step::ReserveInventory) => self.fail(Reason::TechnicalFailure, Step::ReleaseInventory),
            Place::At(Step::ChargePayment) => self.fail(Reason::TechnicalFailure, Step::RefundPayment),
            Place::At(Step::SendConfirmation | Step::NotifyRejected) => self.enter(Step::CloseOrder),
            Place::At(_) | Place::End => {}
        }
    }

    fn stop(&mut self, order: &Order) {
        if self.stopped || self.place == Place::End {
            return;
        }
        self.stopped = true;
        if order.progress.status.is_final() {
            self.place = Place::End;
            return;
        }
        let cancelled = order.progress.cancel_requested_at.is_some();
        let reason = if cancelled { Reason::Business(RejectReason::Cancelled) } else { Reason::TechnicalFailure };
        self.fail(reason, Step::RefundPayment);
    }
}

impl World {
    fn new(stock: u32, card: Card) -> Self {
        let around = Around {
            card,
            initial: stock,
            stock: Stock { free: stock, reserved: 0, sold: 0 },
            gateway: [Payment::Absent; 2],
            place: Place::End,
            failure: None,
            stopped: false,
            granted: false,
            open: 0,
        };
        let mut world = Self { order: order(&[("MUG", QUANTITY)]), around };
        for act in [Act::Answer, Act::Cancel, Act::TimeOut, Act::Stop] {
            world.around.may(act);
        }
        world.around.enter(Step::ReserveInventory);
        world
    }

    fn key(&self) -> (Known, Around) {
        (Known::of(&self.order.progress), self.around.clone())
    }

    /// The world after `act`.
    fn after(&self, act: Act) -> World {
        let mut next = self.clone();
        let World { order, around } = &mut next;
        match act {
            Act::Deliver(step, failure) => around.deliver(order, step, failure),
            Act::Create(index) => {
                if around.card == Card::Invalid {
                    around.may(Act::Finish(Charging::Declined));
                } else if index == 0 || around.gateway[0] != Payment::Absent {
                    if around.gateway[index] == Payment::Absent {
                        around.gateway[index] = Payment::Waiting;
                    }
                    around.may(Act::Created(index));
                }
            }
            Act::Created(index) => {
                order.payment_created(payment(PAYMENTS[index]), attempt());
                if order.outcome(Step::ChargePayment).is_none() {
                    // Another delivery may have recorded a payment first; that one is the order's.
                    around.may(Act::Confirm(recorded(order).unwrap_or(index)));
                }
            }
            Act::Confirm(index) => around.confirm(index),
            Act::Finish(end) => {
                let declined = |reason| Charge::Declined(reason);
                let charge = match end {
                    Charging::Captured => Charge::Captured,
                    Charging::Declined => declined(RejectReason::PaymentDeclined),
                    Charging::Compensated => declined(RejectReason::Compensated),
                };
                order.finish_charge(charge, attempt());
            }
            Act::Undo(index) => {
                let (status, done) = match around.gateway[index] {
                    Payment::Captured | Payment::Refunded => (Payment::Refunded, Done::Refunded),
                    _ => (Payment::Voided, Done::Voided),
                };
                around.gateway[index] = status;
                around.may(Act::Undone(done));
            }
            Act::Undone(done) => order.finish_refund(done, attempt()),
            Act::Mailed(step, result) => order.mailed(step, result, attempt()),
            Act::Cancel => around.granted |= order.request_cancel(noon()).is_ok(),
            Act::Answer => around.answer(order),
            Act::TimeOut => around.time_out(),
            Act::Stop => around.stop(order),
        }
        if let Some(mail) = &mut order.progress.mail {
            mail.attempts = 1; // their number decides nothing, and has no end
        }
        next
    }

    /// What the world is in breach of, if anything.
    fn broken(&self) -> Option<&'static str> {
        let (progress, around, stock) = (&self.order.progress, &self.around, &self.around.stock);
        let (confirmed, ended) = (progress.status == Status::Confirmed, around.place == Place::End);
        let held = progress.reservation == Reservation::Held;
        let refund_is_over = progress.steps.iter().any(|record| record.step == Step::RefundPayment);
        let rules = [
            ("never two captures", around.captures() <= 1),
            ("stock is conserved", stock.free + stock.reserved + stock.sold == around.initial),
            ("what is reserved is held by the order", stock.reserved == if held && !confirmed { QUANTITY } else { 0 }),
            ("what is confirmed is sold", stock.sold == if confirmed { QUANTITY } else { 0 }),
            ("a confirmed order's money is kept", !confirmed || around.kept() == 1),
            ("after its refund, no money of an order is kept", !refund_is_over || around.kept() == 0),
            ("a cancel that was granted is not confirmed", !around.granted || !confirmed),
            ("the workflow ends with an end of the order", !ended || progress.status.is_final()),
            ("a rejected order keeps no money", !ended || confirmed || around.kept() == 0),
            ("a rejected order keeps no stock", !ended || confirmed || stock.reserved == 0),
        ];
        rules.into_iter().find_map(|(rule, holds)| (!holds).then_some(rule))
    }
}

/// Which of [`PAYMENTS`] the order knows.
fn recorded(order: &Order) -> Option<usize> {
    order.payment_id().map(index_of)
}

fn index_of(id: &PaymentId) -> usize {
    PAYMENTS.iter().position(|name| *name == id.0).unwrap()
}

/// What a step from `before` to `after` breaks, if anything.
fn broken_between(before: &World, after: &World) -> Option<&'static str> {
    let (old, new) = (&before.order.progress, &after.order.progress);
    if old.status.is_final() && (old.status, old.reason) != (new.status, new.reason) {
        return Some("what is final stays final, for its reason");
    }
    broken(&before.order, &after.order).or_else(|| after.broken())
}

/// All that can be reached, each with what led to it.
struct Walk {
    worlds: Vec<World>,
    from: Vec<Option<(usize, Act)>>,
    edges: Vec<(usize, usize)>,
    /// The first breach of a rule, and a shortest way to it.
    broken: Option<String>,
}

impl Walk {
    /// Breadth first, so that the way to what is broken is a shortest one.
    fn of(roots: Vec<World>) -> Self {
        let mut known: HashMap<_, _> = roots.iter().enumerate().map(|(index, root)| (root.key(), index)).collect();
        let mut walk = Self { from: vec![None; roots.len()], worlds: roots, edges: Vec::new(), broken: None };
        for index in 0.. {
            let Some(before) = walk.worlds.get(index).cloned() else { break };
            let key = before.key();
            for act in before.around.open() {
                let after = before.after(act);
                let next = after.key();
                if next == key {
                    continue;
                }
                let next = *known.entry(next).or_insert(walk.worlds.len());
                walk.edges.push((index, next));
                if walk.broken.is_none()
                    && let Some(rule) = broken_between(&before, &after)
                {
                    walk.broken = Some(format!("not so: {rule}\nafter {:#?}\n{after:#?}", walk.way_to(index, act)));
                }
                if next == walk.worlds.len() {
                    walk.worlds.push(after);
                    walk.from.push(Some((index, act)));
                }
            }
        }
        walk
    }

    fn way_to(&self, mut index: usize, last: Act) -> Vec<Act> {
        let mut way = vec![last];
        while let Some((before, act)) = self.from[index] {
            way.push(act);
            index = before;
        }
        way.reverse();
        way
    }

    /// Those from which none of `goals` can be reached.
    fn cut_off_from(&self, goals: impl Fn(&World) -> bool) -> Option<&World> {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.worlds.len()];
        for (from, to) in &self.edges {
            before[*to].push(*from);
        }
        let mut reach: Vec<bool> = self.worlds.iter().map(goals).collect();
        let mut waiting: Vec<usize> = (0..reach.len()).filter(|index| reach[*index]).collect();
        while let Some(index) = waiting.pop() {
            for from in &before[index] {
                if !std::mem::replace(&mut reach[*from], true) {
                    waiting.push(*from);
                }
            }
        }
        reach.iter().position(|reaches| !reaches).map(|index| &self.worlds[index])
    }
}

/// Walked once for all tests.
fn walk() -> &'static Walk {
    static WALK: OnceLock<Walk> = OnceLock::new();
    WALK.get_or_init(|| {
        let enough = [Card::Good, Card::Declined, Card::Invalid].map(|card| World::new(5, card));
        Walk::of(enough.into_iter().chain([World::new(QUANTITY - 1, Card::Good)]).collect())
    })
}

/// Every order that the pipeline can bring about, once.
pub fn orders() -> Vec<Order> {
    let mut known = HashSet::new();
    let orders = walk().worlds.iter().filter(|world| known.insert(Known::of(&world.order.progress)));
    orders.map(|world| world.order.clone()).collect()
}

#[test]
fn whatever_happens_to_an_order_no_promise_is_broken() {
    let (worlds, edges) = (walk().worlds.len(), walk().edges.len());
    assert!(walk().broken.is_none(), "{}", walk().broken.as_deref().unwrap_or_default());
    println!("{worlds} worlds, {edges} changes, {} orders", orders().len());
    // The model is as large as it was thought to be: a promise about a world that is not visited says nothing.
    let ends: HashSet<_> = walk().worlds.iter().filter(|world| world.around.place == Place::End).map(end).collect();
    assert_eq!(ends.len(), 7, "{ends:#?}");
}

fn end(world: &World) -> (Status, Option<Reason>, usize) {
    (world.order.progress.status, world.order.progress.reason, world.around.captures())
}

#[test]
fn whatever_happened_to_an_order_it_can_come_to_its_end() {
    let cut_off = walk().cut_off_from(|world| world.around.place == Place::End);
    assert!(cut_off.is_none(), "{cut_off:#?}");
}
