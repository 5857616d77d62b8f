//! A message: what may be sent, what a receive gives, and the handles that name a receive.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use orders::{Queue, step::QueueName};
use rusqlite::{Connection, params};

use super::consumer::Slot;

/// The queues by number: a DLQ is odd, and one more than its source. These numbers are stored.
pub(crate) const LANES: usize = 8;

/// A queue's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lane(pub(super) u8);

impl Lane {
    pub(crate) fn of(name: QueueName) -> Self {
        let source = match name.queue {
            Queue::Orders => 0,
            Queue::Inventory => 2,
            Queue::Payments => 4,
            Queue::Emails => 6,
        };
        Self(source + u8::from(name.dead_letters))
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The pipeline's queue, of which this may be the DLQ.
    pub(crate) const fn queue(self) -> Queue {
        match self.0 / 2 {
            0 => Queue::Orders,
            1 => Queue::Inventory,
            2 => Queue::Payments,
            _ => Queue::Emails,
        }
    }

    pub(crate) const fn is_dead_letters(self) -> bool {
        self.0 % 2 == 1
    }

    /// The DLQ of a source queue; a DLQ has none.
    pub(crate) const fn dead_letters(self) -> Option<Self> {
        if self.is_dead_letters() { None } else { Some(Self(self.0 + 1)) }
    }

    /// A stored number; `None` if no queue of this version has it.
    pub(crate) fn stored(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| usize::from(*number) < LANES).map(Self)
    }
}

/// Names a message for as long as it exists, and never another one. Sorts by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub(crate) i64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for MessageId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        (text.len() == 16).then(|| i64::from_str_radix(text, 16).ok()).flatten().map(Self).ok_or(NotAnId)
    }
}

/// The text names no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message id: it is 16 hex digits")]
pub struct NotAnId;

/// One receive of a message: good until the message is received again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) id: MessageId,
    pub(crate) receive_count: u32,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.receive_count)
    }
}

impl Receipt {
    /// What no receive gave is as good as stale.
    pub(crate) fn parse(handle: &str) -> Option<Self> {
        let (id, count) = handle.split_once('.')?;
        Some(Self { id: id.parse().ok()?, receive_count: count.parse().ok()? })
    }
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: MessageId,
    /// How often it has been received, this time included.
    pub receive_count: u32,
    /// When it was sent, in milliseconds since 1970.
    pub sent_at: i64,
    /// When it was first received, likewise.
    pub first_received_at: i64,
    /// What it says.
    pub body: Arc<str>,
    /// Its message attributes as JSON, absent if there are none. Read lazily: most messages are never asked.
    pub(crate) attributes: Option<String>,
}

impl Received {
    /// Its message attributes, all strings.
    pub fn attributes(&self) -> BTreeMap<String, String> {
        let Some(json) = &self.attributes else { return BTreeMap::new() };
        serde_json::from_str(json).unwrap_or_else(|error| {
            tracing::error!(message = %self.id, %error, "a message's attributes can't be read");
            BTreeMap::new()
        })
    }

    /// Names this receive: to delete the message, or to change its visibility.
    pub fn receipt_handle(&self) -> String {
        Receipt { id: self.id, receive_count: self.receive_count }.to_string()
    }
}

/// A message that was checked and rendered, and needs only a row and a place in the index.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) id: MessageId,
    pub(crate) lane: Lane,
    pub(crate) sent_at: i64,
    pub(crate) visible_at: i64,
    pub(crate) body: Arc<str>,
    /// Rendered.
    pub(crate) attributes: Option<String>,
    /// A trigger has room for it: it is stored as received already, and handed over after the commit.
    pub(crate) slot: Option<Slot>,
}

impl Prepared {
    /// Writes the row.
    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let leased = self.slot.is_some();
        let sql =
            "INSERT INTO messages (id, queue, sent_at, first_received_at, visible_at, receive_count, attributes, body)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let visible_at = if leased { 0 } else { self.visible_at };
        connection.prepare_cached(sql)?.execute(params![
            self.id.0,
            self.lane.0,
            self.sent_at,
            leased.then_some(self.sent_at),
            visible_at,
            u32::from(leased),
            self.attributes,
            &*self.body,
        ])?;
        Ok(())
    }
}
