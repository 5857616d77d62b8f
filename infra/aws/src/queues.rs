//! The queues on SQS ([`Queues`]).

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use orders::Queue;
use orders::ports::{MAX_VISIBILITY, Outgoing, Queues, SendError, Unavailable};
use orders::step::QueueName;

use crate::failure::unavailable;

/// The queues of one stack.
#[derive(Debug, Clone)]
pub struct SqsQueues {
    client: Client,
    urls: BTreeMap<QueueName, String>,
}

/// What SQS says of a receipt that is stale or was never given: the message is gone, or somebody else's by now.
/// (Amazon SQS API reference, ChangeMessageVisibility, "Errors".)
const STALE: [&str; 4] = ["MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue", "InvalidAddress"];

impl SqsQueues {
    /// Over the queues at these URLs: those that this process may use.
    pub fn new(client: Client, urls: impl IntoIterator<Item = (QueueName, String)>) -> Self {
        Self { client, urls: urls.into_iter().collect() }
    }

    fn url(&self, queue: QueueName) -> Result<&String, Unavailable> {
        let unknown = || Unavailable::new("Queue", format_args!("the URL of `{queue}` is not in the environment"));
        self.urls.get(&queue).ok_or_else(unknown)
    }
}

pub(crate) fn attribute(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}

pub(crate) fn trace(header: String) -> Result<MessageSystemAttributeValue, BuildError> {
    MessageSystemAttributeValue::builder().data_type("String").string_value(header).build()
}

fn invalid(error: BuildError) -> SendError {
    SendError::Invalid(error.to_string())
}

#[async_trait]
impl Queues for SqsQueues {
    async fn send(&self, queue: QueueName, message: Outgoing) -> Result<(), SendError> {
        message.check()?;
        let mut send = self.client.send_message().queue_url(self.url(queue)?).message_body(message.body);
        if !message.delay.is_zero() {
            // At most 900, by the check.
            send = send.delay_seconds(i32::try_from(message.delay.as_secs()).unwrap_or(i32::MAX));
        }
        for (name, value) in message.attributes {
            send = send.message_attributes(name, attribute(value).map_err(invalid)?);
        }
        if let Some(header) = message.trace_header {
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            send = send.message_system_attributes(name, trace(header).map_err(invalid)?);
        }
        match send.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_invalid_message_contents()) => {
                Err(SendError::Invalid("a character that SQS does not allow".to_owned()))
            }
            Err(error) => Err(unavailable("Queue", &error).into()),
        }
    }

    async fn change_visibility(&self, queue: Queue, receipt_handle: &str, after: Duration) -> Result<(), Unavailable> {
        if receipt_handle.is_empty() {
            return Ok(());
        }
        let seconds = i32::try_from(after.min(MAX_VISIBILITY).as_secs()).unwrap_or(i32::MAX);
        let change = self.client.change_message_visibility().queue_url(self.url(queue.into())?);
        match change.receipt_handle(receipt_handle).visibility_timeout(seconds).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error().and_then(ProvideErrorMetadata::code) {
                Some(code) if STALE.iter().any(|stale| code.ends_with(stale)) => Ok(()),
                _ => Err(unavailable("Queue", &error)),
            },
        }
    }
}
