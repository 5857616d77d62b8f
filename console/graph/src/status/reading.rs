//! Reads a history, event by event.
//!
//! A *visit* is one stay in a state. Events are put to visits by `previousEventId`, so branches don't mix.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use statemachine::history::Details;
use statemachine::{Definition, EventType, ExecutionStatus, HistoryEvent, StateKind};

use super::{Execution, StateStatus, Status, Taken};
use crate::model::EdgeKind;
use crate::words;

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

    fn set_timeout(&mut self, from: Timestamp) {
        self.times_out = self.timeout.and_then(|seconds| later(from, seconds));
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

pub(super) struct Reading<'d> {
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
    pub(super) fn new(definition: &'d Definition) -> Self {
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

    pub(super) fn read(&mut self, event: &HistoryEvent) {
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
        use EventType::{ActivityStarted, LambdaFunctionStarted, TaskStarted};
        let (timeout, heartbeat) = match (event.kind, &event.details) {
            (_, Some(Details::TaskScheduled(task))) => (task.timeout_in_seconds, task.heartbeat_in_seconds),
            (_, Some(Details::LambdaFunctionScheduled(work) | Details::ActivityScheduled(work))) => {
                (work.timeout_in_seconds, work.heartbeat_in_seconds)
            }
            // A time-out counts from the start, which may be later than the schedule.
            (TaskStarted | LambdaFunctionStarted | ActivityStarted, _) => {
                return self.visits[visit].set_timeout(event.timestamp);
            }
            _ => return self.fail(visit, event),
        };
        self.try_again(visit);
        let visit = &mut self.visits[visit];
        (visit.timeout, visit.heartbeat_seconds) = (timeout, heartbeat);
        visit.set_timeout(event.timestamp);
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

    pub(super) fn finish(self, now: Timestamp) -> Execution {
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
