//! The queues: SQS's semantics on SQLite rows, with an [`index`] in memory so that nothing polls.
//!
//! As SQS: visibility timeout, receive count, delay, redrive to the DLQ on the receive that would exceed the limit, receipt
//! handles that go stale with the next receive, ten string attributes, 1 MiB. Other than SQS: a message stays until it is
//! handled (no retention period), it is never delivered twice without reason, and the depths are exact.
//!
//! When a process dies its leases end with it: at the next start what it had received is visible at once, receive counts
//! kept. A delay, and a visibility that somebody asked for, are kept.
//!
//! Order of things: the row is written first, and the index follows on the writer's thread in the order of the commits.
//! Not for calling functions; that is [`crate::trigger`].

pub(crate) mod consumer;
mod feed;
pub(crate) mod index;
pub(crate) mod message;
mod rows;
mod settle;
mod shared;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use orders::ports::{Clock, MAX_DELAY, MAX_VISIBILITY, Outgoing, Queues, SendError, Unavailable};
use orders::{Queue, step::QueueName};
use parking_lot::Mutex;
use rusqlite::{Connection, params};
use tokio::sync::Notify;

use crate::clock::{millis, now};
use crate::db::{Db, Verdict};
use crate::ops::changes::Feed;
use consumer::Slot;
pub use index::Depth;
use index::Index;
use message::{LANES, Lane, Prepared, Receipt};
pub use message::{MessageId, NotAnId, Received};
use rows::Claimed;
use settle::Claims;
pub(crate) use settle::Settle;
use shared::{LaneState, Shared};

/// Message ids of one opening of the file: so many fit before those of the next one begin.
const IDS_PER_OPEN: i64 = 1 << 40;

/// The queues of one file.
pub struct SqliteQueues {
    db: Db,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    next_id: AtomicI64,
    max_receive_count: u32,
}

impl SqliteQueues {
    /// Loads the index. To be called once per opened file.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read or written.
    pub(crate) fn load(
        db: Db,
        clock: Arc<dyn Clock>,
        max_receive_count: u32,
        feed: Arc<Feed>,
    ) -> Result<Self, Unavailable> {
        let opens = db.write_at_start(|connection| {
            let sql = "UPDATE numbers SET value = value + 1 WHERE name = 'opens' RETURNING value";
            connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(Verdict::Keep)
        })?;
        let rows = db.read(rows::read_index)?;
        let now = now(&*clock);
        let mut lanes: [LaneState; LANES] = Default::default();
        for row in rows {
            // The clock may have been set back since: nobody can have asked for more than this.
            let longest = if row.receive_count == 0 { MAX_DELAY } else { MAX_VISIBILITY };
            let visible_at = row.visible_at.min(now.saturating_add(millis(longest)));
            match Lane::stored(row.queue) {
                Some(lane) => {
                    lanes[lane.index()].index.insert(row.id, row.sent_at, row.receive_count, visible_at, now);
                }
                None => tracing::error!(queue = row.queue, "a message lies in a queue that this version doesn't have"),
            }
        }
        let shared = Arc::new(Shared {
            lanes: Mutex::new(lanes),
            wakes: std::array::from_fn(|_| Arc::new(Notify::new())),
            changed: Default::default(),
            feed,
        });
        let woken = Arc::clone(&shared);
        db.after_group(move || {
            woken.wake_changed();
            woken.feed.wake();
        });
        let next_id = AtomicI64::new(opens.saturating_mul(IDS_PER_OPEN));
        Ok(Self { db, clock, shared, next_id, max_receive_count: max_receive_count.max(1) })
    }

    /// Checks and renders a message, and leases it to the queue's trigger if that has room. It is sent when the caller has
    /// inserted it in a job, and [`Self::put`] it after the commit; until then dropping it undoes everything.
    pub(crate) fn prepare(&self, queue: QueueName, message: Outgoing) -> Result<Prepared, SendError> {
        message.check()?;
        let lane = Lane::of(queue);
        let attributes = if message.attributes.is_empty() {
            None
        } else {
            let rendered = serde_json::to_string(&message.attributes);
            Some(rendered.map_err(|error| SendError::Invalid(error.to_string()))?)
        };
        let sent_at = now(&*self.clock);
        let slot = if message.delay.is_zero() { self.lease(lane) } else { None };
        Ok(Prepared {
            id: MessageId(self.next_id.fetch_add(1, Ordering::Relaxed)),
            lane,
            sent_at,
            visible_at: sent_at.saturating_add(millis(message.delay)),
            body: message.body.into(),
            attributes,
            slot,
        })
    }

    /// A place at the trigger, unless older messages wait for one.
    fn lease(&self, lane: Lane) -> Option<Slot> {
        let lanes = self.shared.lanes.lock();
        let state = &lanes[lane.index()];
        if state.index.has_ready() { None } else { state.consumer.as_ref()?.room.take_one() }
    }

    /// What follows the commit of a [`Prepared`] message; runs on the writer's thread.
    pub(crate) fn settle_with(&self) -> Settle {
        Settle { shared: Arc::clone(&self.shared), clock: Arc::clone(&self.clock) }
    }

    /// Receives up to `max` visible messages and hides them for `visibility`, as SQS's ReceiveMessage with a wait of zero.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing was received, or it was and becomes visible again after a restart.
    pub async fn receive(
        &self,
        queue: QueueName,
        max: usize,
        visibility: Duration,
    ) -> Result<Vec<Received>, Unavailable> {
        self.receive_claimed(self.claim(Lane::of(queue), |index| index.claim(max)), visibility).await
    }

    /// Receives those of `ids` that are visible, as [`Self::receive`]: for ops, who choose.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub async fn receive_these(
        &self,
        queue: QueueName,
        ids: &[MessageId],
        visibility: Duration,
    ) -> Result<Vec<Received>, Unavailable> {
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        self.receive_claimed(self.claim(Lane::of(queue), |index| index.claim_these(&ids)), visibility).await
    }

    async fn receive_claimed(&self, claims: Claims, visibility: Duration) -> Result<Vec<Received>, Unavailable> {
        if claims.ids.is_empty() {
            return Ok(Vec::new());
        }
        let claim = self.claim_job(&claims);
        let settle = self.settle_with();
        let visibility = millis(visibility.min(MAX_VISIBILITY));
        let settled = move |result| settle.received(claims, result, visibility);
        self.db.write_then(claim, settled).await
    }

    fn claim(&self, lane: Lane, claim: impl FnOnce(&mut Index) -> Vec<i64>) -> Claims {
        let now = now(&*self.clock);
        let mut lanes = self.shared.lanes.lock();
        let index = &mut lanes[lane.index()].index;
        index.promote(now);
        self.claims(lane, claim(index))
    }

    fn claims(&self, lane: Lane, ids: Vec<i64>) -> Claims {
        Claims { settle: self.settle_with(), lane, ids, pause: 0 }
    }

    fn claim_job(
        &self,
        claims: &Claims,
    ) -> impl FnOnce(&Connection) -> rusqlite::Result<Verdict<Vec<Claimed>>> + Send + 'static {
        let now = now(&*self.clock);
        let max_receive_count = self.max_receive_count;
        let (lane, ids) = (claims.lane, claims.ids.clone());
        move |connection| {
            let claimed = ids.into_iter().map(|id| rows::claim_row(connection, lane, id, now, max_receive_count));
            claimed.collect::<rusqlite::Result<_>>().map(Verdict::Keep)
        }
    }

    /// Deletes received messages, and says how many receipts were good. A stale one deletes nothing.
    ///
    /// # Errors
    /// [`Unavailable`]: they may come again.
    pub async fn delete(&self, queue: QueueName, receipt_handles: &[String]) -> Result<usize, Unavailable> {
        let receipts = receipt_handles.iter().filter_map(|handle| Receipt::parse(handle)).collect();
        let (lane, settle) = (Lane::of(queue), self.settle_with());
        self.db
            .write_then(rows::delete_job(lane, receipts), move |result| result.map(|gone| settle.deleted(lane, &gone)))
            .await
    }

    /// Deletes what a trigger has handled; its places are free when that is durable. Doesn't wait for it.
    pub(crate) async fn acknowledge(&self, lane: Lane, receipts: Vec<Receipt>, slots: Vec<Slot>) {
        if receipts.is_empty() {
            return;
        }
        let settle = self.settle_with();
        let settled = move |result: Result<Vec<MessageId>, Unavailable>| {
            match result {
                Ok(gone) => drop(settle.deleted(lane, &gone)),
                Err(error) => {
                    tracing::warn!(cause = %error.cause, "handled messages were not deleted and will come again")
                }
            }
            drop(slots);
        };
        if let Err(error) = self.db.submit(rows::delete_job(lane, receipts), settled).await {
            tracing::warn!(cause = %error.cause, "handled messages were not deleted and will come again");
        }
    }

    /// As [`Queues::change_visibility`], on any queue.
    ///
    /// # Errors
    /// [`Unavailable`]: it may have changed.
    pub async fn hide(&self, queue: QueueName, receipt_handle: &str, after: Duration) -> Result<(), Unavailable> {
        let Some(receipt) = Receipt::parse(receipt_handle) else { return Ok(()) };
        let lane = Lane::of(queue);
        let visible_at = now(&*self.clock).saturating_add(millis(after.min(MAX_VISIBILITY)));
        let settle = self.settle_with();
        let job = move |connection: &Connection| {
            let sql = "UPDATE messages SET visible_at = ? WHERE id = ? AND queue = ? AND receive_count = ?";
            let mut update = connection.prepare_cached(sql)?;
            update.execute(params![visible_at, receipt.id.0, lane.0, receipt.receive_count]).map(Verdict::Keep)
        };
        let settled = move |result: Result<usize, Unavailable>| {
            result.map(|changed| {
                if changed > 0 {
                    settle.hidden(lane, receipt, visible_at)
                }
            })
        };
        self.db.write_then(job, settled).await
    }

    /// Deletes every message of a queue, and says how many there were.
    ///
    /// # Errors
    /// [`Unavailable`]: some may be gone.
    pub async fn purge(&self, queue: QueueName) -> Result<usize, Unavailable> {
        self.remove(queue, self.ids(queue, None, usize::MAX)).await
    }

    /// Deletes messages by id, received or not, and says how many there were: for ops, not for workers.
    ///
    /// # Errors
    /// [`Unavailable`]: some may be gone.
    pub async fn remove(&self, queue: QueueName, ids: Vec<MessageId>) -> Result<usize, Unavailable> {
        let (lane, settle) = (Lane::of(queue), self.settle_with());
        let job = move |connection: &Connection| {
            let mut delete = connection.prepare_cached("DELETE FROM messages WHERE id = ? AND queue = ?")?;
            let mut gone = Vec::new();
            for id in ids {
                if delete.execute(params![id.0, lane.0])? > 0 {
                    gone.push(id);
                }
            }
            Ok(Verdict::Keep(gone))
        };
        self.db.write_then(job, move |result| result.map(|gone| settle.deleted(lane, &gone))).await
    }

    /// Moves messages from `from` to `to` as SQS's redrive does: each becomes a new message (new id, nothing received),
    /// with `attributes` instead of its own. Says how many there were.
    ///
    /// # Errors
    /// [`SendError`]: none was moved.
    pub async fn redrive(
        &self,
        from: QueueName,
        to: QueueName,
        messages: Vec<(MessageId, BTreeMap<String, String>)>,
    ) -> Result<usize, SendError> {
        let mut moves = Vec::with_capacity(messages.len());
        for (id, attributes) in messages {
            let Some(old) = self.peek_one(from, id)? else { continue };
            let outgoing = Outgoing { body: old.body.to_string(), attributes, ..Outgoing::default() };
            moves.push((id, self.prepare(to, outgoing)?));
        }
        let (lane, settle) = (Lane::of(from), self.settle_with());
        let job = move |connection: &Connection| {
            let mut moved = Vec::with_capacity(moves.len());
            let mut delete = connection.prepare_cached("DELETE FROM messages WHERE id = ? AND queue = ?")?;
            for (id, prepared) in moves {
                if delete.execute(params![id.0, lane.0])? > 0 {
                    prepared.insert(connection)?;
                    moved.push((id, prepared));
                }
            }
            Ok(Verdict::Keep(moved))
        };
        let settled = move |result: Result<Vec<(MessageId, Prepared)>, Unavailable>| {
            result.map(|moved| {
                let count = moved.len();
                for (id, prepared) in moved {
                    settle.deleted(lane, &[id]);
                    settle.put(prepared);
                }
                count
            })
        };
        Ok(self.db.write_then(job, settled).await?)
    }

    /// Up to `limit` messages in order of arrival, after `after`, without receiving them: for listings.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub fn peek(&self, queue: QueueName, after: Option<MessageId>, limit: usize) -> Result<Vec<Received>, Unavailable> {
        let ids = self.ids(queue, after, limit);
        self.db.read(|connection| {
            let found = ids.iter().map(|id| rows::peek_row(connection, Lane::of(queue), *id));
            found.filter_map(Result::transpose).collect()
        })
    }

    /// One message, without receiving it.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub fn peek_one(&self, queue: QueueName, id: MessageId) -> Result<Option<Received>, Unavailable> {
        self.db.read(|connection| rows::peek_row(connection, Lane::of(queue), id))
    }

    pub(crate) fn ids(&self, queue: QueueName, after: Option<MessageId>, limit: usize) -> Vec<MessageId> {
        let lanes = self.shared.lanes.lock();
        let after = after.map_or(i64::MIN, |id| id.0);
        lanes[Lane::of(queue).index()].index.ids_after(after, limit).into_iter().map(MessageId).collect()
    }

    /// How much is in a queue now.
    pub fn depth(&self, queue: QueueName) -> Depth {
        let now = now(&*self.clock);
        let mut lanes = self.shared.lanes.lock();
        let index = &mut lanes[Lane::of(queue).index()].index;
        index.promote(now);
        index.depth()
    }

    /// All messages that are not dead letters.
    pub fn backlog(&self) -> usize {
        let lanes = self.shared.lanes.lock();
        Queue::ALL.iter().map(|queue| lanes[Lane::of((*queue).into()).index()].index.len()).sum()
    }

    /// Wakes every trigger, which then looks at the clock again.
    pub(crate) fn wake_all(&self) {
        self.shared.wakes.iter().for_each(|wake| wake.notify_one());
    }
}

#[async_trait]
impl Queues for SqliteQueues {
    async fn send(&self, queue: QueueName, message: Outgoing) -> Result<(), SendError> {
        let prepared = self.prepare(queue, message)?;
        let settle = self.settle_with();
        let job = move |connection: &Connection| prepared.insert(connection).map(|()| Verdict::Keep(prepared));
        Ok(self.db.write_then(job, move |result| result.map(|prepared| settle.put(prepared))).await?)
    }

    async fn change_visibility(&self, queue: Queue, receipt_handle: &str, after: Duration) -> Result<(), Unavailable> {
        self.hide(queue.into(), receipt_handle, after).await
    }
}

#[cfg(test)]
mod tests;
