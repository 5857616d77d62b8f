//! The bodies that only the API has; the rest are the operations' own types.

use std::num::NonZeroU32;

use garde::Validate;
use orders::OrderId;
use orders::ports::Page;
use producer::body::WireBody;
use serde::{Deserialize, Serialize};

use crate::{Exported, NewRun, Replay, StopRequest};

/// The largest body of a replay or an import.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A page of a listing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed<T> {
    /// What was listed.
    pub items: Vec<T>,
    /// Asks for what follows; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> From<Page<T>> for Listed<T> {
    fn from(page: Page<T>) -> Self {
        Self { items: page.items, next_cursor: page.next }
    }
}

impl<T> From<Listed<T>> for Page<T> {
    fn from(listed: Listed<T>) -> Self {
        Self { items: listed.items, next: listed.next_cursor }
    }
}

/// Dead letters, by id.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// Their ids in the DLQ.
    #[garde(length(max = 100), inner(length(min = 1, max = 128)))]
    pub ids: Vec<String>,
}

/// Exported dead letters.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Letters {
    /// As they were exported.
    #[garde(length(max = 100), dive)]
    pub letters: Vec<Exported>,
}

/// An order.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct OrderRef {
    /// Its id.
    #[garde(skip)]
    pub order_id: OrderId,
}

/// How to redrive.
#[derive(Debug, Default, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Redrive {
    /// At most so many a second; absent, as many as the platform moves.
    #[garde(skip)]
    pub per_second: Option<NonZeroU32>,
}

impl WireBody for NewRun {}
impl WireBody for StopRequest {}
impl WireBody for Ids {}
impl WireBody for OrderRef {}
impl WireBody for Redrive {}
impl WireBody for Replay {
    const MAX_BYTES: usize = MAX_BYTES;
}
impl WireBody for Letters {
    const MAX_BYTES: usize = MAX_BYTES;
}
