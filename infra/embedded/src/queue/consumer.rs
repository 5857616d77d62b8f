//! A trigger's hold on its queue: how much room it has, and the messages that are leased to it and wait to be taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::message::Received;

/// How many messages are in hand; shared with every [`Slot`].
#[derive(Debug)]
pub(crate) struct Room {
    capacity: usize,
    /// Receives are made when there is room for so many, not for each one that comes free.
    chunk: usize,
    in_hand: AtomicUsize,
    wake: Arc<Notify>,
}

impl Room {
    /// Up to `wanted` places, as many as there are.
    pub(crate) fn take(self: &Arc<Self>, wanted: usize) -> Vec<Slot> {
        let mut granted = 0;
        let grant = |in_hand: usize| {
            granted = wanted.min(self.capacity.saturating_sub(in_hand));
            (granted > 0).then_some(in_hand + granted)
        };
        match self.in_hand.fetch_update(Ordering::AcqRel, Ordering::Acquire, grant) {
            Ok(_) => (0..granted).map(|_| Slot(Arc::clone(self))).collect(),
            Err(_) => Vec::new(),
        }
    }

    pub(crate) fn take_one(self: &Arc<Self>) -> Option<Slot> {
        let grant = |in_hand: usize| (in_hand < self.capacity).then_some(in_hand + 1);
        self.in_hand.fetch_update(Ordering::AcqRel, Ordering::Acquire, grant).ok().map(|_| Slot(Arc::clone(self)))
    }

    /// Whether a receive is worth its write.
    pub(crate) fn has_chunk(&self) -> bool {
        self.in_hand.load(Ordering::Acquire) + self.chunk <= self.capacity
    }
}

/// A place for one message in a trigger's hands. Given back when dropped, whatever happened.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Room>);

impl Drop for Slot {
    fn drop(&mut self) {
        // Only a trigger without a chunk of room can be waiting for this.
        if self.0.in_hand.fetch_sub(1, Ordering::AcqRel) + self.0.chunk == self.0.capacity + 1 {
            self.0.wake.notify_one();
        }
    }
}

/// A message in a trigger's hands.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) message: Received,
    pub(crate) slot: Slot,
}

/// An attached trigger.
#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) room: Arc<Room>,
    /// How long its receives keep a message invisible, in milliseconds.
    pub(crate) visibility: i64,
    pub(crate) buffer: VecDeque<Held>,
}

impl Consumer {
    pub(crate) fn new(capacity: usize, chunk: usize, visibility: i64, wake: Arc<Notify>) -> Self {
        let capacity = capacity.max(1);
        let room = Arc::new(Room { capacity, chunk: chunk.clamp(1, capacity), in_hand: AtomicUsize::new(0), wake });
        Self { room, visibility, buffer: VecDeque::new() }
    }
}
