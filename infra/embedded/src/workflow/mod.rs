//! The workflow on SQLite ([`Workflow`]): the engine's executions, one per order, and the transactions that drive them.
//!
//! An answer, the history it appends, the new state and the next step's message are one transaction. The engine runs
//! before it, outside the writer, on a snapshot; the transaction holds only if the snapshot is still the stored one, else
//! everything is done again on the newer one. So an answer and a timer at the same moment can't corrupt each other.

mod definitions;
mod journal;
mod redrive;
mod store;
mod timers;
mod turn;

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use jiff::Timestamp;
use orders::OrderId;
use orders::message::TaskToken;
use orders::ports::ops::{Change, InStates, Stopped};
use orders::ports::{AnswerError, Clock, ListError, Page, PageRequest, Started, Unavailable, Workflow};
use serde_json::Value;
use statemachine::{Context, Definition, Event, Execution, ExecutionStatus, TaskId, Unexpected};

use crate::clock::{now, timestamp};
use crate::db::Db;
use crate::ops::changes::Feed;
use crate::paging;
use crate::queue::SqliteQueues;
use crate::schema::OpenError;
use crate::seqs::Seqs;
use definitions::Definitions;
pub use definitions::substitute;
use store::{Loaded, Written};
use timers::Timers;
use turn::Turn;
pub(crate) use turn::md5_of;

/// What an execution's name is appended to for its ARN: as AWS forms them, in a region and an account that don't exist.
pub const ARN_PREFIX: &str = "arn:aws:states:embedded:000000000000:execution:order:";

/// A version conflict means that somebody else made progress; this many in a row mean that something is wrong.
const ATTEMPTS: u32 = 32;
/// So many timers fire at once.
const FIRING: usize = 64;
/// So many running executions are looked at to count them by state.
const COUNTED: u32 = 50_000;
/// A timer that could not fire is tried again after so many milliseconds.
const POSTPONED: i64 = 1_000;

/// An execution as it is now (Step Functions: `DescribeExecution`).
#[derive(Debug, Clone)]
pub struct Description {
    /// The order's id.
    pub name: OrderId,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// When something happens by itself: a heartbeat is missed, a time-out, a retry.
    pub next_timer: Option<Timestamp>,
    /// The states it is in; none once it is over.
    pub current_states: Vec<String>,
    /// The error it ended with.
    pub error: Option<String>,
    /// What it runs: the definition it started with.
    pub definition: Arc<Definition>,
}

/// The executions of one file.
pub struct EmbeddedWorkflow {
    db: Db,
    seqs: Seqs,
    queues: Arc<SqliteQueues>,
    clock: Arc<dyn Clock>,
    definitions: Definitions,
    timers: Arc<Timers>,
    feed: Arc<Feed>,
}

/// What an engine call came to.
enum Driven {
    Done,
    /// It had nothing to do; when it will by itself.
    Idle(Option<i64>),
    Missing,
    Refused,
}

impl EmbeddedWorkflow {
    /// Registers the definition (its queue names still to be filled in) and loads the timers. Once per opened file.
    ///
    /// # Errors
    /// [`OpenError`] if the definition is not valid or the file can't be read.
    pub(crate) fn load(
        db: Db,
        seqs: Seqs,
        queues: Arc<SqliteQueues>,
        definition: &str,
        clock: Arc<dyn Clock>,
        feed: Arc<Feed>,
    ) -> Result<Self, OpenError> {
        let definitions = Definitions::register(&db, definition)?;
        let timers = Arc::new(Timers::load(&db)?);
        Ok(Self { db, seqs, queues, clock, definitions, timers, feed })
    }

    /// What new executions run.
    pub fn definition(&self) -> &Arc<Definition> {
        self.definitions.current()
    }

    /// Makes a running execution `ABORTED`, without compensation (Step Functions: `StopExecution`).
    ///
    /// # Errors
    /// [`Unavailable`]: it may have been stopped.
    pub async fn stop(
        &self,
        name: &OrderId,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<Stopped, Unavailable> {
        let stop = |_: &Execution| Some(Event::Stop { error: error.clone(), cause: cause.clone() });
        let Some(seq) = self.seqs.of(name)? else { return Ok(Stopped::Missing) };
        Ok(match self.drive(seq, stop).await? {
            Driven::Done | Driven::Idle(_) => Stopped::Stopped,
            Driven::Refused => Stopped::NotRunning,
            Driven::Missing => Stopped::Missing,
        })
    }

    /// The worker is still at it (Step Functions: `SendTaskHeartbeat`).
    ///
    /// # Errors
    /// As for an answer.
    pub async fn heartbeat(&self, token: &TaskToken) -> Result<(), AnswerError> {
        self.answer(token, Event::Heartbeat).await
    }

    /// The execution as it is now, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub async fn describe(&self, name: &OrderId) -> Result<Option<Description>, Unavailable> {
        let row = self.db.read(|connection| store::described(connection, name))?;
        row.map(|row| self.description(row)).transpose()
    }

    fn description(&self, row: store::Described) -> Result<Description, Unavailable> {
        let last_call = row.last_call.as_deref().map(journal::read).transpose();
        let last_call = last_call.map_err(|error| Unavailable::new("Workflow", error))?.unwrap_or_default();
        let error = last_call.last().and_then(|event| event.failure()?.0.map(str::to_owned));
        let definition = self.definitions.get(&self.db, row.loaded.definition)?;
        let execution = row.loaded.resume(Arc::clone(&definition));
        let states = if row.status == ExecutionStatus::Running {
            execution.current_states().map(str::to_owned).collect()
        } else {
            Vec::new()
        };
        Ok(Description {
            name: row.name,
            status: row.status,
            started_at: row.started_at,
            stopped_at: row.stopped_at,
            next_timer: execution.next_timer(),
            current_states: states,
            error,
            definition,
        })
    }

    /// The text that an execution runs, or with `None` what new ones run; `None` if there is no such execution.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub async fn definition_text(&self, name: Option<&OrderId>) -> Result<Option<String>, Unavailable> {
        let id = match name {
            None => Some(self.definitions.current_id()),
            Some(name) => {
                let Some(seq) = self.seqs.of(name)? else { return Ok(None) };
                self.db.read(|connection| store::load(connection, seq))?.map(|loaded| loaded.definition)
            }
        };
        id.map(|id| definitions::text(&self.db, id)).transpose()
    }

    /// In which states the running executions are.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub async fn in_states(&self) -> Result<InStates, Unavailable> {
        self.db.scan(|connection| store::in_states(connection, COUNTED)).await
    }

    /// Executions, newest first; with `status`, those in it. A page may hold fewer than its limit and still have a next one.
    ///
    /// # Errors
    /// [`ListError`] if the cursor is none of this listing's, or the file can't be read now.
    pub async fn list(
        &self,
        status: Option<ExecutionStatus>,
        page: &PageRequest,
    ) -> Result<Page<Description>, ListError> {
        let before = paging::before(page.cursor.as_deref())?;
        let limit = page.limit.get();
        let rows = self.db.scan(move |connection| store::list(connection, status, before, limit)).await?;
        let items = rows.items.into_iter().map(|row| self.description(row)).collect::<Result<_, _>>()?;
        Ok(Page { items, next: rows.next })
    }

    /// Its history, event by event as Step Functions writes them, oldest first; `None` if there is no such execution.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub async fn history(&self, name: &OrderId) -> Result<Option<Vec<Value>>, Unavailable> {
        let Some(seq) = self.seqs.of(name)? else { return Ok(None) };
        let calls = self.db.scan(move |connection| store::history(connection, seq)).await?;
        let failed = |error: serde_json::Error| Unavailable::new("Workflow", error);
        let Some(calls) = calls else { return Ok(None) };
        let mut events = Vec::new();
        for call in calls {
            for event in journal::read(&call).map_err(failed)? {
                events.push(serde_json::to_value(event).map_err(failed)?);
            }
        }
        Ok(Some(events))
    }

    /// In whole milliseconds, as Step Functions keeps time.
    fn now(&self) -> Timestamp {
        timestamp(now(&*self.clock))
    }

    /// One answer of a worker.
    async fn answer(
        &self,
        token: &TaskToken,
        event: impl Fn(TaskId) -> Event + Send + Sync,
    ) -> Result<(), AnswerError> {
        let (name, _) = statemachine::TaskToken::parse(&token.0).ok_or(AnswerError::InvalidToken)?;
        let token = statemachine::TaskToken::from_text(token.0.clone());
        let answer = |execution: &Execution| execution.task_of(&token).map(&event);
        // One that is no order's, or an order's of another database, was never waited for here.
        let seq = name.parse().ok().map(|name| self.seqs.of(&name)).transpose()?.flatten();
        let Some(seq) = seq else { return Err(AnswerError::Spent) };
        match self.drive(seq, answer).await? {
            Driven::Done | Driven::Idle(_) => Ok(()),
            Driven::Missing | Driven::Refused => Err(AnswerError::Spent),
        }
    }

    /// Loads the execution, lets the engine take the event, and writes what follows; again if somebody was faster.
    async fn drive(
        &self,
        seq: i64,
        event: impl Fn(&Execution) -> Option<Event> + Send + Sync,
    ) -> Result<Driven, Unavailable> {
        for _ in 0..ATTEMPTS {
            let Some(loaded) = self.db.read(|connection| store::load(connection, seq))? else {
                return Ok(Driven::Missing);
            };
            let version = loaded.version;
            let definition = self.definitions.get(&self.db, loaded.definition)?;
            let mut execution = loaded.resume(definition);
            let Some(event) = event(&execution) else { return Ok(Driven::Refused) };
            let now = self.now();
            let effects = match execution.on(event, now) {
                Ok(effects) if effects.is_empty() => {
                    return Ok(Driven::Idle(execution.next_timer().map(Timestamp::as_millisecond)));
                }
                Ok(effects) => effects,
                Err(Unexpected::UnknownTask | Unexpected::Finished) => return Ok(Driven::Refused),
            };
            let turn = Turn::play(&self.queues, &mut execution, effects, now)?;
            match self.write(turn.render(seq, version + 1, &execution)?, self.change(&execution)).await? {
                Written::Saved => return Ok(Driven::Done),
                Written::Conflict => metrics::counter!("orderflow_execution_conflicts_total").increment(1),
            }
        }
        Err(Unavailable::new("Workflow", "the execution is being changed all the time"))
    }

    /// What a watcher is told of this turn, if there is one.
    fn change(&self, execution: &Execution) -> Option<(Arc<Feed>, Change)> {
        self.feed.remembers().then(|| {
            let name = execution.context().execution_name.parse().ok()?;
            let states = execution.current_states().map(str::to_owned).collect();
            let status = crate::ops::executions::status(execution.status());
            Some((Arc::clone(&self.feed), Change::Execution { name, status, states }))
        })?
    }

    async fn write(
        &self,
        rendered: turn::Rendered,
        change: Option<(Arc<Feed>, Change)>,
    ) -> Result<Written, Unavailable> {
        let settle = self.queues.settle_with();
        let timers = Arc::clone(&self.timers);
        let job = move |connection: &rusqlite::Connection| store::save(connection, rendered);
        let settled = move |result: Result<Option<turn::Rendered>, Unavailable>| {
            let Some(saved) = result? else { return Ok(Written::Conflict) };
            timers.set(saved.seq, saved.next_timer);
            saved.messages.into_iter().for_each(|message| settle.put(message));
            if let Some((feed, change)) = change {
                feed.push(change);
            }
            if let Some(status) = saved.finished {
                metrics::counter!("orderflow_executions_total", "status" => status).increment(1);
            }
            Ok(Written::Saved)
        };
        self.db.write_then(job, settled).await
    }

    /// Fires what is due now.
    pub async fn fire_due(&self) {
        let now = now(&*self.clock);
        let fire = |(seq, at): (i64, i64)| async move {
            match self.drive(seq, |_| Some(Event::TimerFired)).await {
                // The write has set the next one.
                Ok(Driven::Done) => {}
                Ok(Driven::Idle(next)) => self.timers.idle(seq, at, next),
                Ok(Driven::Missing | Driven::Refused) => self.timers.idle(seq, at, None),
                Err(error) => {
                    tracing::warn!(cause = %error.cause, "a timer could not fire and is postponed");
                    self.timers.postpone(seq, now + POSTPONED);
                }
            }
        };
        futures::stream::iter(self.timers.due(now)).for_each_concurrent(FIRING, fire).await;
    }

    /// When the next timer is due.
    pub(crate) fn next_timer(&self) -> Option<i64> {
        self.timers.next()
    }

    /// Told when a timer was set that is earlier than all others.
    pub(crate) async fn timer_changed(&self) {
        self.timers.changed().notified().await;
    }

    /// How many executions wait for a time.
    pub fn timers(&self) -> usize {
        self.timers.len()
    }
}

#[async_trait]
impl Workflow for EmbeddedWorkflow {
    async fn start(&self, name: &OrderId, input: &Value) -> Result<Started, Unavailable> {
        let Some(seq) = self.seqs.of(name)? else {
            return Err(Unavailable::new("Workflow", "there is no order of that name, and so nothing to execute"));
        };
        if self.db.read(|connection| store::exists(connection, seq))? {
            return Ok(Started::AlreadyExists);
        }
        let seed = getrandom::u64().map_err(|error| Unavailable::new("Workflow", error))?;
        let now = self.now();
        let definition = Arc::clone(self.definitions.current());
        let (mut execution, effects) = Execution::start(definition, context(name), input.clone(), seed, now);
        let turn = Turn::play(&self.queues, &mut execution, effects, now)?;
        let mut rendered = turn.render(seq, store::FIRST_VERSION, &execution)?;
        rendered.starts = Some(self.definitions.current_id());
        Ok(match self.write(rendered, self.change(&execution)).await? {
            Written::Saved => Started::Started,
            Written::Conflict => Started::AlreadyExists,
        })
    }

    async fn succeed(&self, token: &TaskToken, output: &Value) -> Result<(), AnswerError> {
        self.answer(token, |task| Event::TaskSucceeded { task, output: output.clone() }).await
    }

    async fn fail(&self, token: &TaskToken, error: &str, cause: &str) -> Result<(), AnswerError> {
        let (error, cause) = (cut(error, 256), cut(cause, 32_768));
        let failed = |task| Event::TaskFailed { task, error: Some(error.clone()), cause: Some(cause.clone()) };
        self.answer(token, failed).await
    }
}

/// The first characters of a text: what `SendTaskFailure` takes.
fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

fn context(name: &OrderId) -> Context {
    Context {
        execution_arn: format!("{ARN_PREFIX}{name}"),
        execution_name: name.to_string(),
        role_arn: "arn:aws:iam::000000000000:role/order".to_owned(),
        state_machine_arn: "arn:aws:states:embedded:000000000000:stateMachine:order".to_owned(),
        state_machine_name: "order".to_owned(),
    }
}

impl Loaded {
    fn resume(self, definition: Arc<Definition>) -> Execution {
        Execution::resume(definition, self.snapshot)
    }
}

#[cfg(test)]
mod tests;
