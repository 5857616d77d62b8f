//! Move tasks: all dead letters that a queue has now go back into it, by and by. As SQS's, without a filter and one per
//! queue at a time. One that a stop or a crash interrupts leaves the rest in the DLQ; nothing is lost or doubled, because a
//! message leaves and arrives in one transaction.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use orders::ports::Clock;
use orders::ports::ops::{MAX_MOVES_PER_SECOND, MoveError, MoveTask};
use orders::{Queue, step::QueueName};
use parking_lot::Mutex;

use crate::queue::{MessageId, SqliteQueues};

/// So many are moved in one transaction.
const CHUNK: u32 = 50;

const RUNNING: &str = "RUNNING";

/// The last move of each queue.
pub(super) struct Moves {
    queues: Arc<SqliteQueues>,
    clock: Arc<dyn Clock>,
    last: Arc<Mutex<BTreeMap<Queue, MoveTask>>>,
}

impl Moves {
    pub(super) fn new(queues: Arc<SqliteQueues>, clock: Arc<dyn Clock>) -> Self {
        Self { queues, clock, last: Arc::default() }
    }

    pub(super) fn last(&self, queue: Queue) -> Option<MoveTask> {
        self.last.lock().get(&queue).cloned()
    }

    pub(super) fn start(&self, queue: Queue, per_second: Option<NonZeroU32>) -> Result<MoveTask, MoveError> {
        let ids = self.queues.ids(QueueName::dlq(queue), None, usize::MAX);
        let task = MoveTask {
            queue,
            status: RUNNING.to_owned(),
            started_at: self.clock.now(),
            moved: 0,
            to_move: Some(ids.len().try_into().unwrap_or(u64::MAX)),
            failure: None,
        };
        let mut last = self.last.lock();
        if last.get(&queue).is_some_and(|task| task.status == RUNNING) {
            return Err(MoveError::Running);
        }
        last.insert(queue, task.clone());
        let per_second = per_second.map_or(MAX_MOVES_PER_SECOND, NonZeroU32::get).min(MAX_MOVES_PER_SECOND);
        tokio::spawn(run(Arc::clone(&self.queues), Arc::clone(&self.last), queue, ids, per_second));
        Ok(task)
    }
}

async fn run(
    queues: Arc<SqliteQueues>,
    last: Arc<Mutex<BTreeMap<Queue, MoveTask>>>,
    queue: Queue,
    ids: Vec<MessageId>,
    per_second: u32,
) {
    let chunk = CHUNK.min(per_second);
    let pause = Duration::from_secs(1) * chunk / per_second;
    let dlq = QueueName::dlq(queue);
    let change = |change: &dyn Fn(&mut MoveTask)| last.lock().get_mut(&queue).map(change);
    let mut next = tokio::time::Instant::now();
    for ids in ids.chunks(chunk as usize) {
        tokio::time::sleep_until(next).await;
        next = tokio::time::Instant::now() + pause;
        let with_attributes = |id: &MessageId| Some((*id, queues.peek_one(dlq, *id).ok()??.attributes()));
        match queues.redrive(dlq, queue.into(), ids.iter().filter_map(with_attributes).collect()).await {
            Ok(moved) => change(&|task| task.moved += moved as u64),
            Err(error) => {
                tracing::warn!(%queue, %error, "a move of dead letters failed");
                change(&|task| {
                    "FAILED".clone_into(&mut task.status);
                    task.failure = Some(error.to_string());
                });
                return;
            }
        };
    }
    change(&|task| "COMPLETED".clone_into(&mut task.status));
    tracing::info!(%queue, at = %Timestamp::now(), "all dead letters were moved back");
}
