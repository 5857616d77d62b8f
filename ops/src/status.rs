//! The pipeline on one screen.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use orders::ports::PageRequest;
use orders::ports::ops::{ExecutionStatus, QueueDepth};
use serde::{Deserialize, Serialize};

use crate::{CauseCount, Ops, OpsError};

/// The rates are counted over so long.
const WINDOW: Duration = Duration::from_secs(60);
/// So many executions are counted at most.
const COUNTED: usize = 1_000;
const PAGE: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// How the pipeline is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineStatus {
    /// When this was.
    pub at: Timestamp,
    /// Messages that wait in the queues.
    pub backlog: u64,
    /// Messages that workers have in hand, or that back off.
    pub in_flight: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// When the oldest message of the queues was sent.
    pub oldest_sent_at: Option<Timestamp>,
    /// Executions that were started, a second, lately.
    pub started_per_second: f64,
    /// Executions that ended, a second, lately.
    pub ended_per_second: f64,
    /// So many seconds the rates are counted over: a minute, or less under load.
    pub rates_over_seconds: f64,
    /// Executions that failed, timed out or were aborted: so many of the newest.
    pub unsuccessful: u64,
    /// Each queue and DLQ.
    pub queues: Vec<QueueDepth>,
    /// Dead letters by cause, over all queues (samples, where there are many).
    pub causes: Vec<CauseCount>,
}

impl Ops {
    pub(crate) async fn pipeline_status(&self) -> Result<PipelineStatus, OpsError> {
        let at = self.ports.clock.now();
        let queues = self.ports.queues.depths().await?;
        let sum = |of_dlqs: bool, count: fn(&QueueDepth) -> u64| {
            queues.iter().filter(|depth| depth.queue.dead_letters == of_dlqs).map(count).sum()
        };
        let oldest = queues.iter().filter(|depth| !depth.queue.dead_letters).filter_map(|depth| depth.oldest_sent_at);
        let rates = self.rates(at).await?;
        let mut unsuccessful = 0;
        for status in [ExecutionStatus::Failed, ExecutionStatus::TimedOut, ExecutionStatus::Aborted] {
            let page = PageRequest { limit: PAGE, cursor: None };
            unsuccessful += self.ports.executions.list(Some(status), &page).await?.items.len() as u64;
        }
        let mut causes: Vec<CauseCount> =
            self.breakdowns(false).await?.into_iter().flat_map(|breakdown| breakdown.causes).collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        Ok(PipelineStatus {
            at,
            backlog: sum(false, |depth| depth.visible + depth.delayed),
            in_flight: sum(false, |depth| depth.in_flight),
            dead_letters: sum(true, QueueDepth::total),
            oldest_sent_at: oldest.min(),
            started_per_second: rates.started,
            ended_per_second: rates.ended,
            rates_over_seconds: rates.seconds,
            unsuccessful,
            queues,
            causes,
        })
    }

    /// Counted from the newest executions, back to a minute ago or as far as it is worth.
    async fn rates(&self, now: Timestamp) -> Result<Rates, OpsError> {
        let window = now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
        let (mut started, mut ended, mut since, mut cursor) = (0_u32, 0_u32, now, None);
        let mut counted = 0;
        loop {
            let page = self.ports.executions.list(None, &PageRequest { limit: PAGE, cursor }).await?;
            counted += page.items.len();
            let whole = page.items.iter().take_while(|execution| execution.started_at >= window);
            let before = started;
            for execution in whole {
                started += 1;
                since = since.min(execution.started_at);
                ended += u32::from(execution.stopped_at.is_some());
            }
            let is_over = (started - before) as usize != page.items.len() || page.next.is_none();
            if is_over || counted >= COUNTED {
                let since = if is_over { window } else { since };
                let seconds = now.duration_since(since).as_secs_f64().max(0.001);
                return Ok(Rates { started: f64::from(started) / seconds, ended: f64::from(ended) / seconds, seconds });
            }
            cursor = page.next;
        }
    }
}

struct Rates {
    started: f64,
    ended: f64,
    seconds: f64,
}
