//! Products: what can be ordered, at which price, and how many there are.

use serde::{Deserialize, Serialize};

use crate::{Money, Sku};

/// The most of one product that can be in stock.
pub const MAX_STOCK: u32 = 1_000_000_000;

/// A product of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its key.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Price of one.
    pub price: Money,
    /// How many can still be sold.
    pub stock: u32,
    /// How many are taken by orders that are not final yet. A product with open reservations can't be deleted.
    pub reserved: u32,
    /// Rises with every change of anything a buyer or an editor sees, stock included: the `ETag`. Never falls, not
    /// even when a product is deleted and created again.
    pub version: u64,
}

/// What a transition does to one product's stock, in the same write as the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockChange {
    /// Reserve: `stock -= quantity; reserved += quantity`, on condition that there is enough and the price is still `price`.
    Take {
        /// The product.
        sku: Sku,
        /// How many.
        quantity: u32,
        /// The price the order was totalled with.
        price: Money,
    },
    /// Release: `stock += quantity; reserved -= quantity`. Does nothing to a product that is gone.
    Return {
        /// The product.
        sku: Sku,
        /// How many.
        quantity: u32,
    },
    /// Sold for good: `reserved -= quantity`. Does nothing to a product that is gone.
    Settle {
        /// The product.
        sku: Sku,
        /// How many.
        quantity: u32,
    },
}

/// What a cursor of the product listing begins with: other texts are refused.
const CURSOR: &str = "after:";

impl Sku {
    /// The cursor of a page whose last product this is.
    pub fn to_cursor(&self) -> String {
        format!("{CURSOR}{self}")
    }

    /// The last product of the page before; `None` if no listing gave this cursor.
    pub fn from_cursor(cursor: &str) -> Option<Self> {
        cursor.strip_prefix(CURSOR)?.parse().ok()
    }
}
