//! The workflow on Step Functions ([`Workflow`]).

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use orders::message::TaskToken;
use orders::ports::{AnswerError, Started, Unavailable, Workflow};
use orders::{OrderId, TraceId};
use serde_json::Value;

use crate::failure::unavailable;

/// One state machine, named by the ARN of its alias.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
    state_machine: String,
}

impl StepFunctions {
    /// Over the state machine with this ARN. Only [`Workflow::start`] needs it.
    pub fn new(client: Client, state_machine: impl Into<String>) -> Self {
        Self { client, state_machine: state_machine.into() }
    }
}

/// API reference, SendTaskSuccess and SendTaskFailure, "Errors": both know the same three.
fn answer_error<E>(error: &SdkError<E>) -> AnswerError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("TaskTimedOut" | "TaskDoesNotExist") => AnswerError::Spent,
        Some("InvalidToken") => AnswerError::InvalidToken,
        _ => unavailable("Workflow", error).into(),
    }
}

#[async_trait]
impl Workflow for StepFunctions {
    async fn start(&self, name: &OrderId, input: &Value) -> Result<Started, Unavailable> {
        let start = self.client.start_execution().state_machine_arn(&self.state_machine).name(name.as_str());
        let trace = input["trace_id"].as_str().and_then(|id| id.parse().ok()).as_ref().map(TraceId::to_trace_header);
        match start.input(input.to_string()).set_trace_header(trace).send().await {
            Ok(_) => Ok(Started::Started),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_already_exists()) => {
                Ok(Started::AlreadyExists)
            }
            Err(error) => Err(unavailable("Workflow", &error)),
        }
    }

    async fn succeed(&self, token: &TaskToken, output: &Value) -> Result<(), AnswerError> {
        let answer = self.client.send_task_success().task_token(&token.0).output(output.to_string());
        answer.send().await.map(drop).map_err(|error| answer_error(&error))
    }

    async fn fail(&self, token: &TaskToken, error: &str, cause: &str) -> Result<(), AnswerError> {
        let answer = self.client.send_task_failure().task_token(&token.0).error(error).cause(cause);
        answer.send().await.map(drop).map_err(|error| answer_error(&error))
    }
}
