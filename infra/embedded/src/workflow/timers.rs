//! When each execution wants to be woken: one entry per execution that waits, in memory, loaded from the rows at the start.
//! Not for firing; that is [`super::EmbeddedWorkflow::fire_due`].

use std::collections::{BTreeSet, HashMap};

use orders::ports::Unavailable;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::db::Db;

#[derive(Default)]
struct Set {
    by_time: BTreeSet<(i64, i64)>,
    by_execution: HashMap<i64, i64>,
}

impl Set {
    fn remove(&mut self, seq: i64) {
        if let Some(at) = self.by_execution.remove(&seq) {
            self.by_time.remove(&(at, seq));
        }
    }

    fn insert(&mut self, seq: i64, at: i64) {
        self.remove(seq);
        self.by_execution.insert(seq, at);
        self.by_time.insert((at, seq));
    }
}

/// The timers of all executions.
#[derive(Default)]
pub(super) struct Timers {
    set: Mutex<Set>,
    changed: Notify,
}

impl Timers {
    /// Those of a file.
    pub(super) fn load(db: &Db) -> Result<Self, Unavailable> {
        let rows: Vec<(i64, i64)> = db.read(|connection| {
            let sql = "SELECT seq, next_timer FROM executions WHERE status = 'RUNNING' AND next_timer IS NOT NULL";
            connection.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        let timers = Self::default();
        rows.into_iter().for_each(|(seq, at)| timers.set.lock().insert(seq, at));
        Ok(timers)
    }

    /// Replaces the execution's timer, or removes it. Follows the commit that stored it.
    pub(super) fn set(&self, seq: i64, at: Option<i64>) {
        let mut set = self.set.lock();
        let Some(at) = at else { return set.remove(seq) };
        let earliest = set.by_time.first().is_none_or(|(first, _)| at < *first);
        set.insert(seq, at);
        drop(set);
        if earliest {
            self.changed.notify_one();
        }
    }

    /// Postpones a timer that could not fire.
    pub(super) fn postpone(&self, seq: i64, at: i64) {
        let mut set = self.set.lock();
        // Whatever was set since it fired is newer.
        if set.by_execution.get(&seq).is_none_or(|set_at| *set_at <= at) {
            set.insert(seq, at);
        }
    }

    /// The executions that are due, and since when. Their timers stand until they are replaced.
    pub(super) fn due(&self, now: i64) -> Vec<(i64, i64)> {
        self.set.lock().by_time.range(..=(now, i64::MAX)).map(|(at, seq)| (*seq, *at)).collect()
    }

    /// A timer fired and had nothing to do: `next` takes its place, unless it was replaced already.
    pub(super) fn idle(&self, seq: i64, at: i64, next: Option<i64>) {
        let mut set = self.set.lock();
        if set.by_execution.get(&seq) == Some(&at) {
            set.remove(seq);
            next.into_iter().for_each(|next| set.insert(seq, next));
        }
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<i64> {
        self.set.lock().by_time.first().map(|(at, _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.set.lock().by_time.len()
    }

    pub(super) const fn changed(&self) -> &Notify {
        &self.changed
    }
}
