//! Branches: how they begin, come together, and are given up.
//!
//! Source: AWS Step Functions Developer Guide, "Parallel workflow state"; the order of events is that of recordings.

use serde_json::Value;

use super::turn::{Over, Then, Turn};
use super::{FlowId, Waiting};
use crate::definition::{MachineIndex, State};
use crate::document::{Document, Excess};
use crate::failure::Failure;
use crate::history::EventType;

impl Turn<'_> {
    pub(crate) fn fork(&mut self, id: FlowId, state: &State, branches: &[MachineIndex]) -> Result<Then, Over> {
        let input = match self.effective_input(id, state, None) {
            Ok(input) => input,
            Err(failure) => return Ok(Then::Fail(failure)),
        };
        if let Some(excess) = input.excess() {
            return Ok(Then::Fail(Failure::payload_too_large(&state.name, excess)));
        }
        let started = self.append(self.flow(id).last_event, EventType::ParallelStateStarted, None)?;
        let flow = self.flow_mut(id);
        flow.last_event = started;
        flow.waiting = Waiting::Branches(vec![None; branches.len()]);
        for (at, branch) in branches.iter().enumerate() {
            let start = self.definition.machine(*branch).start;
            self.run.last_flow = self.run.last_flow.next();
            let child = self.run.last_flow;
            self.spawn(child, Some((id, at)), start, &input, started);
            self.ready.push_back((child, Then::Enter(start, input.clone())));
        }
        Ok(Then::Rest)
    }

    /// A branch has come to its end. The last one lets the `Parallel` go on.
    pub(crate) fn branch_done(
        &mut self,
        id: FlowId,
        (parent, at): (FlowId, usize),
        output: Document,
    ) -> Result<(FlowId, Then), Over> {
        let last_event = self.flow(id).last_event;
        if let Waiting::Branches(results) = &mut self.flow_mut(parent).waiting
            && let Some(result) = results.get_mut(at)
        {
            *result = Some((output,));
        }
        if self.branches_hold_too_much() {
            let failure = Failure::payload_too_large(&self.flow(parent).state, Excess::Branches);
            self.branch_failed(id, parent);
            return Ok((parent, Then::Fail(failure)));
        }
        self.run.flows.retain(|flow| flow.id != id);
        let flow = self.flow_mut(parent);
        if matches!(&flow.waiting, Waiting::Branches(results) if results.iter().any(Option::is_none)) {
            return Ok((parent, Then::Rest));
        }
        let Waiting::Branches(results) = std::mem::replace(&mut flow.waiting, Waiting::Nothing) else {
            return Ok((parent, Then::Rest));
        };
        // Both this event and the one of leaving follow the last event of the last branch.
        flow.last_event = last_event;
        self.append(last_event, EventType::ParallelStateSucceeded, None)?;
        let result = results.into_iter().flatten().map(|(result,)| result.into_value()).collect();
        let state = self.state_of(parent);
        let then = match self.output(parent, state, Document::new(Value::Array(result))) {
            Ok(output) => Then::Exit(output, state.next),
            Err(failure) => Then::Fail(failure),
        };
        Ok((parent, then))
    }

    /// A branch has failed: its siblings, with all below them, are given up, and the `Parallel` is next to fail.
    pub(crate) fn branch_failed(&mut self, id: FlowId, parent: FlowId) {
        let last_event = self.flow(id).last_event;
        let mut gone = vec![parent];
        // Parents come before their branches, so one pass finds all.
        self.run.flows.retain(|flow| {
            let below = flow.parent.is_some_and(|(above, _)| gone.contains(&above));
            if below {
                gone.push(flow.id);
            }
            !below
        });
        let flow = self.flow_mut(parent);
        flow.last_event = last_event;
        flow.waiting = Waiting::Nothing;
    }
}
