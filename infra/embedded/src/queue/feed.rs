//! How a trigger is fed: messages are leased to it, in its buffer, up to its room.

use std::sync::Arc;

use orders::ports::MAX_VISIBILITY;
use tokio::sync::Notify;

use super::SqliteQueues;
use super::consumer::{Consumer, Held};
use super::index::Index;
use super::message::{Lane, Received};
use super::shared::LaneState;
use crate::clock::{millis, now};
use crate::config::Trigger;

impl SqliteQueues {
    /// From now on messages are leased to this queue's trigger as long as it has room.
    pub(crate) fn attach(&self, lane: Lane, trigger: &Trigger) -> Arc<Notify> {
        let wake = Arc::clone(&self.shared.wakes[lane.index()]);
        let visibility = millis(trigger.visibility_timeout.min(MAX_VISIBILITY));
        let consumer = Consumer::new(trigger.room(), trigger.batch_size, visibility, Arc::clone(&wake));
        self.shared.lanes.lock()[lane.index()].consumer = Some(consumer);
        wake
    }

    /// No more leases; what was leased and not taken is visible again.
    pub(crate) fn detach(&self, lane: Lane) {
        let now = now(&*self.clock);
        let mut lanes = self.shared.lanes.lock();
        let state = &mut lanes[lane.index()];
        let Some(consumer) = state.consumer.take() else { return };
        for held in &consumer.buffer {
            if is_leased(&state.index, &held.message, now) {
                state.index.hide_until(held.message.id.0, now, now);
            }
        }
    }

    /// Receives for the trigger if messages wait and it has room. What is received arrives in its buffer.
    pub(crate) async fn refill(&self, lane: Lane) {
        let now = now(&*self.clock);
        let (claims, slots, visibility) = {
            let mut lanes = self.shared.lanes.lock();
            let state = &mut lanes[lane.index()];
            state.index.promote(now);
            let Some(consumer) = &state.consumer else { return };
            if !state.index.has_ready() || !consumer.room.has_chunk() {
                return;
            }
            let slots = consumer.room.take(state.index.depth().visible);
            let visibility = consumer.visibility;
            (self.claims(lane, state.index.claim(slots.len())), slots, visibility)
        };
        if claims.ids.is_empty() {
            return;
        }
        let settle = self.settle_with();
        let job = self.claim_job(&claims);
        let settled = move |result| settle.refilled(claims, slots, result, visibility);
        if let Err(error) = self.db.submit(job, settled).await {
            tracing::warn!(cause = %error.cause, "messages could not be received");
        }
    }

    /// Takes the next batch from the buffer: up to `max` messages and [`crate::trigger::MAX_BATCH_BYTES`].
    pub(crate) fn take(&self, lane: Lane, max: usize) -> Vec<Held> {
        let now = now(&*self.clock);
        let mut lanes = self.shared.lanes.lock();
        let LaneState { index, consumer: Some(consumer) } = &mut lanes[lane.index()] else { return Vec::new() };
        let mut batch = Vec::with_capacity(max.min(consumer.buffer.len()));
        let mut bytes = 0;
        while batch.len() < max
            && let Some(held) = consumer.buffer.pop_front()
        {
            // A lease that ran out while it waited belongs to whoever receives next.
            if !is_leased(index, &held.message, now) {
                continue;
            }
            bytes += held.message.body.len();
            if bytes > crate::trigger::MAX_BATCH_BYTES && !batch.is_empty() {
                consumer.buffer.push_front(held);
                break;
            }
            batch.push(held);
        }
        batch
    }

    /// How many messages wait in the trigger's buffer.
    pub(crate) fn buffered(&self, lane: Lane) -> usize {
        self.shared.lanes.lock()[lane.index()].consumer.as_ref().map_or(0, |consumer| consumer.buffer.len())
    }

    /// When the next hidden message becomes visible, if that would be of use to the trigger.
    pub(crate) fn next_due(&self, lane: Lane) -> Option<i64> {
        self.shared.lanes.lock()[lane.index()].index.next_due()
    }
}

fn is_leased(index: &Index, message: &Received, now: i64) -> bool {
    index.get(message.id.0).is_some_and(|entry| entry.receive_count == message.receive_count && entry.visible_at > now)
}
