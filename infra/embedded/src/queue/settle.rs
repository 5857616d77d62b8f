//! What follows a commit: the index, on the writer's thread and in the order of the commits. So it never says anything
//! that the rows don't.

use std::sync::Arc;

use orders::ports::ops::Change;
use orders::ports::{Clock, Unavailable};

use super::consumer::{Held, Slot};
use super::index::Place;
use super::message::{Lane, MessageId, Prepared, Receipt, Received};
use super::rows::Claimed;
use super::shared::{LaneState, Shared};
use crate::clock::now;

/// What could not be received because its write failed is away for so many milliseconds.
const PAUSE: i64 = 1_000;

/// Brings the index up to date.
#[derive(Clone)]
pub(crate) struct Settle {
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Settle {
    /// A message is in its queue; a leased one goes to its trigger.
    pub(crate) fn put(&self, prepared: Prepared) {
        let Prepared { id, lane, sent_at, visible_at, body, attributes, slot, .. } = prepared;
        let now = now(&*self.clock);
        let mut lanes = self.shared.lanes.lock();
        let LaneState { index, consumer } = &mut lanes[lane.index()];
        match (slot, consumer) {
            (None, _) => index.insert(id.0, sent_at, 0, visible_at, now),
            // The trigger went away in the meantime. It was received all the same.
            (Some(_), None) => index.insert(id.0, sent_at, 1, now, now),
            (Some(slot), Some(consumer)) => {
                index.insert(id.0, sent_at, 1, now.saturating_add(consumer.visibility), now);
                let message = Received { id, receive_count: 1, sent_at, first_received_at: sent_at, body, attributes };
                consumer.buffer.push_back(Held { message, slot });
            }
        }
        drop(lanes);
        self.shared.mark(lane);
        self.tell(lane, id);
    }

    /// Whoever watches is told of a dead letter.
    fn tell(&self, lane: Lane, id: MessageId) {
        if lane.is_dead_letters() && self.shared.feed.remembers() {
            self.shared.feed.push(Change::DeadLetter { queue: lane.queue(), message_id: id.to_string() });
        }
    }

    /// Messages are gone; says how many.
    pub(super) fn deleted(&self, lane: Lane, gone: &[MessageId]) -> usize {
        let mut lanes = self.shared.lanes.lock();
        for id in gone {
            lanes[lane.index()].index.remove(id.0);
        }
        gone.len()
    }

    /// A message has another visibility.
    pub(super) fn hidden(&self, lane: Lane, receipt: Receipt, visible_at: i64) {
        let now = now(&*self.clock);
        let mut lanes = self.shared.lanes.lock();
        let index = &mut lanes[lane.index()].index;
        // One that is being received again right now gets its new visibility from that.
        if index.get(receipt.id.0).is_some_and(|entry| entry.place != Place::Claimed) {
            index.hide_until(receipt.id.0, visible_at, now);
        }
        drop(lanes);
        self.shared.mark(lane);
    }

    /// What was claimed was received, or buried, or the write failed and it waits on.
    pub(super) fn received(
        &self,
        mut claims: Claims,
        result: Result<Vec<Claimed>, Unavailable>,
        visibility: i64,
    ) -> Result<Vec<Received>, Unavailable> {
        let claimed = result.inspect_err(|_| claims.pause = PAUSE)?;
        let (lane, now) = (claims.lane, now(&*self.clock));
        claims.ids.clear();
        let mut lanes = self.shared.lanes.lock();
        let mut received = Vec::with_capacity(claimed.len());
        for each in claimed {
            match each {
                Claimed::Received(message) => {
                    let visible_at = now.saturating_add(visibility);
                    lanes[lane.index()].index.received(message.id.0, message.receive_count, visible_at, now);
                    received.push(message);
                }
                Claimed::DeadLetter { id, sent_at, receive_count } => {
                    lanes[lane.index()].index.remove(id.0);
                    if let Some(dlq) = lane.dead_letters() {
                        lanes[dlq.index()].index.insert(id.0, sent_at, receive_count, now, now);
                        self.shared.mark(dlq);
                        self.tell(dlq, id);
                    }
                    metrics::counter!("orderflow_redriven_to_dlq_total").increment(1);
                }
                Claimed::Gone(id) => drop(lanes[lane.index()].index.remove(id.0)),
            }
        }
        Ok(received)
    }

    /// The same for a trigger, into its buffer.
    pub(super) fn refilled(
        &self,
        claims: Claims,
        slots: Vec<Slot>,
        result: Result<Vec<Claimed>, Unavailable>,
        visibility: i64,
    ) {
        let lane = claims.lane;
        match self.received(claims, result, visibility) {
            Ok(received) => {
                let now = now(&*self.clock);
                let mut lanes = self.shared.lanes.lock();
                let LaneState { index, consumer } = &mut lanes[lane.index()];
                for (message, slot) in received.into_iter().zip(slots) {
                    match consumer {
                        Some(consumer) => consumer.buffer.push_back(Held { message, slot }),
                        None => index.hide_until(message.id.0, now, now),
                    }
                }
                drop(lanes);
                self.shared.mark(lane);
            }
            Err(error) => tracing::warn!(cause = %error.cause, "messages could not be received"),
        }
    }
}

/// What a receive has taken from the visible ones. Dropped before it was received (its caller is gone, the write failed), it
/// is visible again.
pub(super) struct Claims {
    pub(super) settle: Settle,
    pub(super) lane: Lane,
    pub(super) ids: Vec<i64>,
    /// Stays away for so many milliseconds then.
    pub(super) pause: i64,
}

impl Drop for Claims {
    fn drop(&mut self) {
        if self.ids.is_empty() {
            return;
        }
        let Settle { shared, clock } = &self.settle;
        let now = now(&**clock);
        let mut lanes = shared.lanes.lock();
        let index = &mut lanes[self.lane.index()].index;
        self.ids.iter().for_each(|id| index.hide_until(*id, now.saturating_add(self.pause), now));
        drop(lanes);
        shared.wakes[self.lane.index()].notify_one();
    }
}
