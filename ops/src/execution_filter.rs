//! Which executions are meant, beyond what the platform itself can filter by.

use jiff::{SignedDuration, Timestamp};
use orders::ports::ops::{ExecutionStatus, ExecutionSummary};
use orders::ports::{Page, PageRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Ops, OpsError};

/// A page asks the platform so often at most (which may answer with nothing and a cursor), and looks into so many histories.
const ASKS: usize = 20;
const HISTORIES: usize = 200;
/// Listings go by the orders' arrival. So long may an order have waited for its start, and still be found by it.
const LATE: SignedDuration = SignedDuration::from_hours(24);

/// Which executions; a filter that is absent lets all through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExecutionFilter {
    /// Where they stand.
    pub status: Option<ExecutionStatus>,
    /// A state they are in now.
    pub state: Option<String>,
    /// An error that their history tells of, whether it was caught or not.
    pub error: Option<String>,
    /// They started then or later.
    pub since: Option<Timestamp>,
    /// They started before.
    pub before: Option<Timestamp>,
}

impl ExecutionFilter {
    fn lets_through(&self, execution: &ExecutionSummary) -> bool {
        self.since.is_none_or(|since| execution.started_at >= since)
            && self.before.is_none_or(|before| execution.started_at < before)
            && self.state.as_ref().is_none_or(|state| execution.current_states.contains(state))
    }
}

impl Ops {
    /// Executions, newest first. A page may hold fewer than its limit and still have a next one.
    ///
    /// # Errors
    /// [`OpsError`] if the cursor is none of this listing's, or the platform can't be reached.
    pub(crate) async fn find_executions(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, OpsError> {
        // Only one that runs is in a state.
        let status = filter.status.or(filter.state.as_ref().map(|_| ExecutionStatus::Running));
        let limit = page.limit.get() as usize;
        let (mut found, mut asks, mut histories) = (Vec::new(), 0, 0);
        let mut asked = page.clone();
        loop {
            // No more than fit: the cursor is behind the last that was looked at.
            asked.limit = page.limit.min(std::num::NonZeroU32::new((limit - found.len()) as u32).unwrap_or(page.limit));
            let listed = self.ports.executions.list(status, &asked).await?;
            asks += 1;
            for execution in listed.items {
                if filter.since.is_some_and(|since| execution.started_at.duration_until(since) > LATE) {
                    return Ok(Page { items: found, next: None });
                }
                if !filter.lets_through(&execution) {
                    continue;
                }
                if let Some(error) = &filter.error
                    && execution.error.as_ref() != Some(error)
                {
                    histories += 1;
                    if !self.tells_of(&execution, error).await? {
                        continue;
                    }
                }
                found.push(execution);
            }
            let Some(next) = listed.next else { return Ok(Page { items: found, next: None }) };
            if found.len() >= limit || asks >= ASKS || histories >= HISTORIES {
                return Ok(Page { items: found, next: Some(next) });
            }
            asked.cursor = Some(next);
        }
    }

    async fn tells_of(&self, execution: &ExecutionSummary, error: &str) -> Result<bool, OpsError> {
        let history = self.ports.executions.history(&execution.name).await?.unwrap_or_default();
        let is_it = |details: &Value| details["error"].as_str() == Some(error);
        Ok(history.iter().filter_map(Value::as_object).any(|event| event.values().any(is_it)))
    }
}
