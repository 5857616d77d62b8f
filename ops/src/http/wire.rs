//! The bodies that only the API has; the rest are the operations' own types.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use garde::Validate;
use orders::OrderId;
use orders::ports::Page;
use orders::ports::ops::Entry;
use producer::body::WireBody;
use producer::object;
use serde::{Deserialize, Serialize};

use crate::drive::{ReplayPlan, Summary};
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
    #[serde(deserialize_with = "object::many")]
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

/// What a replay would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DryRun {
    /// So many would go back into their queue.
    pub would_replay: u64,
    /// So many would stay, by the reason.
    pub would_refuse: BTreeMap<String, u64>,
}

/// A line of what a replay that is driven here is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// These were handled.
    Entries(Vec<Entry>),
    /// The last: all were.
    Over(Summary),
    /// The last: something stands in the way, and the run can be gone on with.
    Failed(String),
}

impl WireBody for NewRun {}
impl WireBody for ReplayPlan {}
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
