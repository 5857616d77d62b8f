//! A batch as Lambda delivers it ("Using Lambda with Amazon SQS", the example event). There is no `AWSTraceHeader`: the
//! trace id is in the body.

use std::collections::HashMap;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use orders::Queue;

use crate::queue::Received;
use crate::queue::consumer::Held;
use crate::workflow::md5_of;

/// What all records of one queue have in common.
pub(super) struct Source {
    arn: String,
}

impl Source {
    pub(super) fn of(queue: Queue) -> Self {
        Self { arn: format!("arn:aws:sqs:embedded:000000000000:{queue}") }
    }

    pub(super) fn event(&self, batch: &[Held]) -> SqsEvent {
        let mut event = SqsEvent::default();
        event.records = batch.iter().map(|held| self.record(&held.message)).collect();
        event
    }

    fn record(&self, message: &Received) -> SqsMessage {
        let mut record = SqsMessage::default();
        record.message_id = Some(message.id.to_string());
        record.receipt_handle = Some(message.receipt_handle());
        record.body = Some(message.body.to_string());
        record.md5_of_body = Some(md5_of(&message.body));
        record.attributes = HashMap::from([
            ("ApproximateReceiveCount".to_owned(), message.receive_count.to_string()),
            ("SentTimestamp".to_owned(), message.sent_at.to_string()),
            ("ApproximateFirstReceiveTimestamp".to_owned(), message.first_received_at.to_string()),
            ("SenderId".to_owned(), "embedded".to_owned()),
        ]);
        record.message_attributes = message.attributes().into_iter().map(|(name, value)| (name, text(value))).collect();
        record.event_source_arn = Some(self.arn.clone());
        record.event_source = Some("aws:sqs".to_owned());
        record.aws_region = Some("embedded".to_owned());
        record
    }
}

fn text(value: String) -> SqsMessageAttribute {
    let mut attribute = SqsMessageAttribute::default();
    attribute.string_value = Some(value);
    attribute.data_type = Some("String".to_owned());
    attribute
}
