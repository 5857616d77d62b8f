//! `[reconcile]` of `orderflow.toml`: `orderflow serve` looks for stuck orders on a schedule, tells of them in its log and its
//! metrics, and moves them if it is told to.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use ops::{DEFAULT_AGE, NewRun, Operations as _, Ops, OpsError, Remedy, Stuck};
use orders::ports::PageRequest;
use orders::ports::ops::Action;
use serde::Deserialize;

/// Who acts, as the audit log has it.
pub const RECONCILER: &str = "reconciler";

const PAGE: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// What is left out keeps its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconciling {
    every: Option<SignedDuration>,
    repair: Option<bool>,
}

/// When to look, and what to do.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    every: Option<Duration>,
    repair: bool,
}

impl Reconciling {
    /// # Errors
    /// If the interval is none.
    pub fn schedule(&self) -> Result<Schedule> {
        let every = self.every.unwrap_or(SignedDuration::from_mins(15));
        let every = Duration::try_from(every).ok().filter(|every| !every.is_zero());
        let every = Some(every.context("every must be a length of time, such as 15m")?);
        Ok(Schedule { every, repair: self.repair.unwrap_or(false) })
    }
}

impl Schedule {
    /// Not at all.
    pub const fn never() -> Self {
        Self { every: None, repair: false }
    }

    /// Until it is dropped.
    pub async fn run(self, ops: Ops) {
        let Some(every) = self.every else { return };
        metrics::describe_gauge!("orderflow_stuck_orders", "Orders that need `orderflow reconcile`.");
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.look(&ops).await {
                tracing::warn!(%error, "stuck orders could not be looked for");
            }
        }
    }

    async fn look(self, ops: &Ops) -> Result<(), OpsError> {
        let (mut stuck, mut cursor): (Vec<Stuck>, _) = (Vec::new(), None);
        loop {
            let page = ops.stuck(DEFAULT_AGE, &PageRequest { limit: PAGE, cursor }).await?;
            stuck.extend(page.items.into_iter().filter(|stuck| stuck.remedy != Remedy::Nothing));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        metrics::gauge!("orderflow_stuck_orders").set(stuck.len() as f64);
        for stuck in &stuck {
            let order_id = &stuck.order.order_id;
            tracing::warn!(%order_id, since = %stuck.since, remedy = ?stuck.remedy, "an order is stuck: see `orderflow reconcile`");
        }
        if self.repair && !stuck.is_empty() {
            let new = NewRun { action: Action::Reconcile, queue: None, how: serde_json::json!({ "scheduled": true }) };
            let run = ops.begin(&new).await?;
            for stuck in &stuck {
                ops.repair(&run.id, &stuck.order.order_id).await?;
            }
            ops.finish(&run.id).await?;
        }
        Ok(())
    }
}
