//! What became of each state in one execution, read from its history. Pure, and never in doubt: a history that is cut off,
//! unordered or of another definition gives what can be known from it.
//!
//! A *visit* is one stay in a state. Events are put to visits by `previousEventId`, so branches don't mix.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use statemachine::history::Details;
use statemachine::{Definition, EventType, ExecutionStatus, HistoryEvent, StateKind};

use crate::model::EdgeKind;
use crate::words;

/// How a state stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not entered.
    #[default]
    Pending,
    /// Under way.
    Running,
    /// Its last try failed, and it waits for the next.
    Retrying,
    /// Done.
    Succeeded,
    /// It failed, and a `Catch` took over.
    Caught,
    /// It failed, and the execution or the branch with it.
    Failed,
    /// It took longer than it may, and nothing caught that.
    TimedOut,
    /// It was under way when the execution, or the branches around it, ended.
    Aborted,
}

impl Status {
    /// All of them, from the most to the least usual.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Retrying,
        Self::Succeeded,
        Self::Caught,
        Self::Failed,
        Self::TimedOut,
        Self::Aborted,
    ];

    /// The word for it in attributes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Caught => "caught",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Aborted => "aborted",
        }
    }
}

/// An execution, state by state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Execution {
    /// The status of the whole.
    pub status: ExecutionStatus,
    /// When it started, if the history says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The error that it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What time is counted up to.
    pub as_of: Timestamp,
    /// The answer at a glance: how it stands, where it failed, why.
    pub text: String,
    /// Every state of the definition by its name.
    pub states: BTreeMap<String, StateStatus>,
    /// The transitions that were taken.
    pub taken: Vec<Taken>,
}

/// How a state stands, and what it took to get there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StateStatus {
    /// How it stands: that of its last visit.
    pub status: Status,
    /// The same for people, with the error and the time spent.
    pub text: String,
    /// How often it was entered.
    pub visits: u32,
    /// How often its task was scheduled, or its branches started, in the last visit.
    pub attempts: u32,
    /// When the last visit began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entered: Option<Timestamp>,
    /// When the last visit ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Timestamp>,
    /// In all visits, in milliseconds; a visit that goes on counts until now.
    pub spent_ms: i64,
    /// The name of the last error of the last visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The history event that tells of this error and its cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_event: Option<u64>,
    /// When the open task times out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times_out: Option<Timestamp>,
    /// The longest time in seconds between two heartbeats of the open task. Heartbeats are no history events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_seconds: Option<u64>,
}

/// A transition that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The state that was left; none for the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The state that was entered; none for the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What took it.
    pub kind: EdgeKind,
    /// How often.
    pub times: u32,
}

/// Reads the history of an execution of this definition, as far as it goes; `now` is what time is counted up to.
pub fn statuses(definition: &Definition, events: &[HistoryEvent], now: Timestamp) -> Execution {
    let mut reading = Reading::new(definition);
    events.iter().for_each(|event| reading.read(event));
    reading.finish(now)
}

/// A history as `GetExecutionHistory` returns it, with times as RFC 3339 text, without the events that the engine has no
/// word for.
pub fn events(history: impl IntoIterator<Item = Value>) -> Vec<HistoryEvent> {
    history.into_iter().filter_map(|event| serde_json::from_value(event).ok()).collect()
}

/// One stay in a state.
#[derive(Default)]
struct Visit {
    state: String,
    /// The visit of the `Parallel` or `Map` around it.
    parent: Option<usize>,
    entered: Timestamp,
    left: Option<Timestamp>,
    /// Set when it is over.
    outcome: Option<Status>,
    attempts: u32,
    /// Whether the last thing that happened was a failure.
    failing: bool,
    timed_out: bool,
    error: Option<String>,
    error_event: Option<u64>,
    timeout: Option<u64>,
    times_out: Option<Timestamp>,
    heartbeat_seconds: Option<u64>,
}

impl Visit {
    fn new(state: &str, parent: Option<usize>, entered: Timestamp) -> Self {
        Self { state: state.to_owned(), parent, entered, ..Self::default() }
    }

    const fn is_open(&self) -> bool {
        self.outcome.is_none()
    }

    fn close(&mut self, outcome: Status, at: Timestamp) {
        if self.is_open() {
            (self.outcome, self.left) = (Some(outcome), Some(at));
        }
    }

    const fn failed(&self) -> Status {
        if self.timed_out { Status::TimedOut } else { Status::Failed }
    }
}

struct Reading<'d> {
    definition: &'d Definition,
    status: ExecutionStatus,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    error: Option<String>,
    visits: Vec<Visit>,
    /// Which visit an event belongs to.
    visit_of: HashMap<u64, usize>,
    taken: Vec<Taken>,
}

impl<'d> Reading<'d> {
    fn new(definition: &'d Definition) -> Self {
        Self {
            definition,
            status: ExecutionStatus::Running,
            started: None,
            ended: None,
            error: None,
            visits: Vec::new(),
            visit_of: HashMap::new(),
            taken: Vec::new(),
        }
    }

    fn read(&mut self, event: &HistoryEvent) {
        use EventType as T;
        let at = event.timestamp;
        let previous = self.visit_of.get(&event.previous_event_id).copied();
        let visit = match (event.kind, &event.details) {
            (_, Some(Details::StateEntered(details))) => Some(self.enter(&details.name, previous, event)),
            (_, Some(Details::StateExited(details))) => self.exit(&details.name, previous, at),
            (T::ExecutionStarted, _) => {
                self.started = Some(at);
                None
            }
            (T::ExecutionSucceeded, _) => {
                self.take_end(previous);
                self.end(ExecutionStatus::Succeeded, Status::Succeeded, event)
            }
            (T::ExecutionFailed, _) => {
                self.fail_around(previous, None, at);
                self.end(ExecutionStatus::Failed, Status::Aborted, event)
            }
            (T::ExecutionAborted, _) => self.end(ExecutionStatus::Aborted, Status::Aborted, event),
            (T::ExecutionTimedOut, _) => self.end(ExecutionStatus::TimedOut, Status::TimedOut, event),
            (T::ExecutionRedriven, _) => self.redrive(at),
            (T::ParallelStateStarted, _) => self.open_box(previous, false).inspect(|it| self.try_again(*it)),
            (T::ParallelStateSucceeded, _) => self.open_box(previous, true),
            (T::ParallelStateFailed, _) => self.open_box(previous, true).inspect(|it| {
                self.fail_around(previous, Some(*it), at);
                self.abort_within(*it, at);
                self.fail(*it, event);
            }),
            _ => previous.inspect(|it| self.note(*it, event)),
        };
        if let Some(visit) = visit {
            self.visit_of.insert(event.id, visit);
        }
    }

    fn enter(&mut self, name: &str, previous: Option<usize>, event: &HistoryEvent) -> usize {
        let parent = match previous {
            Some(before) if self.visits[before].is_open() && self.is_box(before) => Some(before),
            Some(before) => {
                // Only a history with holes has it open still.
                self.visits[before].close(Status::Succeeded, event.timestamp);
                self.take_between(before, name);
                self.visits[before].parent
            }
            None => {
                if name == self.definition.start_at() {
                    self.take(None, Some(name), EdgeKind::Start);
                }
                None
            }
        };
        let mut visit = Visit::new(name, parent, event.timestamp);
        if event.kind == EventType::FailStateEntered {
            visit.close(Status::Failed, event.timestamp);
        }
        self.visits.push(visit);
        self.visits.len() - 1
    }

    fn exit(&mut self, name: &str, previous: Option<usize>, at: Timestamp) -> Option<usize> {
        let around = self.around(previous).find(|visit| self.visits[*visit].state == name);
        let by_name = || self.visits.iter().rposition(|visit| visit.state == name && visit.is_open());
        let visit = around.or_else(by_name)?;
        let outcome = if self.visits[visit].failing { Status::Caught } else { Status::Succeeded };
        self.visits[visit].close(outcome, at);
        Some(visit)
    }

    /// A task was scheduled, started or failed, or something else that changes nothing.
    fn note(&mut self, visit: usize, event: &HistoryEvent) {
        let (timeout, heartbeat) = match &event.details {
            Some(Details::TaskScheduled(details)) => (details.timeout_in_seconds, details.heartbeat_in_seconds),
            Some(Details::LambdaFunctionScheduled(details) | Details::ActivityScheduled(details)) => {
                (details.timeout_in_seconds, details.heartbeat_in_seconds)
            }
            _ => {
                let visit_now = &mut self.visits[visit];
                if matches!(
                    event.kind,
                    EventType::TaskStarted | EventType::LambdaFunctionStarted | EventType::ActivityStarted
                ) {
                    // A time-out counts from the start, which may be later than the schedule.
                    visit_now.times_out = visit_now.timeout.and_then(|seconds| later(event.timestamp, seconds));
                }
                return self.fail(visit, event);
            }
        };
        self.try_again(visit);
        let visit = &mut self.visits[visit];
        (visit.timeout, visit.heartbeat_seconds) = (timeout, heartbeat);
        visit.times_out = timeout.and_then(|seconds| later(event.timestamp, seconds));
    }

    fn try_again(&mut self, visit: usize) {
        let visit = &mut self.visits[visit];
        visit.attempts = visit.attempts.saturating_add(1);
        (visit.failing, visit.timed_out) = (false, false);
    }

    fn fail(&mut self, visit: usize, event: &HistoryEvent) {
        use EventType::{ActivityTimedOut, LambdaFunctionTimedOut, ParallelStateFailed, TaskTimedOut};
        let failure = event.failure();
        if failure.is_none() && event.kind != ParallelStateFailed {
            return;
        }
        // A Parallel's failure is that of the branch that failed.
        let inherited = self.visits.iter().rfind(|it| it.parent == Some(visit) && it.error.is_some());
        let inherited = inherited.map(|it| (it.error.clone(), it.error_event));
        let visit = &mut self.visits[visit];
        visit.failing = true;
        visit.timed_out = matches!(event.kind, TaskTimedOut | LambdaFunctionTimedOut | ActivityTimedOut);
        (visit.times_out, visit.heartbeat_seconds) = (None, None);
        (visit.error, visit.error_event) = match failure {
            Some((error, _)) => (error.map(str::to_owned), Some(event.id)),
            None => inherited.unwrap_or((None, Some(event.id))),
        };
    }

    /// What was under way from a visit outwards, up to a box or to the top, has failed.
    fn fail_around(&mut self, visit: Option<usize>, until: Option<usize>, at: Timestamp) {
        let failed: Vec<usize> = self.around(visit).take_while(|visit| Some(*visit) != until).collect();
        for visit in failed {
            let outcome = self.visits[visit].failed();
            self.visits[visit].close(outcome, at);
        }
    }

    fn abort_within(&mut self, outer: usize, at: Timestamp) {
        // A visit is always after the one around it, so one pass sees every depth.
        let mut within = vec![false; self.visits.len()];
        within[outer] = true;
        for visit in outer + 1..self.visits.len() {
            if self.visits[visit].parent.is_some_and(|parent| within[parent]) {
                within[visit] = true;
                self.visits[visit].close(Status::Aborted, at);
            }
        }
    }

    fn end(&mut self, status: ExecutionStatus, open: Status, event: &HistoryEvent) -> Option<usize> {
        (self.status, self.ended) = (status, Some(event.timestamp));
        self.error = event.failure().and_then(|(error, _)| error.map(str::to_owned));
        self.visits.iter_mut().for_each(|visit| visit.close(open, event.timestamp));
        // A Fail state's error is known only now.
        let failed = self.visits.iter_mut().rfind(|visit| visit.outcome == Some(Status::Failed));
        if let Some(last) = failed.filter(|visit| visit.error.is_none()) {
            (last.error, last.error_event) = (self.error.clone(), Some(event.id));
        }
        None
    }

    /// The state that did not succeed is visited anew, though no event says that it is entered.
    fn redrive(&mut self, at: Timestamp) -> Option<usize> {
        (self.status, self.ended, self.error) = (ExecutionStatus::Running, None, None);
        let last = self.visits.iter().rfind(|visit| visit.parent.is_none())?.state.clone();
        self.visits.push(Visit::new(&last, None, at));
        Some(self.visits.len() - 1)
    }

    /// A visit and those around it, from the inside out.
    fn around(&self, visit: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(visit, |visit| self.visits[*visit].parent)
    }

    /// The `Parallel` that an event is about, when `visit` is where the event before it belongs.
    fn open_box(&self, visit: Option<usize>, ends: bool) -> Option<usize> {
        self.around(visit).find(|visit| {
            let failed_before = ends && self.visits[*visit].failing;
            self.is_box(*visit) && self.visits[*visit].is_open() && !failed_before
        })
    }

    fn is_box(&self, visit: usize) -> bool {
        let state = self.definition.state_named(&self.visits[visit].state);
        state.is_some_and(|state| !state.branches().is_empty())
    }

    fn take_between(&mut self, from: usize, to: &str) {
        let visit = &mut self.visits[from];
        let caught = visit.outcome == Some(Status::Caught);
        let Some(state) = self.definition.state_named(&visit.state) else { return };
        let ways = state.transitions().into_iter().filter(|transition| transition.to == to);
        let way = ways
            .map(|transition| EdgeKind::of(&transition.kind))
            .min_by_key(|kind| (*kind == EdgeKind::Catch) != caught);
        let Some(kind) = way else { return };
        // A state can fail without an event of its own, in its paths; then only the way tells of it.
        if kind == EdgeKind::Catch {
            visit.outcome = Some(Status::Caught);
        }
        self.take(Some(state.name()), Some(to), kind);
    }

    fn take_end(&mut self, last: Option<usize>) {
        let Some(state) = last.and_then(|visit| self.definition.state_named(&self.visits[visit].state)) else { return };
        if state.is_end() && !matches!(state.kind(), StateKind::Succeed | StateKind::Fail) {
            self.take(Some(state.name()), None, EdgeKind::End);
        }
    }

    fn take(&mut self, from: Option<&str>, to: Option<&str>, kind: EdgeKind) {
        let same = |it: &&mut Taken| it.kind == kind && it.from.as_deref() == from && it.to.as_deref() == to;
        match self.taken.iter_mut().find(same) {
            Some(taken) => taken.times = taken.times.saturating_add(1),
            None => self.taken.push(Taken { from: from.map(str::to_owned), to: to.map(str::to_owned), kind, times: 1 }),
        }
    }

    fn finish(self, now: Timestamp) -> Execution {
        let mut states = BTreeMap::new();
        every_state(self.definition, &mut |name| {
            states.insert(name.to_owned(), StateStatus::default());
        });
        for visit in &self.visits {
            if let Some(state) = states.get_mut(&visit.state) {
                state.add(visit, now);
            }
        }
        for state in states.values_mut() {
            state.text = words::status_line(state);
        }
        let mut execution = Execution {
            status: self.status,
            started: self.started,
            ended: self.ended,
            error: self.error,
            as_of: now,
            text: String::new(),
            states,
            taken: self.taken,
        };
        let culprit =
            self.visits.iter().rfind(|visit| matches!(visit.outcome, Some(Status::Failed | Status::TimedOut)));
        execution.text = words::execution_line(&execution, culprit.map(|visit| visit.state.as_str()), now);
        execution
    }
}

impl StateStatus {
    fn add(&mut self, visit: &Visit, now: Timestamp) {
        let open = if visit.failing { Status::Retrying } else { Status::Running };
        let spent = visit.left.unwrap_or(now).as_millisecond().saturating_sub(visit.entered.as_millisecond());
        *self = Self {
            status: visit.outcome.unwrap_or(open),
            text: String::new(),
            visits: self.visits.saturating_add(1),
            attempts: visit.attempts,
            entered: Some(visit.entered),
            left: visit.left,
            spent_ms: self.spent_ms.saturating_add(spent.max(0)),
            error: visit.error.clone(),
            error_event: visit.error_event,
            times_out: visit.times_out.filter(|_| visit.is_open()),
            heartbeat_seconds: visit.heartbeat_seconds.filter(|_| visit.is_open()),
        };
    }
}

fn later(from: Timestamp, seconds: u64) -> Option<Timestamp> {
    from.checked_add(jiff::SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok()
}

fn every_state(definition: &Definition, found: &mut impl FnMut(&str)) {
    let mut open: Vec<_> = definition.states().collect();
    while let Some(state) = open.pop() {
        found(state.name());
        open.extend(state.branches().iter().flat_map(|branch| branch.states().collect::<Vec<_>>()));
    }
}
