//! What the callers and the writer's callbacks share: the index of every queue, and who to wake.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::consumer::Consumer;
use super::index::Index;
use super::message::{LANES, Lane};
use crate::ops::changes::Feed;

/// One queue in memory.
#[derive(Default)]
pub(super) struct LaneState {
    pub(super) index: Index,
    pub(super) consumer: Option<Consumer>,
}

/// What the writer's callbacks and the callers share.
pub(super) struct Shared {
    pub(super) lanes: Mutex<[LaneState; LANES]>,
    /// One per queue: something can be taken, or may come due earlier than it seemed.
    pub(super) wakes: [Arc<Notify>; LANES],
    /// Queues that changed in the group that is being settled; woken once when it is over.
    pub(super) changed: [AtomicBool; LANES],
    /// Who watches the pipeline is told of dead letters.
    pub(super) feed: Arc<Feed>,
}

impl Shared {
    pub(super) fn mark(&self, lane: Lane) {
        self.changed[lane.index()].store(true, Ordering::Release);
    }

    pub(super) fn wake_changed(&self) {
        for (changed, wake) in self.changed.iter().zip(&self.wakes) {
            if changed.swap(false, Ordering::AcqRel) {
                wake.notify_one();
            }
        }
    }
}
