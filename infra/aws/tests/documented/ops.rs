//! Ops: what the emulator doesn't do. SQS's move tasks, and RedriveExecution:
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html>,
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html>.

use std::num::NonZeroU32;

use orderflow_aws::ops::{SqsOpsQueues, StepFunctionsExecutions};
use orders::Queue;
use orders::ports::ops::{Executions, MoveError, OpsQueues, Redriven};
use orders::step::QueueName;
use serde_json::{Value, json};

use crate::wire::{Answer, Wire, error, ok};

const DLQ: QueueName = QueueName::dlq(Queue::Payments);

async fn queues(answers: impl IntoIterator<Item = Answer>) -> (SqsOpsQueues, Wire) {
    let wire = Wire::new(answers);
    (SqsOpsQueues::new(wire.clients().await.sqs(), [(DLQ, "https://sqs/payments-dlq".to_owned())]), wire)
}

fn arn() -> Answer {
    ok(json!({ "Attributes": { "QueueArn": "arn:payments-dlq" } }))
}

fn tasks(tasks: Value) -> Answer {
    ok(json!({ "Results": tasks }))
}

#[tokio::test]
async fn a_move_starts_at_the_dlq_within_sqs_limit_and_is_told_as_it_stands() {
    let running = json!([{
        "Status": "RUNNING", "StartedTimestamp": 1_700_000_000_000_i64, "TaskHandle": "handle",
        "ApproximateNumberOfMessagesMoved": 3, "ApproximateNumberOfMessagesToMove": 7,
    }]);
    let answers = [arn(), tasks(json!([])), arn(), ok(json!({ "TaskHandle": "handle" })), arn(), tasks(running)];
    let (queues, wire) = queues(answers).await;
    let task = queues.start_move(Queue::Payments, NonZeroU32::new(10_000)).await.unwrap();
    assert_eq!((task.status.as_str(), task.moved, task.to_move, task.failure), ("RUNNING", 3, Some(7), None));
    assert_eq!(task.started_at.as_second(), 1_700_000_000);
    assert_eq!(wire.sent()[3], json!({ "SourceArn": "arn:payments-dlq", "MaxNumberOfMessagesPerSecond": 500 }));
}

#[tokio::test]
async fn one_move_of_a_queue_at_a_time() {
    let (queues, wire) = queues([arn(), tasks(json!([{ "Status": "RUNNING", "StartedTimestamp": 1 }]))]).await;
    assert_eq!(queues.start_move(Queue::Payments, None).await, Err(MoveError::Running));
    assert_eq!(wire.sent().len(), 2, "it was started all the same");
}

#[tokio::test]
async fn a_move_that_failed_says_why() {
    let failed = json!([{ "Status": "FAILED", "StartedTimestamp": 1, "FailureReason": "AWS.SimpleQueueService.NonExistentQueue" }]);
    let (queues, _) = queues([arn(), tasks(failed)]).await;
    let task = queues.last_move(Queue::Payments).await.unwrap().unwrap();
    assert_eq!(task.failure.as_deref(), Some("AWS.SimpleQueueService.NonExistentQueue"));
}

#[tokio::test]
async fn an_execution_is_redriven_or_refused_with_the_reason_or_missing() {
    let answers = [
        ok(json!({ "redriveDate": 1.0 })),
        error("ExecutionNotRedrivable", json!({ "message": "Execution is not redrivable: it runs" })),
        error("ExecutionDoesNotExist", json!({ "message": "…" })),
        error("ExecutionLimitExceeded", json!({ "message": "…" })),
    ];
    let wire = Wire::new(answers);
    let machine = "arn:aws:states:eu-west-1:111122223333:stateMachine:order:live";
    let executions = StepFunctionsExecutions::new(wire.clients().await.step_functions(), machine);
    let order = format!("ord_{}", "0".repeat(26)).parse().unwrap();
    assert_eq!(executions.redrive(&order).await, Ok(Redriven::Redriven));
    let refused = Redriven::Refused("Execution is not redrivable: it runs".to_owned());
    assert_eq!(executions.redrive(&order).await, Ok(refused));
    assert_eq!(executions.redrive(&order).await, Ok(Redriven::Missing));
    assert!(executions.redrive(&order).await.is_err());
    let arn = format!("arn:aws:states:eu-west-1:111122223333:execution:order:{order}");
    assert!(wire.sent().iter().all(|sent| sent["executionArn"] == arn), "an alias is no part of it: {:?}", wire.sent());
}
