//! The SQS-triggered steps of the pipeline, and the batch core that runs them.
//!
//! | queue       | worker              | steps                                      |
//! |-------------|---------------------|--------------------------------------------|
//! | `orders`    | [`DispatchWorker`]  | `Dispatch` (start the execution), `CloseOrder` |
//! | `inventory` | [`InventoryWorker`] | `ReserveInventory`, `ReleaseInventory`     |
//! | `payments`  | [`PaymentWorker`]   | `ChargePayment`, `RefundPayment`           |
//! | `emails`    | [`EmailWorker`]     | `SendConfirmation`, `NotifyRejected`       |
//!
//! A worker decides with the transitions of [`orders`] and returns; [`batch`] alone answers task tokens, reports
//! records, sets their visibility and writes dead letters. The same workers run behind Lambda and behind the embedded
//! triggers: both hand over an `SqsEvent` and take an `SqsBatchResponse`.

mod backoff;
pub mod batch;
mod dead_letter;
mod delivery;
mod dispatch;
mod email;
mod inventory;
mod payment;
mod transition;
mod verdict;

pub use backoff::Backoff;
pub use batch::{BatchCore, MissingMessageId, Settings, Worker};
pub use dead_letter::{DEAD_LETTER, DeadLetter};
pub use delivery::Delivery;
pub use dispatch::DispatchWorker;
pub use email::EmailWorker;
pub use inventory::InventoryWorker;
pub use payment::PaymentWorker;
pub use verdict::Verdict;
