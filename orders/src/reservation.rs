//! Reserving stock, and giving it back: the transitions of `ReserveInventory` and `ReleaseInventory`.

use serde::{Deserialize, Serialize};

use crate::money::MAX_AMOUNT;
use crate::order::Attempt;
use crate::{Done, Money, Order, Outcome, Product, RejectReason, Status, Step, StockChange};

/// What an order holds of the stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Reservation {
    /// Nothing yet.
    #[default]
    None,
    /// Its lines.
    Held,
    /// Nothing any more; the lines went back.
    Released,
    /// Nothing, ever: the release came first, and this tombstone refuses a late reservation.
    Refused,
}

impl Reservation {
    pub(crate) const fn is_none(&self) -> bool {
        matches!(self, Reservation::None)
    }
}

impl Order {
    /// Takes the lines from stock at the products' present prices, or records why not.
    ///
    /// `products` are those of the lines, as read now; one that is missing rejects the order. The returned changes
    /// belong into the same write, which fails if a product's price or stock no longer carries them: read again then.
    pub fn reserve(&mut self, products: &[Product], attempt: Attempt) -> Vec<StockChange> {
        if self.outcome(Step::ReserveInventory).is_some() {
            return Vec::new();
        }
        match self.priced(products) {
            Err(reason) => {
                self.record(Step::ReserveInventory, Outcome::Rejected(reason), attempt);
                Vec::new()
            }
            Ok((prices, total)) => {
                self.progress.status = Status::Reserved;
                self.progress.reservation = Reservation::Held;
                self.progress.total = Some(total);
                self.progress.unit_prices = prices.iter().map(|price| price.amount).collect();
                self.record(Step::ReserveInventory, Outcome::Done(Done::Reserved), attempt);
                let lines = self.placed.content.lines.iter().zip(prices);
                lines
                    .map(|(line, price)| StockChange::Take { sku: line.sku.clone(), quantity: line.quantity, price })
                    .collect()
            }
        }
    }

    /// The price of each line's product and the total, or the first reason against them.
    fn priced(&self, products: &[Product]) -> Result<(Vec<Money>, Money), RejectReason> {
        if !self.progress.reservation.is_none() || self.progress.status != Status::Accepted {
            return Err(RejectReason::Compensated);
        }
        if self.cancel_requested() {
            return Err(RejectReason::Cancelled);
        }
        let content = &self.placed.content;
        let mut total = Money::new(0, content.currency);
        let mut prices = Vec::with_capacity(content.lines.len());
        let mut enough = true;
        for line in &content.lines {
            let product =
                products.iter().find(|product| product.sku == line.sku).ok_or(RejectReason::ProductNotFound)?;
            if product.price.currency != content.currency {
                return Err(RejectReason::CurrencyMismatch);
            }
            enough &= product.stock >= line.quantity;
            let amount = product.price.times(line.quantity).ok_or(RejectReason::AmountTooLarge)?;
            total = total.plus(amount).ok_or(RejectReason::AmountTooLarge)?;
            prices.push(product.price);
        }
        if content.expected_total.is_some_and(|expected| expected != total) {
            Err(RejectReason::PriceChanged)
        } else if total.amount > MAX_AMOUNT {
            Err(RejectReason::AmountTooLarge)
        } else if !enough {
            Err(RejectReason::OutOfStock)
        } else {
            Ok((prices, total))
        }
    }

    /// Gives the lines back to stock, or leaves a tombstone where nothing was taken.
    pub fn release(&mut self, attempt: Attempt) -> Vec<StockChange> {
        let (next, done) = match self.progress.reservation {
            // A confirmed order keeps its goods; nothing in the workflow leads here.
            _ if self.progress.status == Status::Confirmed => return Vec::new(),
            Reservation::Held => (Reservation::Released, Done::Released),
            Reservation::None => (Reservation::Refused, Done::NothingReserved),
            Reservation::Released | Reservation::Refused => return Vec::new(),
        };
        self.progress.reservation = next;
        self.record(Step::ReleaseInventory, Outcome::Done(done), attempt);
        match done {
            Done::Released => self.stock_changes(|sku, quantity| StockChange::Return { sku, quantity }),
            _ => Vec::new(),
        }
    }

    pub(crate) fn stock_changes(&self, change: impl Fn(crate::Sku, u32) -> StockChange) -> Vec<StockChange> {
        self.placed.content.lines.iter().map(|line| change(line.sku.clone(), line.quantity)).collect()
    }
}
