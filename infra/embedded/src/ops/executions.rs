//! The executions as ops use them ([`Executions`]).

use async_trait::async_trait;
use orders::OrderId;
use orders::ports::ops::{ExecutionStatus, ExecutionSummary, Executions, InStates, Redriven, Stopped};
use orders::ports::{ListError, Page, PageRequest, Unavailable};
use serde_json::Value;

use crate::workflow::{Description, EmbeddedWorkflow};

/// The engine's status as the port names it.
pub(crate) const fn status(status: statemachine::ExecutionStatus) -> ExecutionStatus {
    match status {
        statemachine::ExecutionStatus::Running => ExecutionStatus::Running,
        statemachine::ExecutionStatus::Succeeded => ExecutionStatus::Succeeded,
        statemachine::ExecutionStatus::Failed => ExecutionStatus::Failed,
        statemachine::ExecutionStatus::TimedOut => ExecutionStatus::TimedOut,
        statemachine::ExecutionStatus::Aborted => ExecutionStatus::Aborted,
    }
}

const fn engines(status: ExecutionStatus) -> Option<statemachine::ExecutionStatus> {
    Some(match status {
        ExecutionStatus::Running => statemachine::ExecutionStatus::Running,
        ExecutionStatus::Succeeded => statemachine::ExecutionStatus::Succeeded,
        ExecutionStatus::Failed => statemachine::ExecutionStatus::Failed,
        ExecutionStatus::TimedOut => statemachine::ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted => statemachine::ExecutionStatus::Aborted,
        ExecutionStatus::PendingRedrive => return None,
    })
}

fn summary(described: Description) -> ExecutionSummary {
    ExecutionSummary {
        name: described.name,
        status: status(described.status),
        started_at: described.started_at,
        stopped_at: described.stopped_at,
        current_states: described.current_states,
        error: described.error,
        next_timer: described.next_timer,
    }
}

#[async_trait]
impl Executions for EmbeddedWorkflow {
    async fn list(
        &self,
        status: Option<ExecutionStatus>,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, ListError> {
        let status = match status.map(engines) {
            Some(None) => return Ok(Page { items: Vec::new(), next: None }),
            status => status.flatten(),
        };
        let page = EmbeddedWorkflow::list(self, status, page).await?;
        Ok(Page { items: page.items.into_iter().map(summary).collect(), next: page.next })
    }

    async fn describe(&self, name: &OrderId) -> Result<Option<ExecutionSummary>, Unavailable> {
        Ok(EmbeddedWorkflow::describe(self, name).await?.map(summary))
    }

    async fn definition(&self, name: Option<&OrderId>) -> Result<Option<String>, Unavailable> {
        self.definition_text(name).await
    }

    async fn in_states(&self) -> Result<InStates, Unavailable> {
        EmbeddedWorkflow::in_states(self).await
    }

    async fn history(&self, name: &OrderId) -> Result<Option<Vec<Value>>, Unavailable> {
        EmbeddedWorkflow::history(self, name).await
    }

    async fn stop(&self, name: &OrderId, cause: &str) -> Result<Stopped, Unavailable> {
        EmbeddedWorkflow::stop(self, name, Some("StoppedByOps".to_owned()), Some(cause.to_owned())).await
    }

    async fn redrive(&self, name: &OrderId) -> Result<Redriven, Unavailable> {
        EmbeddedWorkflow::redrive(self, name).await
    }
}
