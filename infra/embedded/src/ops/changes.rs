//! What changes, told as it happens ([`Changes`]): the writer's callbacks put it into a ring in memory, watchers read
//! it from there at their own pace.
//!
//! The writer never waits for a watcher: it pushes under a lock that is held for a copy, and wakes once per group. While nobody
//! watches (and for a minute after, for those who come back) it does not even push. A watcher that falls behind the
//! ring's end misses changes, and is told so. Nothing here is durable: the rows are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use orders::ports::Clock;
use orders::ports::ops::{Change, Changes, News, Stamped, Watch};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// So many changes are remembered: some seconds of full load, some megabytes.
const REMEMBERED: usize = 16_384;
/// At most so many are told at once.
const TOLD: usize = 1_024;
/// What happens within so long is told together.
const GATHER: Duration = Duration::from_millis(10);
/// So long are changes remembered for a watcher that went away.
const RETURN: Duration = Duration::from_secs(60);

struct Ring {
    /// The number of the first change in it.
    first: u64,
    changes: VecDeque<(Timestamp, Change)>,
    /// When the last watcher went away.
    left_at: Instant,
}

impl Ring {
    fn end(&self) -> u64 {
        self.first + self.changes.len() as u64
    }
}

/// The changes of one opened file.
pub struct Feed {
    clock: Arc<dyn Clock>,
    /// Tells this opening's numbers from another's.
    opened_at: i64,
    ring: Mutex<Ring>,
    watchers: AtomicUsize,
    remembers: AtomicBool,
    groups: watch::Sender<u64>,
}

impl Feed {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            opened_at: crate::clock::now(&*clock),
            clock,
            ring: Mutex::new(Ring { first: 1, changes: VecDeque::new(), left_at: Instant::now() }),
            watchers: AtomicUsize::new(0),
            remembers: AtomicBool::new(false),
            groups: watch::Sender::new(0),
        }
    }

    /// Whether a change needs to be pushed at all.
    pub(crate) fn remembers(&self) -> bool {
        self.remembers.load(Ordering::Acquire)
    }

    /// Something that was committed. Call it only if it [`Self::remembers`].
    pub(crate) fn push(&self, change: Change) {
        let at = self.clock.now();
        let mut ring = self.ring.lock();
        if ring.changes.len() == REMEMBERED {
            ring.changes.pop_front();
            ring.first += 1;
        }
        ring.changes.push_back((at, change));
    }

    /// A group was committed.
    pub(crate) fn wake(&self) {
        if !self.remembers() {
            return;
        }
        self.groups.send_modify(|groups| *groups += 1);
        if self.watchers.load(Ordering::Acquire) == 0 {
            let mut ring = self.ring.lock();
            if ring.left_at.elapsed() > RETURN {
                self.remembers.store(false, Ordering::Release);
                ring.first = ring.end();
                ring.changes = VecDeque::new();
            }
        }
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.opened_at)
    }

    fn number(&self, id: &str) -> Option<u64> {
        let (opened_at, number) = id.split_once('-')?;
        (opened_at.parse() == Ok(self.opened_at)).then_some(number.parse().ok()?)
    }
}

/// [`Changes`] over a [`Feed`].
pub struct SqliteChanges(pub(crate) Arc<Feed>);

impl Changes for SqliteChanges {
    fn watch(&self, after: Option<&str>) -> Box<dyn Watch> {
        let feed = Arc::clone(&self.0);
        feed.watchers.fetch_add(1, Ordering::AcqRel);
        let ring = feed.ring.lock();
        let remembered = feed.remembers.swap(true, Ordering::AcqRel);
        let (first, end) = (ring.first, ring.end());
        drop(ring);
        let next = after.and_then(|id| feed.number(id)).map(|number| number.saturating_add(1));
        let next = next.filter(|next| remembered && (first..=end).contains(next));
        let groups = feed.groups.subscribe();
        Box::new(Watcher { feed, groups, next: next.unwrap_or(end), missed: next.is_none(), is_new: true })
    }
}

struct Watcher {
    feed: Arc<Feed>,
    groups: watch::Receiver<u64>,
    /// The next change to tell.
    next: u64,
    missed: bool,
    is_new: bool,
}

impl Watcher {
    fn read(&mut self) -> News {
        let ring = self.feed.ring.lock();
        let missed = std::mem::take(&mut self.missed) || self.next < ring.first;
        let from = self.next.max(ring.first);
        let skipped = usize::try_from(from - ring.first).unwrap_or(usize::MAX);
        let told: Vec<_> = ring.changes.iter().skip(skipped).take(TOLD).cloned().collect();
        drop(ring);
        self.next = from + told.len() as u64;
        let stamped = |(number, (at, change)): (u64, _)| Stamped { id: self.feed.id(number), at, change };
        News { missed, changes: (from..).zip(told).map(stamped).collect(), queues_changed: false }
    }
}

#[async_trait]
impl Watch for Watcher {
    async fn news(&mut self) -> News {
        // The first news is there at once, and so is what didn't fit into the last.
        let waits = !std::mem::take(&mut self.is_new) && self.next >= self.feed.ring.lock().end();
        if waits {
            // The feed, and so the sender, lives as long as this.
            self.groups.changed().await.ok();
            tokio::time::sleep(GATHER).await;
        }
        self.groups.borrow_and_update();
        News { queues_changed: waits, ..self.read() }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.feed.ring.lock().left_at = Instant::now();
        self.feed.watchers.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
