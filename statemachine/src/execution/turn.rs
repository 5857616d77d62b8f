//! One turn of an execution: from an event to the effects it has.
//!
//! States follow each other in a loop, not by recursion, so a workflow can go round for as long as its history may grow.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use super::timers::{self, Due};
use super::{Flow, FlowId, Waiting};
use crate::budget::Budget;
use crate::context::ContextObject;
use crate::definition::{Definition, Kind, Next, State, StateIndex};
use crate::document::{Document, Excess};
use crate::effect::{Effect, Event, ExecutionStatus, Outcome, Unexpected};
use crate::failure::Failure;
use crate::history::{
    DataDetails, Details, ErrorAndCause, EventType, ExecutionRedriven, ExecutionStarted, HistoryEvent, Output,
    StateEntered, StateExited,
};
use crate::limits::{MAX_BRANCHES_BYTES, MAX_HISTORY_EVENTS};
use crate::path::Problem;
use crate::snapshot::Snapshot;
use crate::token::{TaskId, TaskToken};

/// What an event costs beside its data.
const EVENT_COST: usize = 128;

/// The execution is over: nothing more may happen in this turn.
#[derive(Debug)]
pub(crate) struct Over;

/// What a flow does next.
pub(crate) enum Then {
    /// It waits, or its branches go on.
    Rest,
    Enter(StateIndex, Document),
    /// Its state is done and gave this, after `OutputPath`.
    Exit(Document, Next),
    Fail(Failure),
}

pub(crate) struct Turn<'t> {
    pub(crate) definition: &'t Definition,
    pub(crate) run: &'t mut Snapshot,
    pub(crate) now: Timestamp,
    pub(crate) effects: Vec<Effect>,
    /// What is left of what this turn may do.
    pub(crate) budget: Budget,
    /// Flows that can go on, and how: branches that are about to begin.
    pub(crate) ready: VecDeque<(FlowId, Then)>,
}

impl<'t> Turn<'t> {
    pub(crate) fn new(definition: &'t Definition, run: &'t mut Snapshot, now: Timestamp) -> Self {
        Self { definition, run, now, effects: Vec::new(), budget: Budget::new(), ready: VecDeque::new() }
    }

    /// The first turn.
    pub(crate) fn begin(&mut self, input: Document) {
        let started = ExecutionStarted {
            input: input.text(),
            input_details: DataDetails::default(),
            role_arn: self.run.context.role_arn.clone(),
        };
        let start = self.definition.machine(self.definition.root()).start;
        if self.append(0, EventType::ExecutionStarted, Some(Details::ExecutionStarted(started))).is_err() {
            return;
        }
        if let Some(excess) = input.excess() {
            let failure = Failure::payload_too_large(&self.run.context.state_machine_name, excess);
            self.fail_execution(self.run.last_event, failure);
            return;
        }
        // AWS lets the first state follow no event.
        self.spawn(FlowId::ROOT, None, start, &input, 0);
        self.ready.push_back((FlowId::ROOT, Then::Enter(start, input)));
        self.drive();
    }

    /// The first turn after an end that was no success. Nothing is left of the flows there were.
    pub(crate) fn redrive(&mut self, state: StateIndex, input: &Document, count: u32) {
        let details = Details::ExecutionRedriven(ExecutionRedriven { redrive_count: count });
        let Ok(event) = self.append(self.run.last_event, EventType::ExecutionRedriven, Some(details)) else { return };
        self.spawn(FlowId::ROOT, None, state, input, event);
        self.flow_mut(FlowId::ROOT).entered_event = event;
        if self.run_again(FlowId::ROOT).is_ok() {
            self.drive();
        }
    }

    /// Takes one event.
    pub(crate) fn take(&mut self, event: Event) -> Result<(), Unexpected> {
        if let Some(unknown) = self.run.flows.iter().find(|flow| self.definition.find(&flow.state).is_none()) {
            let cause = format!("The definition that the execution was resumed with has no state '{}'.", unknown.state);
            self.fail_execution(self.run.last_event, Failure::runtime(cause));
            return Ok(());
        }
        match event {
            Event::TimerFired => self.timers_fired(),
            Event::Stop { error, cause } => {
                self.end(0, EventType::ExecutionAborted, ExecutionStatus::Aborted, error, cause)
            }
            event => self.task_event(event)?,
        }
        self.drive();
        Ok(())
    }

    /// The effects, closed by what became of the timer.
    pub(crate) fn finish(mut self, before: Option<Timestamp>) -> Vec<Effect> {
        let after = timers::earliest(self.run);
        let change = match (before, after) {
            (before, Some(at)) if before != Some(at) => Some(Effect::SetTimer(at)),
            (Some(_), None) => Some(Effect::ClearTimer),
            _ => None,
        };
        if let Some(change) = change {
            // `Finish` stays the last.
            let end = matches!(self.effects.last(), Some(Effect::Finish(_)));
            let at = self.effects.len() - usize::from(end);
            self.effects.insert(at, change);
        }
        self.effects
    }

    /// Runs everything that can go on.
    pub(crate) fn drive(&mut self) {
        while let Some((flow, then)) = self.ready.pop_front() {
            // A branch may have been given up since it was made ready.
            if self.run.flows.iter().any(|other| other.id == flow) && self.follow(flow, then).is_err() {
                self.ready.clear();
            }
        }
    }

    /// Runs one flow, and those it hands over to, until it rests.
    fn follow(&mut self, mut id: FlowId, mut then: Then) -> Result<(), Over> {
        loop {
            then = match then {
                Then::Rest => return Ok(()),
                Then::Enter(state, input) => self.enter(id, state, input)?,
                Then::Exit(output, next) => {
                    if let Some(excess) = output.excess() {
                        Then::Fail(Failure::payload_too_large(&self.flow(id).state, excess))
                    } else {
                        self.exit(id, &output)?;
                        match next {
                            Next::State(state) => Then::Enter(state, output),
                            Next::End => match self.flow(id).parent {
                                None => return self.succeed(id, output),
                                Some(parent) => {
                                    let (flow, then) = self.branch_done(id, parent, output)?;
                                    id = flow;
                                    then
                                }
                            },
                        }
                    }
                }
                Then::Fail(failure) => match self.recover(id, failure)? {
                    Ok(then) => then,
                    Err(failure) => match self.flow(id).parent {
                        None => {
                            self.fail_execution(self.flow(id).last_event, failure);
                            return Err(Over);
                        }
                        Some((parent, _)) => {
                            self.branch_failed(id, parent);
                            id = parent;
                            Then::Fail(failure)
                        }
                    },
                },
            };
        }
    }

    fn enter(&mut self, id: FlowId, index: StateIndex, input: Document) -> Result<Then, Over> {
        let state = self.definition.state(index);
        let details =
            StateEntered { name: Arc::clone(&state.name), input: input.text(), input_details: DataDetails::default() };
        let event =
            self.append(self.flow(id).last_event, entered(&state.kind), Some(Details::StateEntered(details)))?;
        let now = self.now;
        let flow = self.flow_mut(id);
        flow.state = Arc::clone(&state.name);
        flow.entered_event = event;
        flow.entered = now;
        flow.input = input;
        flow.last_event = event;
        flow.retries.clear();
        flow.waiting = Waiting::Nothing;
        if self.branches_hold_too_much() {
            return Ok(Then::Fail(Failure::payload_too_large(&state.name, Excess::Branches)));
        }
        self.run_state(id, state)
    }

    /// Whether all flows together hold more than branches may: what each was given, and what those that are over gave.
    pub(crate) fn branches_hold_too_much(&self) -> bool {
        let held = |flow: &Flow| {
            let results: usize = match &flow.waiting {
                Waiting::Branches(results) => results.iter().flatten().map(|(result,)| result.text().len()).sum(),
                Waiting::Nothing | Waiting::Task(_) | Waiting::Until(_) | Waiting::Retry(_) => 0,
            };
            flow.input.text().len() + results
        };
        self.run.flows.len() > 1 && self.run.flows.iter().map(held).sum::<usize>() > MAX_BRANCHES_BYTES
    }

    /// Does what a state does; also again, when it is retried.
    pub(crate) fn run_state(&mut self, id: FlowId, state: &'t State) -> Result<Then, Over> {
        let done = match &state.kind {
            Kind::Pass { result } => self.pass(id, state, result.as_ref()),
            Kind::Succeed => self.select_and_exit(id, state, Next::End),
            Kind::Fail { error, cause } => self.fail_state(id, error.as_ref(), cause.as_ref()),
            Kind::Choice { rules, default } => self.choose(id, state, rules, *default),
            Kind::Wait(until) => self.wait(id, state, until),
            Kind::Task(task) => return self.schedule(id, state, task),
            Kind::Parallel { branches } => return self.fork(id, state, branches),
        };
        Ok(done.unwrap_or_else(Then::Fail))
    }

    /// Runs a flow's state from its beginning.
    fn run_again(&mut self, id: FlowId) -> Result<(), Over> {
        let state = self.state_of(id);
        self.flow_mut(id).waiting = Waiting::Nothing;
        let then = self.run_state(id, state)?;
        self.ready.push_back((id, then));
        Ok(())
    }

    fn exit(&mut self, id: FlowId, output: &Document) -> Result<(), Over> {
        let state = self.state_of(id);
        let Some(kind) = exited(&state.kind) else { return Ok(()) };
        let details = StateExited {
            name: Arc::clone(&state.name),
            output: output.text(),
            output_details: DataDetails::default(),
        };
        let event = self.append(self.flow(id).last_event, kind, Some(Details::StateExited(details)))?;
        self.flow_mut(id).last_event = event;
        Ok(())
    }

    fn succeed(&mut self, id: FlowId, output: Document) -> Result<(), Over> {
        let details = Output { output: output.text(), output_details: DataDetails::default() };
        let previous = self.flow(id).last_event;
        self.push(previous, EventType::ExecutionSucceeded, Some(Details::ExecutionSucceeded(details)));
        self.close(ExecutionStatus::Succeeded);
        self.effects.push(Effect::Finish(Outcome {
            status: ExecutionStatus::Succeeded,
            output: Some(output.into_value()),
            error: None,
            cause: None,
        }));
        Err(Over)
    }

    pub(crate) fn fail_execution(&mut self, previous: u64, failure: Failure) {
        self.end(previous, EventType::ExecutionFailed, ExecutionStatus::Failed, failure.error, failure.cause);
    }

    /// Ends the execution in any way but success.
    fn end(
        &mut self,
        previous: u64,
        kind: EventType,
        status: ExecutionStatus,
        error: Option<String>,
        cause: Option<String>,
    ) {
        let why = ErrorAndCause { error: error.clone(), cause: cause.clone() };
        let details = match status {
            ExecutionStatus::Aborted => Details::ExecutionAborted(why),
            ExecutionStatus::TimedOut => Details::ExecutionTimedOut(why),
            _ => Details::ExecutionFailed(why),
        };
        self.push(previous, kind, Some(details));
        self.close(status);
        self.effects.push(Effect::Finish(Outcome { status, output: None, error, cause }));
    }

    fn close(&mut self, status: ExecutionStatus) {
        self.run.status = status;
        self.run.flows.clear();
        self.run.input = None;
        self.run.times_out = None;
        self.ready.clear();
    }

    /// Everything that is due by now, in the order of its time.
    fn timers_fired(&mut self) {
        while let Some((at, due)) = timers::next(self.run) {
            if at > self.now {
                return;
            }
            match due {
                Due::ExecutionTimeout => {
                    self.end(0, EventType::ExecutionTimedOut, ExecutionStatus::TimedOut, None, None);
                }
                Due::WaitOver(flow) => {
                    let state = self.state_of(flow);
                    self.flow_mut(flow).waiting = Waiting::Nothing;
                    let then = self.select_and_exit(flow, state, state.next).unwrap_or_else(Then::Fail);
                    self.ready.push_back((flow, then));
                }
                Due::Retry(flow) => {
                    if self.run_again(flow).is_err() {
                        return;
                    }
                }
                Due::TaskTimeout(flow) => self.task_timed_out(flow, Failure::timeout()),
                Due::MissedHeartbeat(flow) => self.task_timed_out(flow, Failure::missed_heartbeat()),
            }
            self.drive();
        }
    }

    /// Adds an event to the history. The last one that there is room for can only end the execution.
    pub(crate) fn append(&mut self, previous: u64, kind: EventType, details: Option<Details>) -> Result<u64, Over> {
        if self.run.last_event + 1 >= MAX_HISTORY_EVENTS {
            let cause = format!("The execution reached the maximum number of history events ({MAX_HISTORY_EVENTS}).");
            self.fail_execution(self.run.last_event, Failure::runtime(cause));
            return Err(Over);
        }
        if self.budget.spend(EVENT_COST + details.as_ref().map_or(0, Details::data_len)).is_err() {
            self.fail_execution(self.run.last_event, Failure::too_much_at_once());
            return Err(Over);
        }
        Ok(self.push(previous, kind, details))
    }

    fn push(&mut self, previous_event_id: u64, kind: EventType, details: Option<Details>) -> u64 {
        self.run.last_event += 1;
        let id = self.run.last_event;
        self.effects.push(Effect::Append(HistoryEvent { timestamp: self.now, kind, id, previous_event_id, details }));
        id
    }

    pub(crate) fn spawn(
        &mut self,
        id: FlowId,
        parent: Option<(FlowId, usize)>,
        start: StateIndex,
        input: &Document,
        last_event: u64,
    ) {
        self.run.flows.push(Flow {
            id,
            parent,
            state: Arc::clone(&self.definition.state(start).name),
            entered_event: 0,
            entered: self.now,
            input: input.clone(),
            last_event,
            retries: Vec::new(),
            waiting: Waiting::Nothing,
        });
    }

    /// Flows are only named by ids that were just found or spawned.
    pub(crate) fn flow(&self, id: FlowId) -> &Flow {
        self.run
            .flows
            .iter()
            .find(|flow| flow.id == id)
            .expect("a flow is removed only together with every mention of it")
    }

    pub(crate) fn flow_mut(&mut self, id: FlowId) -> &mut Flow {
        self.run
            .flows
            .iter_mut()
            .find(|flow| flow.id == id)
            .expect("a flow is removed only together with every mention of it")
    }

    pub(crate) fn state_of(&self, id: FlowId) -> &'t State {
        let index =
            self.definition.find(&self.flow(id).state).expect("take() refuses flows in states that are not there");
        self.definition.state(index)
    }

    /// Runs `read` with the context object as a flow sees it.
    pub(crate) fn with_context<T>(
        &self,
        id: FlowId,
        token: Option<&TaskToken>,
        read: impl FnOnce(&ContextObject<'_>) -> T,
    ) -> T {
        let flow = self.flow(id);
        read(&ContextObject {
            context: &self.run.context,
            started: self.run.started,
            redriven: self.run.redriven,
            input: self.run.input.as_ref().map(|(input,)| input.value()),
            state: &flow.state,
            entered: flow.entered,
            retry_count: self.state_of(id).can_be_retried().then(|| flow.retry_count()),
            token,
            budget: &self.budget,
        })
    }

    /// Pays for what a state is about to do.
    pub(crate) fn spend(&self, id: FlowId, bytes: usize) -> Result<(), Failure> {
        self.budget.spend(bytes).map_err(|spent| self.failure(id, spent.into()))
    }

    /// The failure that a problem with a state's data is.
    pub(crate) fn failure(&self, id: FlowId, problem: Problem) -> Failure {
        match problem {
            Problem::Words(words) => self.runtime_failure(id, &words),
            Problem::TooLarge(excess) => Failure::payload_too_large(&self.flow(id).state, excess),
            Problem::Spent => Failure::too_much_at_once(),
        }
    }

    /// A fault of the workflow itself, in AWS's words.
    pub(crate) fn runtime_failure(&self, id: FlowId, problem: &str) -> Failure {
        let flow = self.flow(id);
        Failure::runtime(format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {problem}",
            flow.state, flow.entered_event
        ))
    }

    pub(crate) fn new_task(&mut self) -> (TaskId, TaskToken) {
        self.run.last_task += 1;
        let id = TaskId::new(self.run.last_task);
        let nonce = self.run.randomness.nonce(id.get());
        (id, TaskToken::new(&self.run.context.execution_name, id, &nonce))
    }
}

fn entered(kind: &Kind) -> EventType {
    match kind {
        Kind::Pass { .. } => EventType::PassStateEntered,
        Kind::Task(_) => EventType::TaskStateEntered,
        Kind::Choice { .. } => EventType::ChoiceStateEntered,
        Kind::Wait(_) => EventType::WaitStateEntered,
        Kind::Succeed => EventType::SucceedStateEntered,
        Kind::Fail { .. } => EventType::FailStateEntered,
        Kind::Parallel { .. } => EventType::ParallelStateEntered,
    }
}

/// `None` for `Fail`, which nobody leaves.
fn exited(kind: &Kind) -> Option<EventType> {
    Some(match kind {
        Kind::Pass { .. } => EventType::PassStateExited,
        Kind::Task(_) => EventType::TaskStateExited,
        Kind::Choice { .. } => EventType::ChoiceStateExited,
        Kind::Wait(_) => EventType::WaitStateExited,
        Kind::Succeed => EventType::SucceedStateExited,
        Kind::Fail { .. } => return None,
        Kind::Parallel { .. } => EventType::ParallelStateExited,
    })
}
