//! The queues as ops use them ([`OpsQueues`]). Looking hides nothing here and raises no receive count: it reads rows.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use orders::ports::ops::{MoveError, MoveTask, OpsQueues, QueueDepth, StoredMessage, Taken};
use orders::ports::{Clock, ListError, Outgoing, Page, PageRequest, Queues, SendError, Unavailable};
use orders::{Queue, step::QueueName};

use super::moves::Moves;
use crate::clock::timestamp;
use crate::queue::{MessageId, Received, SqliteQueues};

/// The queues of one file, for ops.
pub struct SqliteOpsQueues {
    queues: Arc<SqliteQueues>,
    moves: Moves,
}

impl SqliteOpsQueues {
    /// Over the queues of an opened file.
    pub fn new(queues: Arc<SqliteQueues>, clock: Arc<dyn Clock>) -> Self {
        Self { moves: Moves::new(Arc::clone(&queues), clock), queues }
    }
}

fn stored(received: &Received) -> StoredMessage {
    StoredMessage {
        id: received.id.to_string(),
        body: received.body.to_string(),
        attributes: received.attributes(),
        trace_header: None,
        sent_at: timestamp(received.sent_at),
        receive_count: received.receive_count,
    }
}

/// A count, as the port has it.
fn count(messages: usize) -> u64 {
    messages.try_into().unwrap_or(u64::MAX)
}

/// The ids that can be ours; others name nothing.
fn ids(texts: &[String]) -> Vec<MessageId> {
    texts.iter().filter_map(|id| id.parse().ok()).collect()
}

#[async_trait]
impl OpsQueues for SqliteOpsQueues {
    async fn depths(&self) -> Result<Vec<QueueDepth>, Unavailable> {
        let names = Queue::ALL.iter().flat_map(|queue| [QueueName::from(*queue), QueueName::dlq(*queue)]);
        let depth = |queue| {
            let depth = self.queues.depth(queue);
            QueueDepth {
                queue,
                visible: count(depth.visible),
                in_flight: count(depth.in_flight),
                delayed: count(depth.delayed),
                oldest_sent_at: depth.oldest_sent_at.map(timestamp),
            }
        };
        Ok(names.map(depth).collect())
    }

    async fn look(&self, queue: QueueName, page: &PageRequest) -> Result<Page<StoredMessage>, ListError> {
        let after = page.cursor.as_deref().map(str::parse).transpose().map_err(|_| ListError::InvalidCursor)?;
        let limit = usize::try_from(page.limit.get()).unwrap_or(usize::MAX);
        let mut found = self.queues.peek(queue, after, limit.saturating_add(1))?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|message| message.id.to_string());
        Ok(Page { items: found.iter().map(stored).collect(), next })
    }

    async fn looked(&self, _: QueueName) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn take(&self, queue: QueueName, wanted: &[String], visibility: Duration) -> Result<Vec<Taken>, Unavailable> {
        let received = self.queues.receive_these(queue, &ids(wanted), visibility).await?;
        let taken =
            |received: &Received| Taken { message: stored(received), receipt_handle: received.receipt_handle() };
        Ok(received.iter().map(taken).collect())
    }

    async fn put_back(&self, queue: QueueName, receipt_handles: &[String]) -> Result<(), Unavailable> {
        let put_back = receipt_handles.iter().map(|handle| self.queues.hide(queue, handle, Duration::ZERO));
        futures::future::try_join_all(put_back).await.map(drop)
    }

    async fn delete(&self, queue: QueueName, receipt_handles: &[String]) -> Result<(), Unavailable> {
        self.queues.delete(queue, receipt_handles).await.map(drop)
    }

    async fn send_each(&self, queue: QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), SendError>> {
        // They wait for the writer together, and so share its commit.
        futures::future::join_all(messages.into_iter().map(|message| self.queues.send(queue, message))).await
    }

    async fn start_move(&self, queue: Queue, per_second: Option<NonZeroU32>) -> Result<MoveTask, MoveError> {
        self.moves.start(queue, per_second)
    }

    async fn last_move(&self, queue: Queue) -> Result<Option<MoveTask>, Unavailable> {
        Ok(self.moves.last(queue))
    }
}
