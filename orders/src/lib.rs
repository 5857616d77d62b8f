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
//! Where to read on: [`order`] (the record), [`reservation`], [`payment`] and [`closing`] (its transitions),
//! [`outcome`] (the two kinds of failure, which never mix), [`message`] (what the queues carry), [`ports`].

pub mod closing;
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

pub use id::{CustomerId, IdempotencyKey, InvalidId, OrderId, Sku, Storefront, TraceId};
pub use money::{Currency, Money};
pub use order::{Address, Customer, Line, NewOrder, Order, Progress, Status, StepRecord};
pub use outcome::{Done, Outcome, Reason, RejectReason, Retry, StepError};
pub use product::{Product, StockChange};
pub use step::{Queue, Step};
