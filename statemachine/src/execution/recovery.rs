//! What becomes of a failed state: another try, another way on, or the failure of what is around it.

use serde_json::json;

use super::timers;
use super::turn::{Over, Then, Turn};
use super::{FlowId, Waiting};
use crate::definition::{Kind, Next};
use crate::document::Document;
use crate::failure::Failure;
use crate::history::EventType;
use crate::retry::names;

impl Turn<'_> {
    /// Retries or catches; gives the failure back when the state can do neither.
    ///
    /// The first retrier that names the error counts, also when it has no attempts left.
    pub(crate) fn recover(&mut self, id: FlowId, failure: Failure) -> Result<Result<Then, Failure>, Over> {
        let state = self.state_of(id);
        if let Some(at) = state.retriers.iter().position(|retrier| names(&retrier.errors, &failure)) {
            let retrier = &state.retriers[at];
            let attempts = self.flow(id).retries.get(at).copied().unwrap_or(0);
            if attempts < retrier.max_attempts {
                let delay = retrier.delay(attempts, &mut self.run.randomness);
                let again = timers::later(self.now, delay);
                let flow = self.flow_mut(id);
                flow.retries.resize(state.retriers.len(), 0);
                flow.retries[at] += 1;
                flow.waiting = Waiting::Retry(again);
                return Ok(Ok(Then::Rest));
            }
        }
        if matches!(state.kind, Kind::Parallel { .. }) {
            let event = self.append(self.flow(id).last_event, EventType::ParallelStateFailed, None)?;
            self.flow_mut(id).last_event = event;
        }
        let Some(catcher) = state.catchers.iter().find(|catcher| names(&catcher.errors, &failure)) else {
            return Ok(Err(failure));
        };
        self.flow_mut(id).waiting = Waiting::Nothing;
        let error = Document::new(json!({"Error": failure.error, "Cause": failure.cause}));
        // A catcher that cannot place the error does not catch; its own failure must not be caught here again.
        match self.place(id, &catcher.result_path, error) {
            Ok(output) => Ok(Ok(Then::Exit(output, Next::State(catcher.next)))),
            Err(impossible) => Ok(Err(impossible)),
        }
    }
}
