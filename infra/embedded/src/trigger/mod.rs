//! A queue's event source mapping: takes batches, calls the function, and deletes what it has handled.
//!
//! As Lambda's: batch size, batching window, maximum concurrency, partial batch responses. A function that fails, panics or
//! takes too long has failed its whole batch; what failed stays invisible until its visibility timeout, unless the function
//! changed that. Woken by what is put into the queue and by exact deadlines, never by an interval.
//!
//! Not for what a function does; and no dead letters are made here, they are the receive's and the function's business.

mod event;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use orders::Queue;
use orders::ports::Clock;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Trigger;
use crate::queue::SqliteQueues;
use crate::queue::consumer::Held;
use crate::queue::message::{Lane, Receipt};
use crate::timing;
use event::Source;

/// What a trigger calls: the shape of a Lambda function, with the instant at which it will be given up.
pub type Function = Arc<
    dyn Fn(SqsEvent, Instant) -> BoxFuture<'static, Result<SqsBatchResponse, Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Sync,
>;

/// Lambda: a batch's payload is at most 6 MB ("Lambda quotas", synchronous invocation).
pub(crate) const MAX_BATCH_BYTES: usize = 6 * 1024 * 1024;

/// One queue's mapping, ready to run.
pub(crate) struct Mapping {
    pub(crate) queue: Queue,
    pub(crate) queues: Arc<SqliteQueues>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trigger: Trigger,
    pub(crate) function: Function,
}

impl Mapping {
    /// Until `stop` says so; then takes nothing new, and returns when the calls under way are over.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let lane = Lane::of(self.queue.into());
        let wake = self.queues.attach(lane, &self.trigger);
        let attached = Attached { lane, queues: Arc::clone(&self.queues) };
        let invocation = Arc::new(Invocation {
            lane,
            queue: self.queue,
            queues: Arc::clone(&self.queues),
            function: Arc::clone(&self.function),
            source: Source::of(self.queue),
            timeout: self.trigger.function_timeout,
        });
        let (batch_size, concurrency) = (self.trigger.batch_size.max(1), self.trigger.max_concurrency.max(1));
        let mut calls = JoinSet::new();
        let mut window: Option<Instant> = None;
        loop {
            self.queues.refill(lane).await;
            let buffered = self.queues.buffered(lane);
            if buffered > 0 && calls.len() < concurrency {
                let closes = *window.get_or_insert_with(|| Instant::now() + self.trigger.window);
                if buffered >= batch_size || closes <= Instant::now() {
                    window = None;
                    let batch = self.queues.take(lane, batch_size);
                    if !batch.is_empty() {
                        calls.spawn(Arc::clone(&invocation).call(batch));
                    }
                    continue;
                }
            }
            let closes = window.filter(|_| calls.len() < concurrency);
            let due = self.queues.next_due(lane);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stopped| *stopped) => break,
                _ = calls.join_next(), if !calls.is_empty() => {}
                () = wake.notified() => {}
                () = timing::until(&*self.clock, due) => {}
                () = sleep_until(closes) => {}
            }
        }
        drop(attached);
        while calls.join_next().await.is_some() {}
    }
}

/// Gives back what is leased and not taken, even if the mapping is dropped half-way.
struct Attached {
    lane: Lane,
    queues: Arc<SqliteQueues>,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.queues.detach(self.lane);
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What every call of one mapping needs.
struct Invocation {
    lane: Lane,
    queue: Queue,
    queues: Arc<SqliteQueues>,
    function: Function,
    source: Source,
    timeout: Duration,
}

impl Invocation {
    async fn call(self: Arc<Self>, batch: Vec<Held>) {
        let event = self.source.event(&batch);
        let deadline = Instant::now() + self.timeout;
        let function = Arc::clone(&self.function);
        // The call itself is inside, so that a panic before the first await is caught as well.
        let call = AssertUnwindSafe(async move { function(event, deadline).await }).catch_unwind();
        let failure = match tokio::time::timeout_at(deadline, call).await {
            Ok(Ok(Ok(response))) => match failed(&batch, &response) {
                Some(failed) => return self.settle(batch, &failed).await,
                None => "it reported a record that is not in its batch".to_owned(),
            },
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "it panicked".to_owned(),
            Err(_) => "it timed out".to_owned(),
        };
        metrics::counter!("orderflow_function_failures_total", "queue" => self.queue.name()).increment(1);
        tracing::warn!(queue = %self.queue, messages = batch.len(), %failure, "a function failed with its whole batch");
    }

    /// Deletes what was handled. The places of the rest are free at once.
    async fn settle(&self, batch: Vec<Held>, failed: &HashSet<&str>) {
        let mut receipts = Vec::with_capacity(batch.len());
        let mut slots = Vec::with_capacity(batch.len());
        for Held { message, slot } in batch {
            if failed.is_empty() || !failed.contains(message.id.to_string().as_str()) {
                receipts.push(Receipt { id: message.id, receive_count: message.receive_count });
                slots.push(slot);
            }
        }
        self.queues.acknowledge(self.lane, receipts, slots).await;
    }
}

/// The records that failed; `None` if the response names one that isn't in the batch, which fails it all
/// (Lambda, "Success and failure conditions").
fn failed<'r>(batch: &[Held], response: &'r SqsBatchResponse) -> Option<HashSet<&'r str>> {
    let failed: HashSet<&str> =
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    if failed.is_empty() {
        return Some(failed);
    }
    let ids: HashSet<String> = batch.iter().map(|held| held.message.id.to_string()).collect();
    failed.iter().all(|id| ids.contains(*id)).then_some(failed)
}

#[cfg(test)]
mod tests;
