//! The batch core: the one place where records meet workers. A worker says what is to become of a message
//! ([`Verdict`]); everything that follows from that happens here, the same for every queue and in both worlds.
//!
//! ```text
//! record -> decode -> handle (isolated, timed) -> Succeed      -> answer the task              -> done
//!              |                                  Reject       -> fail the task with the reason -> done
//!              |                                  Acknowledge                                   -> done
//!              |                                  Retry        -> back off                      -> reported
//!              |                                  Retry (last receive) --.
//!              `-- can't be decoded --------------DeadLetter ------------+-> send to the DLQ    -> done
//! ```
//!
//! *Done* means that the platform deletes the message; *reported* puts its id into `batchItemFailures` and keeps it.
//! Whatever happens, each record is one or the other, and only a record whose consequence is durable is done.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, StreamExt};
use metrics::{counter, describe_counter, describe_histogram, histogram};
use orders::message::{Message, TaskToken};
use orders::ports::{AnswerError, Clock, Outgoing, Queues, SendError, Workflow};
use orders::step::QueueName;
use orders::{OrderId, Queue, Retry, Step};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info, info_span, warn};

use crate::{Backoff, DEAD_LETTER, DeadLetter, Delivery, Verdict};

/// The steps of one queue.
#[async_trait]
pub trait Worker: Send + Sync {
    /// The queue whose messages it takes.
    const QUEUE: Queue;
    /// What they say.
    type Message: DeserializeOwned + Message + Send + Sync;

    /// Does what the message asks for. Safe to repeat. Answers nothing itself.
    async fn handle(&self, message: &Self::Message, delivery: &Delivery) -> Verdict;
}

/// How a batch is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The redrive policy's `maxReceiveCount`: on this receive a failing message is dead-lettered with its cause.
    pub max_receive_count: u32,
    /// How long a failed message stays away.
    pub backoff: Backoff,
    /// How many records of a batch are handled at a time.
    pub concurrency: usize,
    /// Kept free before the deadline, for answering and reporting: no record starts, and none goes on, in it. At most a
    /// quarter of the time there is.
    pub margin: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_receive_count: 10, backoff: Backoff::default(), concurrency: 10, margin: Duration::from_secs(2) }
    }
}

/// A record without a message id: nobody could report it, so its whole batch fails, loudly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {index} of the batch has no message id, so no partial failure can be reported: the whole batch fails")]
pub struct MissingMessageId {
    index: usize,
}

/// Runs batches. One for all workers of a process.
pub struct BatchCore {
    queues: Arc<dyn Queues>,
    workflow: Arc<dyn Workflow>,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Reported,
}

/// A record on its way through the core.
struct Record {
    queue: Queue,
    message: SqsMessage,
    delivery: Delivery,
}

impl BatchCore {
    /// A core that answers tasks at `workflow` and puts what failed back into `queues`.
    pub fn new(
        queues: Arc<dyn Queues>,
        workflow: Arc<dyn Workflow>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Self {
        describe();
        Self { queues, workflow, clock, settings }
    }

    /// Runs a batch and reports the records that are not done. Returns before `deadline`.
    ///
    /// # Errors
    /// [`MissingMessageId`], before any record is handled.
    pub async fn run<W: Worker>(
        &self,
        worker: &W,
        event: SqsEvent,
        deadline: Instant,
    ) -> Result<SqsBatchResponse, MissingMessageId> {
        let mut records = Vec::with_capacity(event.records.len());
        for (index, message) in event.records.into_iter().enumerate() {
            let delivery = Delivery::of(&message, &self.clock).ok_or(MissingMessageId { index })?;
            records.push(Record { queue: W::QUEUE, message, delivery });
        }
        // A function with a short time-out keeps most of it for its work.
        let margin = self.settings.margin.min(deadline.saturating_duration_since(Instant::now()) / 4);
        let stop = deadline.checked_sub(margin).unwrap_or(deadline);
        let cut_off = deadline.checked_sub(margin / 4).unwrap_or(deadline);
        let failures = futures::stream::iter(records)
            .map(|record| async move {
                // What is cut off here is reported, and so comes again.
                let fate = timeout_at(cut_off, self.record(worker, &record, stop)).await.unwrap_or(Fate::Reported);
                (fate == Fate::Reported).then_some(record.delivery.message_id)
            })
            .buffer_unordered(self.settings.concurrency.max(1))
            .filter_map(std::future::ready)
            .map(|id| {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failure
            })
            .collect()
            .await;
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failures;
        Ok(response)
    }

    async fn record<W: Worker>(&self, worker: &W, record: &Record, stop: Instant) -> Fate {
        if Instant::now() >= stop {
            return self.give_back::<W>(record).await;
        }
        let message = match decode::<W>(record) {
            Ok(message) => message,
            Err(error) => return self.dead_letter(record, None, "Undecodable", &error.to_string()).await,
        };
        let (step, order_id) = (message.step(), message.order_id());
        let span = info_span!("step", %step, %order_id, execution = %order_id, trace_id = %message.trace_id(),
            receive_count = record.delivery.receive_count);
        async {
            let started = Instant::now();
            let verdict = timeout_at(stop, AssertUnwindSafe(worker.handle(&message, &record.delivery)).catch_unwind());
            let verdict = match verdict.await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(panic)) => Verdict::Retry(Retry::new("Panicked", panic_message(&*panic))),
                Err(_) => {
                    Verdict::Retry(Retry::new("OutOfTime", "the step did not finish before its function's deadline"))
                }
            };
            histogram!("orderflow_step_seconds", "step" => step.name()).record(started.elapsed().as_secs_f64());
            self.settle(record, &message, verdict).await
        }
        .instrument(span)
        .await
    }

    async fn settle(&self, record: &Record, message: &impl Message, verdict: Verdict) -> Fate {
        let (step, about) = (message.step(), Some(about(message)));
        let answered = match (verdict, message.task_token()) {
            (Verdict::Acknowledge, _) => return Fate::Done,
            (Verdict::Retry(retry), _) => return self.retry(record, about, &retry).await,
            (Verdict::DeadLetter { error, cause }, _) => return self.dead_letter(record, about, error, &cause).await,
            (Verdict::Succeed(output), Some(token)) => {
                info!("done");
                counter!("orderflow_steps_total", "step" => step.name(), "outcome" => "succeeded").increment(1);
                self.workflow.succeed(token, &output).await
            }
            (Verdict::Reject(reason), Some(token)) => {
                info!(%reason, "rejected");
                counter!("orderflow_steps_total", "step" => step.name(), "outcome" => "rejected").increment(1);
                counter!("orderflow_rejects_total", "step" => step.name(), "reason" => reason.name()).increment(1);
                self.fail(token, reason).await
            }
            (Verdict::Succeed(_) | Verdict::Reject(_), None) => {
                return self.dead_letter(record, about, "NoTaskToken", "the message has no task to answer").await;
            }
        };
        match answered {
            Ok(()) => Fate::Done,
            Err(AnswerError::Spent) => {
                info!("the task was answered already, or timed out: nothing to do");
                Fate::Done
            }
            Err(AnswerError::InvalidToken) => {
                self.dead_letter(record, about, "InvalidToken", "no workflow issued this task token").await
            }
            Err(AnswerError::Unavailable(unavailable)) => self.retry(record, about, &unavailable.into()).await,
        }
    }

    async fn fail(&self, token: &TaskToken, reason: orders::RejectReason) -> Result<(), AnswerError> {
        self.workflow.fail(token, reason.name(), "the step rejected the order; its timeline says when").await
    }

    /// A technical failure: away for a while, or into the DLQ if this was the last receive.
    async fn retry(&self, record: &Record, about: Option<(Step, OrderId)>, retry: &Retry) -> Fate {
        let delivery = &record.delivery;
        if delivery.receive_count >= self.settings.max_receive_count {
            return self.dead_letter(record, about, retry.error, &retry.cause).await;
        }
        warn!(error = retry.error, cause = retry.cause, "failed; the message comes again");
        counter!("orderflow_retries_total", "queue" => record.queue.name(), "error" => retry.error).increment(1);
        self.hide(record, self.settings.backoff.after(delivery.receive_count)).await;
        Fate::Reported
    }

    /// No time is left to try: visible at once, for somebody else. The last receive would be its end, so it becomes a
    /// dead letter that says so.
    async fn give_back<W: Worker>(&self, record: &Record) -> Fate {
        if record.delivery.receive_count >= self.settings.max_receive_count {
            let cause = "its function was out of time before the message's turn came";
            let about = decode::<W>(record).ok().map(|message| about(&message));
            return self.dead_letter(record, about, "NotAttempted", cause).await;
        }
        self.hide(record, Duration::ZERO).await;
        Fate::Reported
    }

    async fn hide(&self, record: &Record, after: Duration) {
        let Some(receipt) = &record.delivery.receipt_handle else { return };
        if let Err(unavailable) = self.queues.change_visibility(record.queue, receipt, after).await {
            // It comes again all the same, after the queue's own visibility time-out.
            warn!(%unavailable, "the message's visibility was not changed");
        }
    }

    /// Sends the message to the DLQ with its cause. It is done only when it is there; else the redrive policy is the net.
    async fn dead_letter(&self, record: &Record, about: Option<(Step, OrderId)>, error: &str, cause: &str) -> Fate {
        let letter = DeadLetter::new(error, cause, about, &record.delivery);
        let attributes = record.message.message_attributes.iter();
        let attributes = attributes.filter_map(|(name, value)| Some((name.clone(), value.string_value.clone()?)));
        let message = Outgoing {
            body: record.message.body.clone().unwrap_or_default(),
            attributes: attributes.chain([(DEAD_LETTER.to_owned(), letter.to_attribute())]).collect(),
            delay: Duration::ZERO,
            trace_header: record.message.attributes.get("AWSTraceHeader").cloned(),
        };
        match self.queues.send(QueueName::dlq(record.queue), message).await {
            Ok(()) => {
                error!(error, queue = %record.queue, message_id = record.delivery.message_id, "dead-lettered");
                let labels = [("queue", record.queue.name().to_owned()), ("error", error.to_owned())];
                counter!("orderflow_dead_letters_total", &labels).increment(1);
                Fate::Done
            }
            Err(SendError::Invalid(rule)) => {
                error!(error, rule, "the DLQ refuses the message with its cause; the redrive policy moves it without");
                self.hide(record, self.settings.backoff.after(record.delivery.receive_count)).await;
                Fate::Reported
            }
            Err(SendError::Unavailable(unavailable)) => {
                error!(error, %unavailable, "the DLQ can't be reached; the message comes again");
                Fate::Reported
            }
        }
    }
}

/// Says what the numbers mean. Before a recorder is installed this does nothing.
fn describe() {
    describe_histogram!("orderflow_step_seconds", metrics::Unit::Seconds, "How long a step's worker took, by step.");
    describe_counter!("orderflow_steps_total", "Steps that were answered, by step and outcome.");
    describe_counter!("orderflow_orders_confirmed_total", "Orders that ended confirmed.");
    describe_counter!("orderflow_orders_rejected_total", "Orders that ended rejected, by reason.");
    describe_counter!("orderflow_rejects_total", "Steps that rejected their order, by step and reason.");
    describe_counter!("orderflow_retries_total", "Messages that failed and come again, by queue and error.");
    describe_counter!(
        "orderflow_dead_letters_total",
        "Messages that were dead-lettered with their cause, by queue and error."
    );
}

fn decode<W: Worker>(record: &Record) -> serde_json::Result<W::Message> {
    serde_json::from_str(record.message.body.as_deref().unwrap_or_default())
}

/// What a dead letter says of its message.
fn about(message: &impl Message) -> (Step, OrderId) {
    (message.step(), message.order_id().clone())
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the step panicked")
}
