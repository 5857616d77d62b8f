//! Step Functions: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html>, "Errors".

use orderflow_aws::StepFunctions;
use orders::message::TaskToken;
use orders::ports::{AnswerError, Started, Workflow};
use serde_json::json;

use crate::wire::{Wire, error, ok};

async fn answered(code: &'static str) -> [Result<(), AnswerError>; 2] {
    let wire = Wire::new([error(code, json!({ "message": "…" }))]);
    let workflow = StepFunctions::new(wire.clients().await.step_functions(), "arn");
    let token = TaskToken("AAAA".into());
    [workflow.succeed(&token, &json!({})).await, workflow.fail(&token, "OutOfStock", "why").await]
}

#[tokio::test]
async fn a_token_that_was_answered_or_outlived_is_spent() {
    for code in ["TaskTimedOut", "TaskDoesNotExist"] {
        assert_eq!(answered(code).await, [Err(AnswerError::Spent), Err(AnswerError::Spent)], "{code}");
    }
}

#[tokio::test]
async fn a_token_that_nobody_issued_is_invalid() {
    assert_eq!(answered("InvalidToken").await, [Err(AnswerError::InvalidToken), Err(AnswerError::InvalidToken)]);
}

#[tokio::test]
async fn any_other_error_is_tried_again() {
    for code in ["ThrottlingException", "AccessDeniedException", "KmsThrottlingException", "InternalServerError"] {
        for answer in answered(code).await {
            assert!(matches!(answer, Err(AnswerError::Unavailable(_))), "{code}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_start_names_the_order_and_its_trace_and_a_second_one_is_success() {
    let started = ok(json!({ "executionArn": "arn:execution", "startDate": 1.0 }));
    let wire = Wire::new([started, error("ExecutionAlreadyExists", json!({ "message": "…" }))]);
    let workflow = StepFunctions::new(wire.clients().await.step_functions(), "arn:alias");
    let order = format!("ord_{}", "0".repeat(26)).parse().unwrap();
    let input = json!({ "order_id": order, "trace_id": "5759e988bd862e3fe1be46a994272793" });
    assert_eq!(workflow.start(&order, &input).await, Ok(Started::Started));
    assert_eq!(workflow.start(&order, &input).await, Ok(Started::AlreadyExists));
    let sent = &wire.sent()[0];
    assert_eq!(sent["stateMachineArn"], "arn:alias");
    assert_eq!(sent["name"], order.as_str());
    assert_eq!(sent["traceHeader"], "Root=1-5759e988-bd862e3fe1be46a994272793");
    assert_eq!(serde_json::from_str::<serde_json::Value>(sent["input"].as_str().unwrap()).unwrap(), input);
}
