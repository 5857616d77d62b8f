//! What the queues hold, in memory: who is visible, who is not and until when. The rows are the truth; this saves an
//! index on columns that every receive changes, and every poll. Not for bodies, which stay on disk.

use std::collections::{BTreeMap, BTreeSet};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sent_at: i64,
    pub(crate) receive_count: u32,
    /// Until then it is invisible.
    pub(crate) visible_at: i64,
    pub(crate) place: Place,
}

/// Which set an entry is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Anybody may receive it.
    Ready,
    /// Nobody may, until its time.
    Hidden,
    /// A receive is being written.
    Claimed,
}

/// How much is in a queue (SQS: `ApproximateNumberOfMessages` and its siblings; here exact).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Can be received now.
    pub visible: usize,
    /// Received, and neither deleted nor visible again; a backoff counts here.
    pub in_flight: usize,
    /// Sent with a delay that still lasts.
    pub delayed: usize,
    /// When the oldest was sent, in milliseconds since 1970.
    pub oldest_sent_at: Option<i64>,
}

/// One queue.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: BTreeMap<i64, Entry>,
    ready: BTreeSet<i64>,
    /// By the time they become visible.
    hidden: BTreeSet<(i64, i64)>,
    /// Of the hidden ones, those that were never received.
    delayed: usize,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// Adds a message, ready or hidden according to its `visible_at`.
    pub(crate) fn insert(&mut self, id: i64, sent_at: i64, receive_count: u32, visible_at: i64, now: i64) {
        self.remove(id);
        self.entries.insert(id, Entry { sent_at, receive_count, visible_at, place: Place::Claimed });
        self.hide_until(id, visible_at, now);
    }

    pub(crate) fn remove(&mut self, id: i64) -> Option<Entry> {
        self.unplace(id);
        self.entries.remove(&id)
    }

    /// Moves an entry to where `visible_at` says.
    pub(crate) fn hide_until(&mut self, id: i64, visible_at: i64, now: i64) {
        self.unplace(id);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.visible_at = visible_at;
        if visible_at > now {
            entry.place = Place::Hidden;
            self.hidden.insert((visible_at, id));
            self.delayed += usize::from(entry.receive_count == 0);
        } else {
            entry.place = Place::Ready;
            self.ready.insert(id);
        }
    }

    /// Out of its set, into none.
    fn unplace(&mut self, id: i64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        match entry.place {
            Place::Ready => drop(self.ready.remove(&id)),
            Place::Hidden => {
                self.hidden.remove(&(entry.visible_at, id));
                self.delayed -= usize::from(entry.receive_count == 0);
            }
            Place::Claimed => {}
        }
        entry.place = Place::Claimed;
    }

    /// Makes visible what is due.
    pub(crate) fn promote(&mut self, now: i64) {
        while let Some(&(at, id)) = self.hidden.first()
            && at <= now
        {
            self.hide_until(id, at, now);
        }
    }

    /// Claims up to `max` visible messages, oldest first. Each must be settled by [`Self::received`],
    /// [`Self::hide_until`] or [`Self::remove`].
    pub(crate) fn claim(&mut self, max: usize) -> Vec<i64> {
        let claimed: Vec<i64> = self.ready.iter().copied().take(max).collect();
        claimed.iter().for_each(|id| self.unplace(*id));
        claimed
    }

    /// Claims those of `ids` that are visible; as [`Self::claim`].
    pub(crate) fn claim_these(&mut self, ids: &[i64]) -> Vec<i64> {
        let claim = |id: &i64| {
            let ready = self.ready.contains(id);
            if ready {
                self.unplace(*id);
            }
            ready
        };
        ids.iter().copied().filter(claim).collect()
    }

    /// A claimed message was received: invisible until `visible_at`.
    pub(crate) fn received(&mut self, id: i64, receive_count: u32, visible_at: i64, now: i64) {
        self.unplace(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.receive_count = receive_count;
        }
        self.hide_until(id, visible_at, now);
    }

    /// When the next hidden message becomes visible.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.hidden.first().map(|(at, _)| *at)
    }

    /// The ids in order of arrival, `after` excluded.
    pub(crate) fn ids_after(&self, after: i64, limit: usize) -> Vec<i64> {
        self.entries.range(after.saturating_add(1)..).take(limit).map(|(id, _)| *id).collect()
    }

    pub(crate) fn depth(&self) -> Depth {
        let visible = self.ready.len();
        Depth {
            visible,
            in_flight: self.entries.len() - visible - self.delayed,
            delayed: self.delayed,
            oldest_sent_at: self.entries.values().next().map(|entry| entry.sent_at),
        }
    }
}
