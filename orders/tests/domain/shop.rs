//! Orders and products to try the transitions on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use orders::mail::{MailKind, MailRecord, MailResult};
use orders::order::{Attempt, Content};
use orders::payment::{PaymentId, PaymentState};
use orders::reservation::Reservation;
use orders::{
    Currency, Customer, Line, Money, NewOrder, Order, OrderId, Outcome, Product, Progress, Reason, Sku, Status, Step,
    StockChange, Storefront,
};

pub fn sku(name: &str) -> Sku {
    name.parse().unwrap()
}

pub fn euros(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub fn product(name: &str, price: Money, stock: u32) -> Product {
    Product { sku: sku(name), name: name.into(), description: None, price, stock, reserved: 0, version: 1 }
}

pub fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

pub fn attempt() -> Attempt {
    Attempt { at: noon(), number: 1 }
}

pub fn payment(id: &str) -> PaymentId {
    PaymentId(id.to_owned())
}

/// An order of these lines in euros, just accepted.
pub fn order(lines: &[(&str, u32)]) -> Order {
    let storefront: Storefront = "shop".parse().unwrap();
    Order::new(NewOrder {
        id: OrderId::derive(&storefront, &"key".parse().unwrap()),
        storefront,
        placed_at: noon(),
        trace_id: "ab".repeat(16).parse().unwrap(),
        content: Content {
            customer: Customer { id: "c-1".parse().unwrap(), email: "ada@example.com".into(), name: None },
            lines: lines.iter().map(|(name, quantity)| Line { sku: sku(name), quantity: *quantity }).collect(),
            currency: Currency::EUR,
            payment_method: "pm_card_visa".into(),
            shipping_address: None,
            expected_total: None,
            metadata: BTreeMap::new(),
        },
    })
}

/// The stock of a shop, changed as a store changes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stock {
    pub free: u32,
    pub reserved: u32,
    pub sold: u32,
}

impl Stock {
    /// # Panics
    /// If more is taken, returned or settled than there is.
    pub fn apply(&mut self, change: &StockChange) {
        let (StockChange::Take { quantity, .. }
        | StockChange::Return { quantity, .. }
        | StockChange::Settle { quantity, .. }) = change;
        let (from, to) = match change {
            StockChange::Take { .. } => (&mut self.free, &mut self.reserved),
            StockChange::Return { .. } => (&mut self.reserved, &mut self.free),
            StockChange::Settle { .. } => (&mut self.reserved, &mut self.sold),
        };
        *from = from.checked_sub(*quantity).unwrap_or_else(|| panic!("{change:?}: there are not so many"));
        *to += quantity;
    }
}

/// What of an order's progress a transition may decide by: not the times, not the numbers of attempts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Known {
    status: Status,
    reason: Option<Reason>,
    total: Option<Money>,
    cancel: bool,
    reservation: Reservation,
    payment: PaymentState,
    mail: Option<(MailKind, Option<MailResult>)>,
    outcomes: [Option<Outcome>; Step::ALL.len()],
}

impl Known {
    pub fn of(progress: &Progress) -> Self {
        // Whole, so that a new field is thought about.
        let Progress { status, reason, total, unit_prices: _, cancel_requested_at, reservation, payment, mail, steps } =
            progress;
        let mut outcomes = [None; Step::ALL.len()];
        for record in steps {
            outcomes[record.step as usize] = Some(record.outcome);
        }
        Self {
            status: *status,
            reason: *reason,
            total: *total,
            cancel: cancel_requested_at.is_some(),
            reservation: *reservation,
            payment: payment.clone(),
            mail: mail.as_ref().map(|MailRecord { kind, result, .. }| (*kind, *result)),
            outcomes,
        }
    }
}
