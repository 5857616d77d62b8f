//! Ops on AWS: over the ports of `orderflow_aws::ops`, as `orderflow --aws` has them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ops::{NewRun, Operations, Ops, Ports, Replay, Selection};
use orderflow_aws::ops::{DynamoJournal, SqsOpsQueues, Stack as Found, StepFunctionsExecutions};
use orderflow_aws::{Clients, DynamoOrders, SqsQueues};
use orders::Queue;
use orders::ports::ops::{Action, EntryState, ExecutionStatus};
use orders::ports::{PageRequest, SystemClock};
use serde_json::{Value, json};

use crate::stack::Stack;

const ALL: PageRequest = PageRequest { limit: NonZeroU32::new(100).unwrap(), cursor: None };

async fn ops(stack: &Stack) -> Ops {
    let found = Found::find(Clients::with(stack.sdk.clone()), &stack.name()).await.unwrap();
    let (dynamodb, sqs, clock) = (found.clients.dynamodb(), found.clients.sqs(), Arc::new(SystemClock));
    let queues = Arc::new(SqsQueues::new(sqs.clone(), found.queue_urls.clone()));
    let ports = Ports {
        queues: Arc::new(SqsOpsQueues::new(sqs, found.queue_urls.clone())),
        orders: Arc::new(DynamoOrders::new(dynamodb.clone(), found.tables.clone(), queues, clock.clone())),
        executions: Arc::new(StepFunctionsExecutions::new(found.clients.step_functions(), &found.state_machine)),
        journal: Arc::new(DynamoJournal::new(dynamodb, &found.journal)),
        changes: None,
        clock,
    };
    Ops::new(ports, &found.caller)
}

#[tokio::test]
async fn a_dead_letter_is_found_and_replayed_and_the_journal_tells() {
    let stack = Stack::with_products().await;
    let ops = ops(&stack).await;
    let order = json!({
        "customer": { "id": "c-42", "email": "ada@example.com" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }], "currency": "EUR", "payment_method": "pm_card_visa",
    });
    // Its message is put aside as a dead letter before anybody reads it.
    stack.poll("PaymentFunctionPayments", false).await;
    let id = stack.place("k", order.to_string()).await;
    let message = stack.receive("PaymentsQueue").await;
    stack.send("PaymentsDlq", message.body().unwrap()).await;
    let delete = stack.sqs().delete_message().queue_url(stack.resource("PaymentsQueue"));
    delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
    stack.poll("PaymentFunctionPayments", true).await;

    let letters = ops.letters(Queue::Payments, &Selection::default(), &ALL).await.unwrap().items;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].order_id.as_ref().map(ToString::to_string), Some(id.clone()));
    let new = NewRun { action: Action::Replay, queue: Some(Queue::Payments), how: Value::Null };
    let run = ops.begin(&new).await.unwrap();
    let replay: Replay = serde_json::from_value(json!({ "items": [{ "message_id": letters[0].message_id }] })).unwrap();
    let entries = ops.replay(&run.id, &replay).await.unwrap();
    assert_eq!(entries[0].state, EntryState::Done, "{entries:?}");
    let finished = ops.finish(&run.id).await.unwrap();
    assert_eq!((finished.counts[&EntryState::Done], finished.finished_at.is_some()), (1, true));
    assert_eq!(ops.runs(&ALL).await.unwrap().items, [finished]);

    assert_eq!(stack.ended(&id).await["status"], "confirmed");
    stack.quiet().await;
    assert_eq!(stack.depth("PaymentsDlq").await, 0);

    // Its execution, as Step Functions tells it.
    let name = id.parse().unwrap();
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while ops.execution(&name).await.unwrap().status != ExecutionStatus::Succeeded {
        assert!(tokio::time::Instant::now() < end, "it does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let history = ops.history(&name).await.unwrap();
    assert_eq!(history[0]["type"], "ExecutionStarted");
    assert!(history[0]["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let states = history.iter().filter(|event| event["type"] == "TaskStateEntered").count();
    assert_eq!(states, 3);
    let listed = ops.executions(None, &ALL).await.unwrap().items;
    assert!(listed.iter().any(|execution| execution.name == name), "{listed:?}");
    assert!(ops.order(&name).await.is_ok());
}

#[tokio::test]
async fn looking_puts_visibility_back() {
    let stack = Stack::deploy().await;
    let ops = ops(&stack).await;
    for index in 0..12 {
        stack.send("EmailsDlq", &format!("letter {index}")).await;
    }
    for _ in 0..2 {
        let letters = ops.letters(Queue::Emails, &Selection::default(), &ALL).await.unwrap().items;
        assert_eq!(letters.len(), 12);
        ops.looked(Queue::Emails).await.unwrap();
    }
    let depth = ops.queues().await.unwrap().into_iter().find(|depth| depth.queue.to_string() == "emails-dlq").unwrap();
    assert_eq!((depth.visible, depth.in_flight), (12, 0));
}
