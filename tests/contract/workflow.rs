//! `Workflow` and `Queues`: executions by name, tokens that are answered once, messages within SQS's limits.

use std::time::Duration;

use orders::message::TaskToken;
use orders::ports::*;
use orders::step::QueueName;
use orders::{OrderId, Queue};
use serde_json::{Value, json};

use crate::subject::{Subject, order};

crate::contract!(
    an_execution_starts_once,
    an_answer_brings_the_next_step_and_spends_its_token,
    a_failure_is_compensated,
    a_message_over_sqs_limits_is_refused,
    a_receipt_changes_the_visibility_until_it_is_stale;
    not on the emulator: a_token_that_nobody_issued_is_invalid,
);

async fn started(subject: &Subject) -> OrderId {
    let placed = order("k");
    let id = subject.accepted(&placed).await;
    let input = json!({ "order_id": id, "trace_id": placed.trace_id });
    assert_eq!(subject.workflow.start(&id, &input).await.unwrap(), Started::Started);
    id
}

/// The one message that waits in the queue.
async fn only_message(subject: &Subject, queue: Queue) -> Value {
    let waiting = subject.arrived(queue, 1).await;
    assert_eq!(waiting.len(), 1, "{queue}: {waiting:?}");
    serde_json::from_str(&waiting[0]).unwrap()
}

fn token(message: &Value) -> TaskToken {
    TaskToken(message["task_token"].as_str().unwrap().to_owned())
}

async fn an_execution_starts_once(subject: Subject) {
    let id = started(&subject).await;
    let again = subject.workflow.start(&id, &json!({ "order_id": id, "trace_id": "x" })).await.unwrap();
    assert_eq!(again, Started::AlreadyExists);
    let message = only_message(&subject, Queue::Inventory).await;
    assert_eq!((&message["step"], &message["order_id"]), (&json!("ReserveInventory"), &json!(id)));
    assert_eq!(message["timeout_seconds"], 86400);
}

async fn an_answer_brings_the_next_step_and_spends_its_token(subject: Subject) {
    started(&subject).await;
    let token = token(&only_message(&subject, Queue::Inventory).await);
    subject.workflow.succeed(&token, &json!({ "outcome": "Reserved" })).await.unwrap();
    assert_eq!(only_message(&subject, Queue::Payments).await["step"], "ChargePayment");
    assert_eq!(subject.workflow.succeed(&token, &json!({})).await, Err(AnswerError::Spent));
    assert_eq!(subject.workflow.fail(&token, "OutOfStock", "").await, Err(AnswerError::Spent));
    assert_eq!(subject.waiting(Queue::Payments).await.len(), 1);
}

async fn a_failure_is_compensated(subject: Subject) {
    started(&subject).await;
    let reserve = token(&only_message(&subject, Queue::Inventory).await);
    subject.workflow.succeed(&reserve, &json!({ "outcome": "Reserved" })).await.unwrap();
    let charge = token(&only_message(&subject, Queue::Payments).await);
    subject.workflow.fail(&charge, "PaymentDeclined", "no").await.unwrap();
    let waiting = subject.arrived(Queue::Payments, 2).await;
    assert!(waiting.iter().any(|body| body.contains("RefundPayment")), "{waiting:?}");
}

async fn a_token_that_nobody_issued_is_invalid(subject: Subject) {
    let forged = TaskToken("not a token".into());
    assert_eq!(subject.workflow.succeed(&forged, &json!({})).await, Err(AnswerError::InvalidToken));
    assert_eq!(subject.workflow.fail(&forged, "X", "").await, Err(AnswerError::InvalidToken));
}

async fn a_message_over_sqs_limits_is_refused(subject: Subject) {
    let message = |body: String| Outgoing { body, ..Outgoing::default() };
    let many = Outgoing {
        attributes: (0..=MAX_MESSAGE_ATTRIBUTES).map(|index| (format!("a{index}"), "x".to_owned())).collect(),
        ..message("x".into())
    };
    let late = Outgoing { delay: MAX_DELAY + Duration::from_secs(1), ..message("x".into()) };
    for refused in [message("x".repeat(MAX_MESSAGE_BYTES + 1)), message(String::new()), many, late] {
        let sent = subject.queues.send(QueueName::dlq(Queue::Emails), refused).await;
        assert!(matches!(sent, Err(SendError::Invalid(_))), "{sent:?}");
    }
    subject.queues.send(QueueName::dlq(Queue::Emails), message("x".repeat(MAX_MESSAGE_BYTES))).await.unwrap();
    assert_eq!((subject.bodies)(QueueName::dlq(Queue::Emails)).await.len(), 1);
}

async fn a_receipt_changes_the_visibility_until_it_is_stale(subject: Subject) {
    let visible_again = |receipt: String, after: u64| {
        let queues = subject.queues.clone();
        async move { queues.change_visibility(Queue::Emails, &receipt, Duration::from_secs(after)).await.unwrap() }
    };
    subject.queues.send(Queue::Emails.into(), Outgoing { body: "{}".into(), ..Outgoing::default() }).await.unwrap();
    let first = subject.received(Queue::Emails).await.unwrap();
    assert_eq!(subject.received(Queue::Emails).await, None, "it is hidden");
    visible_again(first.clone(), 0).await;
    let second = subject.received(Queue::Emails).await.unwrap();
    for stale in [String::new(), "nonsense".to_owned(), first] {
        visible_again(stale, 0).await;
        assert_eq!(subject.received(Queue::Emails).await, None, "it stays hidden");
    }
    visible_again(second, 0).await;
    assert!(subject.received(Queue::Emails).await.is_some());
}
