//! The domain of Orderflow: what an order is, what may happen to it, and the [`ports`] the pipeline needs.
//!
//! No AWS, SQL or HTTP here. An order's story is told by pure transitions on [`Order`]:
//!
//! ```text
//! accepted --reserve--> reserved --charge--> paid --confirm--> confirmed
//!     \                    \                   \
//!      `--------------------`-------------------`--reject----> rejected (with its reason)
//! ```
//!
//! A worker reads an order, applies one transition, and writes the result back on condition that nobody
//! else wrote in between ([`ports::OrderStore::update`]). The step's record is part of the order, so the effect, its
//! record and the status are one conditional write in both worlds, and a redelivered message finds its outcome.
//!
//! ```
//! # let order = serde_json::json!({
//! #     "id": "ord_00000000000000000000000000", "storefront": "shop", "placed_at": "2026-01-01T12:00:00Z",
//! #     "trace_id": "ab".repeat(16), "customer": { "id": "c-1", "email": "ada@example.com" },
//! #     "lines": [{ "sku": "MUG", "quantity": 2 }], "currency": "EUR", "payment_method": "pm_card_visa",
//! # });
//! # let mug = serde_json::json!({
//! #     "sku": "MUG", "name": "Mug", "price": { "amount": 1000, "currency": "EUR" }, "stock": 5, "reserved": 0, "version": 1,
//! # });
//! # let (order, mug) = (serde_json::from_value(order)?, serde_json::from_value(mug)?);
//! # let now = orders::order::Attempt { at: jiff::Timestamp::UNIX_EPOCH, number: 1 };
//! use orders::{Done, Order, Outcome, Status, Step};
//!
//! let mut order = Order::new(order); // of two mugs
//! let taken = order.reserve(&[mug], now); // a mug costs 10.00 EUR
//! assert_eq!((order.progress.status, taken.len()), (Status::Reserved, 1));
//! assert_eq!(order.progress.total.unwrap().to_string(), "20.00 EUR");
//!
//! // The release comes, and then the same message again: its record says what it did.
//! assert_eq!(order.release(now).len(), 1);
//! assert_eq!(order.release(now).len(), 0);
//! assert_eq!(order.outcome(Step::ReleaseInventory), Some(Outcome::Done(Done::Released)));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! What each transition does to each order: docs/TRANSITIONS.md, which the tests hold.
//!
//! Where to read on: [`order`] (the record), [`reservation`], [`payment`] and [`closing`] (its transitions),
//! [`outcome`] (the two kinds of failure, which never mix), [`message`] (what the queues carry), [`ports`].

pub mod closing;
pub mod email;
pub mod id;
pub mod mail;
pub mod message;
pub mod money;
pub mod order;
pub mod outcome;
mod outgoing;
pub mod payment;
pub mod ports;
pub mod product;
pub mod reservation;
pub mod sandbox;
pub mod step;
pub mod text;

pub use id::{CustomerId, IdempotencyKey, InvalidId, OrderId, Sku, Storefront, TraceId};
pub use money::{Currency, Money};
pub use order::{Address, Customer, Line, NewOrder, Order, Progress, Status, StepRecord};
pub use outcome::{Done, Outcome, Reason, RejectReason, Retry, StepError};
pub use product::{Product, StockChange};
pub use step::{Queue, Step};
