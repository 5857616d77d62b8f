//! The queues as ops use them, on SQS ([`OpsQueues`]).
//!
//! SQS can't be read without receiving. So a look receives, hides what it has shown for [`LOOK`], and remembers the receipts: by
//! them the messages are taken, or made visible again. A process that dies in between hides them until then, no longer.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, ListMessageMoveTasksResultEntry, Message,
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use jiff::Timestamp;
use orders::Queue;
use orders::ports::ops::{MAX_MOVES_PER_SECOND, MoveError, MoveTask, OpsQueues, QueueDepth, StoredMessage, Taken};
use orders::ports::{
    ListError, MAX_MESSAGE_BYTES, MAX_VISIBILITY, Outgoing, Page, PageRequest, SendError, Unavailable,
};
use orders::step::QueueName;
use tokio::sync::Mutex;

use crate::failure::unavailable;
use crate::queues::{attribute, trace};

/// What a look has shown stays hidden so long at most.
const LOOK: Duration = Duration::from_secs(120);
/// SQS takes so many entries in a batch (quotas, "Message batches").
const BATCH: usize = 10;
/// The cursor of a look that goes on: what was shown is hidden, so that what comes is new.
const MORE: &str = "more";

/// The queues of one stack, for ops.
pub struct SqsOpsQueues {
    client: Client,
    urls: BTreeMap<QueueName, String>,
    /// What looks have received and hidden.
    shown: Mutex<HashMap<QueueName, HashMap<String, Taken>>>,
}

impl SqsOpsQueues {
    /// Over the queues at these URLs.
    pub fn new(client: Client, urls: impl IntoIterator<Item = (QueueName, String)>) -> Self {
        Self { client, urls: urls.into_iter().collect(), shown: Mutex::default() }
    }

    fn url(&self, queue: QueueName) -> Result<&String, Unavailable> {
        self.urls.get(&queue).ok_or_else(|| Unavailable::new("Queue", format_args!("`{queue}` has no URL")))
    }

    /// Receives what is visible, ten at most. Long polling asks all of SQS's servers, so that nothing means nothing.
    async fn receive(&self, queue: QueueName, most: usize, hidden: Duration) -> Result<Vec<Taken>, Unavailable> {
        let receive = self
            .client
            .receive_message()
            .queue_url(self.url(queue)?)
            .max_number_of_messages(i32::try_from(most.min(BATCH)).unwrap_or(1))
            .visibility_timeout(seconds(hidden))
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader);
        let received = receive.send().await.map_err(|error| unavailable("Queue", &error))?;
        Ok(received.messages.unwrap_or_default().into_iter().filter_map(taken).collect())
    }

    /// Changes the visibility of received messages. SQS reports stale receipts one by one, and they change nothing.
    async fn hide(&self, queue: QueueName, receipts: &[String], after: Duration) -> Result<(), Unavailable> {
        for chunk in receipts.chunks(BATCH) {
            let entries = chunk.iter().enumerate().map(|(index, receipt)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
                entry.receipt_handle(receipt).visibility_timeout(seconds(after)).build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| Unavailable::new("Queue", error))?;
            let change = self.client.change_message_visibility_batch().queue_url(self.url(queue)?);
            change.set_entries(Some(entries)).send().await.map_err(|error| unavailable("Queue", &error))?;
        }
        Ok(())
    }

    async fn arn(&self, queue: QueueName) -> Result<String, Unavailable> {
        let mut attributes = self.attributes(queue, &[QueueAttributeName::QueueArn]).await?;
        let arn = attributes.remove(&QueueAttributeName::QueueArn);
        arn.ok_or_else(|| Unavailable::new("Queue", format_args!("SQS does not tell the ARN of `{queue}`")))
    }

    async fn attributes(
        &self,
        queue: QueueName,
        names: &[QueueAttributeName],
    ) -> Result<HashMap<QueueAttributeName, String>, Unavailable> {
        let get = self.client.get_queue_attributes().queue_url(self.url(queue)?);
        let get = get.set_attribute_names(Some(names.to_vec()));
        Ok(get.send().await.map_err(|error| unavailable("Queue", &error))?.attributes.unwrap_or_default())
    }

    /// Sends ten at most, together within SQS's limit.
    async fn send_batch(
        &self,
        queue: QueueName,
        messages: &[Outgoing],
    ) -> Result<Vec<Result<(), SendError>>, SendError> {
        let entries = messages.iter().enumerate().map(|(index, message)| entry(index, message));
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| SendError::Invalid(error.to_string()))?;
        let send = self.client.send_message_batch().queue_url(self.url(queue)?).set_entries(Some(entries));
        let sent = send.send().await.map_err(|error| unavailable("Queue", &error))?;
        let mut answers: Vec<Result<(), SendError>> =
            vec![Err(Unavailable::new("Queue", "SQS did not answer this entry").into()); messages.len()];
        let index = |id: &str| id.parse::<usize>().ok().filter(|index| *index < messages.len());
        for done in sent.successful {
            if let Some(index) = index(&done.id) {
                answers[index] = Ok(());
            }
        }
        for failed in sent.failed {
            if let Some(index) = index(&failed.id) {
                let cause = format!("{}: {}", failed.code, failed.message.unwrap_or_default());
                answers[index] = Err(match failed.sender_fault {
                    true => SendError::Invalid(cause),
                    false => Unavailable::new("Queue", cause).into(),
                });
            }
        }
        Ok(answers)
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.min(MAX_VISIBILITY).as_secs()).unwrap_or(i32::MAX)
}

fn count(attributes: &HashMap<QueueAttributeName, String>, name: &QueueAttributeName) -> u64 {
    attributes.get(name).and_then(|count| count.parse().ok()).unwrap_or_default()
}

fn taken(message: Message) -> Option<Taken> {
    let system = |name| message.attributes.as_ref().and_then(|attributes| attributes.get(&name)).cloned();
    let number = |name| system(name).and_then(|text| text.parse::<i64>().ok());
    let sent_at = number(MessageSystemAttributeName::SentTimestamp).and_then(|at| Timestamp::from_millisecond(at).ok());
    let received = number(MessageSystemAttributeName::ApproximateReceiveCount).and_then(|count| count.try_into().ok());
    let trace_header = system(MessageSystemAttributeName::AwsTraceHeader);
    let attributes = message.message_attributes.unwrap_or_default();
    Some(Taken {
        message: StoredMessage {
            id: message.message_id?,
            body: message.body.unwrap_or_default(),
            attributes: attributes.into_iter().filter_map(|(name, value)| Some((name, value.string_value?))).collect(),
            trace_header,
            sent_at: sent_at.unwrap_or_default(),
            receive_count: received.unwrap_or_default(),
        },
        receipt_handle: message.receipt_handle?,
    })
}

fn entry(index: usize, message: &Outgoing) -> Result<SendMessageBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
    let mut entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(&message.body);
    for (name, value) in &message.attributes {
        entry = entry.message_attributes(name, attribute(value.clone())?);
    }
    if let Some(header) = &message.trace_header {
        let name = aws_sdk_sqs::types::MessageSystemAttributeNameForSends::AwsTraceHeader;
        entry = entry.message_system_attributes(name, trace(header.clone())?);
    }
    entry.delay_seconds(seconds(message.delay)).build()
}

/// Bytes of a message as SQS counts a batch, on the safe side.
fn bytes(message: &Outgoing) -> usize {
    let attributes = message.attributes.iter().map(|(name, value)| name.len() + value.len() + "String".len());
    message.body.len() + attributes.sum::<usize>()
}

/// How many of the first messages go into one batch: by count, and by bytes together.
fn batch_of(messages: &[Outgoing]) -> usize {
    let mut total = 0;
    let fits = messages.iter().take(BATCH).take_while(|message| {
        total += bytes(message);
        total <= MAX_MESSAGE_BYTES
    });
    fits.count().max(1)
}

fn task(queue: Queue, entry: &ListMessageMoveTasksResultEntry) -> MoveTask {
    MoveTask {
        queue,
        status: entry.status.clone().unwrap_or_default(),
        started_at: Timestamp::from_millisecond(entry.started_timestamp).unwrap_or_default(),
        moved: entry.approximate_number_of_messages_moved.try_into().unwrap_or_default(),
        to_move: entry.approximate_number_of_messages_to_move.and_then(|count| count.try_into().ok()),
        failure: entry.failure_reason.clone(),
    }
}

#[async_trait]
impl OpsQueues for SqsOpsQueues {
    async fn depths(&self) -> Result<Vec<QueueDepth>, Unavailable> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let depths = self.urls.keys().map(|queue| async {
            let attributes = self.attributes(*queue, &names).await?;
            let [visible, in_flight, delayed] = names.each_ref().map(|name| count(&attributes, name));
            Ok(QueueDepth { queue: *queue, visible, in_flight, delayed, oldest_sent_at: None })
        });
        futures::future::try_join_all(depths).await
    }

    async fn look(&self, queue: QueueName, page: &PageRequest) -> Result<Page<StoredMessage>, ListError> {
        match page.cursor.as_deref() {
            None => self.looked(queue).await?,
            Some(MORE) => {}
            Some(_) => return Err(ListError::InvalidCursor),
        }
        let limit = page.limit.get() as usize;
        let mut items = Vec::new();
        while items.len() < limit {
            let received = self.receive(queue, limit - items.len(), LOOK).await?;
            if received.is_empty() {
                return Ok(Page { items, next: None });
            }
            let mut shown = self.shown.lock().await;
            for taken in received {
                items.push(taken.message.clone());
                shown.entry(queue).or_default().insert(taken.message.id.clone(), taken);
            }
        }
        Ok(Page { items, next: Some(MORE.to_owned()) })
    }

    async fn looked(&self, queue: QueueName) -> Result<(), Unavailable> {
        let shown = self.shown.lock().await.remove(&queue).unwrap_or_default();
        let receipts: Vec<String> = shown.into_values().map(|taken| taken.receipt_handle).collect();
        self.hide(queue, &receipts, Duration::ZERO).await
    }

    async fn take(&self, queue: QueueName, ids: &[String], visibility: Duration) -> Result<Vec<Taken>, Unavailable> {
        let mut shown = self.shown.lock().await;
        let shown = shown.entry(queue).or_default();
        // Another process's look, before an interruption: what it has shown is found by looking again.
        while ids.iter().any(|id| !shown.contains_key(id)) {
            let received = self.receive(queue, BATCH, LOOK).await?;
            if received.is_empty() {
                break;
            }
            shown.extend(received.into_iter().map(|taken| (taken.message.id.clone(), taken)));
        }
        let taken: Vec<Taken> = ids.iter().filter_map(|id| shown.remove(id)).collect();
        let receipts: Vec<String> = taken.iter().map(|taken| taken.receipt_handle.clone()).collect();
        self.hide(queue, &receipts, visibility).await?;
        Ok(taken)
    }

    async fn put_back(&self, queue: QueueName, receipt_handles: &[String]) -> Result<(), Unavailable> {
        self.hide(queue, receipt_handles, Duration::ZERO).await
    }

    async fn delete(&self, queue: QueueName, receipt_handles: &[String]) -> Result<(), Unavailable> {
        for chunk in receipt_handles.chunks(BATCH) {
            let entries = chunk.iter().enumerate().map(|(index, receipt)| {
                DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(receipt).build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| Unavailable::new("Queue", error))?;
            let delete = self.client.delete_message_batch().queue_url(self.url(queue)?).set_entries(Some(entries));
            let deleted = delete.send().await.map_err(|error| unavailable("Queue", &error))?;
            if let Some(failed) = deleted.failed.iter().find(|failed| !failed.sender_fault) {
                return Err(Unavailable::new("Queue", &failed.code));
            }
        }
        Ok(())
    }

    async fn send_each(&self, queue: QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), SendError>> {
        // One that breaks a rule would fail its whole batch.
        let checks: Vec<Result<(), SendError>> = messages.iter().map(Outgoing::check).collect();
        let good: Vec<Outgoing> =
            messages.into_iter().zip(&checks).filter(|(_, check)| check.is_ok()).map(|(message, _)| message).collect();
        let mut answers = Vec::with_capacity(good.len());
        let mut rest = good.as_slice();
        while !rest.is_empty() {
            let (batch, left) = rest.split_at(batch_of(rest));
            let sent = self.send_batch(queue, batch).await;
            answers.extend(sent.unwrap_or_else(|error| vec![Err(error); batch.len()]));
            rest = left;
        }
        let mut answers = answers.into_iter();
        let unanswered = || Err(Unavailable::new("Queue", "SQS did not answer this entry").into());
        checks.into_iter().map(|check| check.and_then(|()| answers.next().unwrap_or_else(unanswered))).collect()
    }

    async fn start_move(&self, queue: Queue, per_second: Option<NonZeroU32>) -> Result<MoveTask, MoveError> {
        if self.last_move(queue).await?.is_some_and(|task| task.status == "RUNNING") {
            return Err(MoveError::Running);
        }
        let per_second = per_second.map_or(MAX_MOVES_PER_SECOND, NonZeroU32::get).min(MAX_MOVES_PER_SECOND);
        let start = self.client.start_message_move_task().source_arn(self.arn(QueueName::dlq(queue)).await?);
        let start = start.max_number_of_messages_per_second(i32::try_from(per_second).unwrap_or(1));
        start.send().await.map_err(|error| unavailable("Queue", &error))?;
        let unseen = || Unavailable::new("Queue", "the move was started, but SQS does not list it yet");
        Ok(self.last_move(queue).await?.ok_or_else(unseen)?)
    }

    async fn last_move(&self, queue: Queue) -> Result<Option<MoveTask>, Unavailable> {
        let list = self.client.list_message_move_tasks().source_arn(self.arn(QueueName::dlq(queue)).await?);
        let listed = list.max_results(1).send().await.map_err(|error| unavailable("Queue", &error))?;
        Ok(listed.results.unwrap_or_default().first().map(|entry| task(queue, entry)))
    }
}
