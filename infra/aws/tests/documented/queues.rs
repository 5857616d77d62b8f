//! SQS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>, "Errors".

use std::time::Duration;

use orderflow_aws::SqsQueues;
use orders::Queue;
use orders::ports::{MAX_VISIBILITY, Outgoing, Queues, SendError};
use orders::step::QueueName;
use serde_json::json;

use crate::wire::{Answer, Wire, error, ok};

async fn queues(answer: Answer) -> (SqsQueues, Wire) {
    let wire = Wire::new([answer]);
    let urls = [(QueueName::from(Queue::Emails), "https://sqs/emails".to_owned())];
    (SqsQueues::new(wire.clients().await.sqs(), urls), wire)
}

fn message() -> Outgoing {
    Outgoing { body: "{}".into(), ..Outgoing::default() }
}

#[tokio::test]
async fn a_stale_receipt_changes_nothing_and_is_no_error() {
    for code in [
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
        "ReceiptHandleIsInvalid",
        "InvalidParameterValue",
    ] {
        let (queues, _) = queues(error(code, json!({ "message": "…" }))).await;
        assert_eq!(queues.change_visibility(Queue::Emails, "AQEB", Duration::ZERO).await, Ok(()), "{code}");
    }
    let (queues, _) = queues(error("RequestThrottled", json!({ "message": "…" }))).await;
    assert!(queues.change_visibility(Queue::Emails, "AQEB", Duration::ZERO).await.is_err());
}

#[tokio::test]
async fn a_visibility_is_never_over_what_sqs_allows() {
    let (queues, wire) = queues(ok(json!({}))).await;
    queues.change_visibility(Queue::Emails, "AQEB", MAX_VISIBILITY * 2).await.unwrap();
    assert_eq!(wire.sent()[0]["VisibilityTimeout"], 43_200);
}

#[tokio::test]
async fn a_message_carries_its_attributes_its_delay_and_its_trace() {
    let (queues, wire) =
        queues(ok(json!({ "MessageId": "1", "MD5OfMessageBody": "99914b932bd37a50b983c5e7c90ae93b" }))).await;
    let outgoing = Outgoing {
        attributes: [("replay".to_owned(), "{}".to_owned())].into(),
        delay: Duration::from_secs(7),
        trace_header: Some("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned()),
        ..message()
    };
    queues.send(Queue::Emails.into(), outgoing).await.unwrap();
    let sent = &wire.sent()[0];
    assert_eq!(sent["QueueUrl"], "https://sqs/emails");
    assert_eq!(sent["DelaySeconds"], 7);
    assert_eq!(sent["MessageAttributes"]["replay"], json!({ "DataType": "String", "StringValue": "{}" }));
    let header = &sent["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"];
    assert_eq!(header, "Root=1-5759e988-bd862e3fe1be46a994272793");
}

#[tokio::test]
async fn a_message_that_sqs_refuses_for_good_is_invalid_and_any_other_error_is_not() {
    let (refusing, _) = queues(error("InvalidMessageContents", json!({ "message": "…" }))).await;
    assert!(matches!(refusing.send(Queue::Emails.into(), message()).await, Err(SendError::Invalid(_))));
    for code in ["AccessDenied", "OverLimit", "KmsThrottled", "QueueDoesNotExist"] {
        let (queues, _) = queues(error(code, json!({ "message": "…" }))).await;
        let sent = queues.send(Queue::Emails.into(), message()).await;
        assert!(matches!(sent, Err(SendError::Unavailable(_))), "{code}: {sent:?}");
    }
}

#[tokio::test]
async fn a_queue_that_the_function_does_not_know_is_unavailable() {
    let (queues, wire) = queues(ok(json!({}))).await;
    let Err(SendError::Unavailable(unavailable)) = queues.send(Queue::Orders.into(), message()).await else { panic!() };
    assert!(unavailable.cause.contains("orders"), "{unavailable}");
    assert!(wire.sent().is_empty());
}
