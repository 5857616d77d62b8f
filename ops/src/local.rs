//! [`Operations`] over ports.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use orders::ports::ops::{Action, Entry, ExecutionSummary, MoveError, MoveTask, QueueDepth, Run};
use orders::ports::{OrderFilter, Page, PageRequest};
use orders::step::QueueName;
use orders::{OrderId, Queue};
use serde_json::{Value, json};

use crate::{
    Breakdown, ExecutionFilter, Exported, Letter, NewRun, Operations, Ops, OpsError, OrderStory, OrderSummary,
    PipelineStatus, Replay, Selection, StopRequest, Stuck,
};

#[async_trait]
impl Operations for Ops {
    async fn queues(&self) -> Result<Vec<QueueDepth>, OpsError> {
        Ok(self.ports.queues.depths().await?)
    }

    async fn status(&self) -> Result<PipelineStatus, OpsError> {
        self.pipeline_status().await
    }

    async fn dead_letters(&self, all: bool) -> Result<Vec<Breakdown>, OpsError> {
        self.breakdowns(all).await
    }

    async fn letters(&self, queue: Queue, selection: &Selection, page: &PageRequest) -> Result<Page<Letter>, OpsError> {
        self.selected(queue, selection, page).await
    }

    async fn looked(&self, queue: Queue) -> Result<(), OpsError> {
        Ok(self.ports.queues.looked(QueueName::dlq(queue)).await?)
    }

    async fn begin(&self, new: &NewRun) -> Result<Run, OpsError> {
        if !matches!(new.action, Action::Replay | Action::Purge | Action::Import | Action::Reconcile) {
            let why = format!("a {} begins by itself", new.action);
            return Err(OpsError::Invalid { what: "action", why });
        }
        self.begin_run(new).await
    }

    async fn replay(&self, run: &str, replay: &Replay) -> Result<Vec<Entry>, OpsError> {
        self.replay_batch(run, replay).await
    }

    async fn resume(&self, run: &str) -> Result<Vec<Entry>, OpsError> {
        self.resume_run(run).await
    }

    async fn purge(&self, run: &str, ids: &[String]) -> Result<Vec<Entry>, OpsError> {
        self.purge_batch(run, ids).await
    }

    async fn import(&self, run: &str, letters: &[Exported]) -> Result<Vec<Entry>, OpsError> {
        self.import_batch(run, letters).await
    }

    async fn repair(&self, run: &str, order: &OrderId) -> Result<Entry, OpsError> {
        self.repair_order(run, order).await
    }

    async fn finish(&self, run: &str) -> Result<Run, OpsError> {
        self.finish_run(run).await
    }

    async fn runs(&self, page: &PageRequest) -> Result<Page<Run>, OpsError> {
        Ok(self.ports.journal.runs(page).await?)
    }

    async fn run(&self, id: &str) -> Result<Run, OpsError> {
        self.find_run(id).await
    }

    async fn entries(&self, run: &str, page: &PageRequest) -> Result<Page<Entry>, OpsError> {
        self.find_run(run).await?;
        Ok(self.ports.journal.entries(run, false, page).await?)
    }

    async fn redrive(&self, queue: Queue, per_second: Option<NonZeroU32>) -> Result<MoveTask, OpsError> {
        let started = self.ports.queues.start_move(queue, per_second).await.map_err(|error| match error {
            MoveError::Running => OpsError::Refused(error.to_string()),
            MoveError::Unavailable(unavailable) => unavailable.into(),
        })?;
        let how = json!({ "per_second": per_second, "to_move": started.to_move });
        let run = self.begin_run(&NewRun { action: Action::Redrive, queue: Some(queue), how }).await?;
        self.ports.journal.finish(&run.id, self.ports.clock.now()).await?;
        Ok(started)
    }

    async fn last_move(&self, queue: Queue) -> Result<Option<MoveTask>, OpsError> {
        Ok(self.ports.queues.last_move(queue).await?)
    }

    async fn orders(&self, filter: &OrderFilter, page: &PageRequest) -> Result<Page<OrderSummary>, OpsError> {
        let page = self.ports.orders.list(filter, page).await?;
        Ok(Page { items: page.items.iter().map(OrderSummary::from).collect(), next: page.next })
    }

    async fn order(&self, id: &OrderId) -> Result<OrderStory, OpsError> {
        self.story(id).await
    }

    async fn cancel(&self, id: &OrderId) -> Result<OrderSummary, OpsError> {
        self.cancel_order(id).await
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, OpsError> {
        self.find_executions(filter, page).await
    }

    async fn execution(&self, name: &OrderId) -> Result<ExecutionSummary, OpsError> {
        self.find_execution(name).await
    }

    async fn history(&self, name: &OrderId) -> Result<Vec<Value>, OpsError> {
        self.find_history(name).await
    }

    async fn stop(&self, name: &OrderId, request: &StopRequest) -> Result<Entry, OpsError> {
        self.stop_execution(name, request).await
    }

    async fn redrive_execution(&self, name: &OrderId) -> Result<Entry, OpsError> {
        self.redrive_one(name).await
    }

    async fn stuck(&self, age: Duration, page: &PageRequest) -> Result<Page<Stuck>, OpsError> {
        self.find_stuck(age, page).await
    }
}
