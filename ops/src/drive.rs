//! Driving what takes long, call by call: a replay, a purge. At a limited rate, up to a limit, until stopped. The command drives
//! for itself, and the service for the console. Whoever drives may die at any moment; the journal knows how far it got.

use std::num::NonZeroU32;
use std::time::Duration;

use garde::Validate;
use orders::Queue;
use orders::ports::PageRequest;
use orders::ports::ops::{Action, Entry, EntryState, Run};
use producer::{misfit, object};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::replay::queue_of;
use crate::runs::{BATCH, BATCH_LIMIT};
use crate::{Change, Letter, NewRun, Operations, OpsError, Patch, Replay, ReplayItem, Selection, checked};

/// At a limited rate, a call is made so often.
const BEATS_PER_SECOND: u32 = 5;

/// How to replay: what the journal keeps of it, too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct ReplayPlan {
    /// Which dead letters.
    #[serde(default, deserialize_with = "object::one")]
    pub selection: Selection,
    /// At most so many a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<NonZeroU32>,
    /// At most so many in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Also those whose step has nothing left to do, or whose order is missing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// A JSON Patch for each body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
    /// Each body goes through an editor; an interrupted replay can't go on by itself then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub edited: bool,
}

const fn is_false(value: &bool) -> bool {
    !*value
}

impl ReplayPlan {
    /// How a run was meant.
    ///
    /// # Errors
    /// [`OpsError::Refused`] if it is no replay, or over.
    pub fn of(run: &Run) -> Result<Self, OpsError> {
        let unreadable =
            |why: String| OpsError::Refused(format!("the options of run `{}` can't be read: {why}", run.id));
        match run.action {
            Action::Replay if run.finished_at.is_some() => {
                Err(OpsError::Refused(format!("run `{}` is over; begin a new one", run.id)))
            }
            Action::Replay if run.how.is_null() => Ok(Self::default()),
            Action::Replay => Self::deserialize(&run.how).map_err(|error| unreadable(misfit::of_json(&error))),
            action => Err(OpsError::Refused(format!("run `{}` is a {action}, not a replay", run.id))),
        }
    }

    /// What the plan makes of a body; an editor's part is its caller's.
    ///
    /// # Errors
    /// The patch can't be applied, or makes no message of the queue.
    pub fn change(&self, queue: Queue, letter: &Letter) -> Result<Option<String>, String> {
        let change = |patch: &Patch| checked(queue, patch.apply(&letter.body)?);
        self.patch.as_ref().map(change).transpose()
    }

    /// Why a letter would stay where it is.
    fn refusal(&self, queue: Queue, letter: &Letter) -> Option<String> {
        match self.change(queue, letter) {
            Err(why) => Some(why),
            Ok(_) if self.force => None,
            Ok(Some(body)) => letter.refusal_with(queue, &body),
            Ok(None) => letter.refusal.clone(),
        }
    }
}

/// The dry run: hands over each letter that is meant, with why it would stay where it is. Nothing is done. A body that an editor
/// will change is judged as it is now.
///
/// # Errors
/// [`OpsError`]: not all could be looked at.
pub async fn foretell(
    operations: &dyn Operations,
    queue: Queue,
    plan: &ReplayPlan,
    judged: &mut (dyn FnMut(Letter, Option<String>) + Send),
) -> Result<(), OpsError> {
    let mut left = plan.max;
    let mut letters = Letters { operations, queue, selection: plan.selection.clone(), cursor: None, is_over: false };
    'pages: while let Some(page) = letters.next().await? {
        for letter in page {
            if left == Some(0) {
                break 'pages;
            }
            let refusal = plan.refusal(queue, &letter);
            // A patch may take its time, and the thread has other requests.
            tokio::task::yield_now().await;
            if refusal.is_none() {
                left = left.map(|left| left - 1);
            }
            judged(letter, refusal);
        }
    }
    operations.looked(queue).await
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Sent, or deleted.
    pub done: u64,
    /// Left where they are.
    pub refused: u64,
    /// It was stopped before its end.
    pub stopped: bool,
}

impl Summary {
    fn count(&mut self, entries: &[Entry]) {
        let done = entries.iter().filter(|entry| entry.state == EntryState::Done).count() as u64;
        self.done += done;
        self.refused += entries.len() as u64 - done;
    }
}

/// Begins a replay.
///
/// # Errors
/// [`OpsError`]: it has not begun.
pub async fn begin_replay(operations: &dyn Operations, queue: Queue, plan: &ReplayPlan) -> Result<Run, OpsError> {
    let how = serde_json::to_value(plan).map_err(|error| OpsError::Unavailable(error.to_string()))?;
    operations.begin(&NewRun { action: Action::Replay, queue: Some(queue), how }).await
}

/// Sees through what an interruption left open.
///
/// # Errors
/// [`OpsError`]: resume again.
pub async fn resume(
    operations: &dyn Operations,
    run: &Run,
    progress: &mut (dyn FnMut(&[Entry]) + Send),
) -> Result<Summary, OpsError> {
    let mut summary = Summary::default();
    loop {
        let entries = operations.resume(&run.id).await?;
        if entries.is_empty() {
            return Ok(summary);
        }
        summary.count(&entries);
        progress(&entries);
    }
}

/// Sees through what an interruption left open, replays what was there when the run began, page by page, and finishes the run.
/// A message that becomes a dead letter again meanwhile is another one.
///
/// # Errors
/// [`OpsError`]: the run is not finished, and can be gone on with.
pub async fn replay(
    operations: &dyn Operations,
    run: &Run,
    plan: &ReplayPlan,
    change: &Change<'_>,
    stop: &watch::Receiver<bool>,
    progress: &mut (dyn FnMut(&[Entry]) + Send),
) -> Result<Summary, OpsError> {
    let is_open = run.counts.keys().any(|state| state.is_open());
    let mut summary = if is_open { resume(operations, run, progress).await? } else { Summary::default() };
    let before = run.counts.get(&EntryState::Done).copied().unwrap_or(0);
    let room = |summary: &Summary| plan.max.map(|max| max.saturating_sub(before + summary.done));
    let mut letters = Letters::of(operations, queue_of(run)?, &plan.selection, run);
    let (mut beat, mut stopping) = (Instant::now(), stop.clone());
    'pages: while room(&summary) != Some(0)
        && !*stop.borrow()
        && let Some(page) = letters.next().await?
    {
        let mut page = page.as_slice();
        while !page.is_empty() && room(&summary) != Some(0) {
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => break 'pages,
                () = tokio::time::sleep_until(beat) => {}
            }
            let most = room(&summary).and_then(|room| usize::try_from(room).ok()).unwrap_or(BATCH);
            let (batch, rest) = page.split_at(batch_size(plan.rate).min(most).min(page.len()));
            page = rest;
            if let Some(rate) = plan.rate {
                beat = Instant::now() + Duration::from_secs(1).mul_f64(batch.len() as f64 / f64::from(rate.get()));
            }
            let entries = send(operations, run, batch, plan.force, change).await?;
            summary.count(&entries);
            progress(&entries);
        }
    }
    summary.stopped = *stop.borrow();
    operations.finish(&run.id).await?;
    Ok(summary)
}

async fn send(
    operations: &dyn Operations,
    run: &Run,
    letters: &[Letter],
    force: bool,
    change: &Change<'_>,
) -> Result<Vec<Entry>, OpsError> {
    let (mut items, mut unchanged) = (Vec::new(), Vec::new());
    for letter in letters {
        tokio::task::yield_now().await;
        match change(letter) {
            Ok(body) => items.push(ReplayItem { message_id: letter.message_id.clone(), body }),
            Err(why) => unchanged.push(crate::replay::refused(&letter.message_id, letter.order_id.clone(), why)),
        }
    }
    let mut entries =
        if items.is_empty() { Vec::new() } else { operations.replay(&run.id, &Replay { items, force }).await? };
    entries.extend(unchanged);
    Ok(entries)
}

/// Deletes what was there when the run began; `keep` has each letter in its hands before it is gone.
///
/// # Errors
/// [`OpsError`], or why a letter could not be kept; the run is not finished.
pub async fn purge(
    operations: &dyn Operations,
    run: &Run,
    selection: &Selection,
    keep: &mut (dyn FnMut(&[Letter]) -> Result<(), OpsError> + Send),
    stop: &watch::Receiver<bool>,
    progress: &mut (dyn FnMut(&[Entry]) + Send),
) -> Result<Summary, OpsError> {
    let mut summary = Summary::default();
    let mut letters = Letters::of(operations, queue_of(run)?, selection, run);
    while !*stop.borrow()
        && let Some(page) = letters.next().await?
    {
        keep(&page)?;
        let ids: Vec<String> = page.into_iter().map(|letter| letter.message_id).collect();
        let entries = operations.purge(&run.id, &ids).await?;
        summary.count(&entries);
        progress(&entries);
    }
    summary.stopped = *stop.borrow();
    operations.finish(&run.id).await?;
    Ok(summary)
}

/// So many a call that a limited rate is kept evenly.
fn batch_size(rate: Option<NonZeroU32>) -> usize {
    let per_beat = |rate: NonZeroU32| (rate.get() / BEATS_PER_SECOND).max(1) as usize;
    rate.map_or(BATCH, per_beat).min(BATCH)
}

/// The selected dead letters that were there when a run began, a page at a time.
struct Letters<'o> {
    operations: &'o dyn Operations,
    queue: Queue,
    selection: Selection,
    cursor: Option<String>,
    is_over: bool,
}

impl<'o> Letters<'o> {
    fn of(operations: &'o dyn Operations, queue: Queue, selection: &Selection, run: &Run) -> Self {
        // Both times are the service's own, so that no other clock counts.
        let before = selection.before.map_or(run.at, |before| before.min(run.at));
        let selection = Selection { before: Some(before), ..selection.clone() };
        Self { operations, queue, selection, cursor: None, is_over: false }
    }

    /// Never an empty page.
    async fn next(&mut self) -> Result<Option<Vec<Letter>>, OpsError> {
        while !self.is_over {
            let page = PageRequest { limit: BATCH_LIMIT, cursor: self.cursor.take() };
            let page = self.operations.letters(self.queue, &self.selection, &page).await?;
            self.is_over = page.next.is_none();
            self.cursor = page.next;
            if !page.items.is_empty() {
                return Ok(Some(page.items));
            }
        }
        Ok(None)
    }
}
