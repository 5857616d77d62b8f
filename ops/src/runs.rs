//! The runs: what ops did, who and when. They are the audit log, and what an interrupted replay goes on from.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use orders::ports::ops::{Action, Entry, Run};
use serde_json::Value;

use crate::{NewRun, Ops, OpsError};

/// So many messages are handled in one call.
pub(crate) const BATCH: usize = 100;
/// The same, as a page's limit.
pub(crate) const BATCH_LIMIT: NonZeroU32 = NonZeroU32::new(100).unwrap();

impl Ops {
    pub(crate) async fn begin_run(&self, new: &NewRun) -> Result<Run, OpsError> {
        let needs_queue = matches!(new.action, Action::Replay | Action::Purge | Action::Import | Action::Redrive);
        if needs_queue != new.queue.is_some() {
            let why = format!("a {} {}", new.action, if needs_queue { "needs one" } else { "has none" });
            return Err(OpsError::Invalid { what: "queue", why });
        }
        // Two in one millisecond must differ, and their order should show.
        let random = getrandom::u32().map_err(|error| OpsError::Unavailable(error.to_string()))?;
        let at = self.ports.clock.now();
        let run = Run {
            id: format!("run-{}-{random:08x}", at.as_millisecond()),
            action: new.action,
            queue: new.queue,
            by: self.by.to_string(),
            at,
            how: new.how.clone(),
            finished_at: None,
            counts: BTreeMap::new(),
        };
        self.ports.journal.begin(&run).await?;
        tracing::info!(run = run.id, action = %run.action, by = run.by, "ops began a run");
        Ok(run)
    }

    pub(crate) async fn find_run(&self, id: &str) -> Result<Run, OpsError> {
        self.ports.journal.run(id).await?.ok_or_else(|| OpsError::NotFound(format!("run `{id}`")))
    }

    /// A run of this kind that is not over.
    pub(crate) async fn open_run(&self, id: &str, action: Action) -> Result<Run, OpsError> {
        let run = self.find_run(id).await?;
        if run.action != action {
            return Err(OpsError::Refused(format!("run `{id}` is a {}, not a {action}", run.action)));
        }
        if run.finished_at.is_some() {
            return Err(OpsError::Refused(format!("run `{id}` is over; begin a new one")));
        }
        Ok(run)
    }

    pub(crate) async fn finish_run(&self, id: &str) -> Result<Run, OpsError> {
        let run = self.find_run(id).await?;
        if run.counts.iter().any(|(state, count)| state.is_open() && *count > 0) {
            return Err(OpsError::Refused(format!("run `{id}` has open entries: resume it first")));
        }
        self.ports.journal.finish(id, self.ports.clock.now()).await?;
        if let Some(queue) = run.queue {
            self.ports.queues.looked(orders::step::QueueName::dlq(queue)).await?;
        }
        self.find_run(id).await
    }

    /// Something that is done in one go, written down as a run of its own.
    pub(crate) async fn record(&self, action: Action, how: Value, entry: Entry) -> Result<Entry, OpsError> {
        let run = self.begin_run(&NewRun { action, queue: None, how }).await?;
        self.end_run(&run.id, entry).await
    }

    /// Writes down how a run's only entry ended.
    pub(crate) async fn end_run(&self, run: &str, entry: Entry) -> Result<Entry, OpsError> {
        self.ports.journal.write(run, std::slice::from_ref(&entry)).await?;
        self.ports.journal.finish(run, self.ports.clock.now()).await?;
        Ok(entry)
    }
}
