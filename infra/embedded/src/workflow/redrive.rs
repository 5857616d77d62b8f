//! Redriving an execution (Step Functions: `RedriveExecution`): from its history to a turn of the engine.

use orders::OrderId;
use orders::ports::Unavailable;
use orders::ports::ops::Redriven;
use serde_json::Value;
use statemachine::history::Details;
use statemachine::{EventType, HistoryEvent, Redrive};

use super::store::{self, Written};
use super::turn::Turn;
use super::{ATTEMPTS, EmbeddedWorkflow, journal};

impl EmbeddedWorkflow {
    /// Lets an execution that failed, was aborted or timed out go on from the state that did not succeed.
    ///
    /// # Errors
    /// [`Unavailable`]: it may go on.
    pub async fn redrive(&self, name: &OrderId) -> Result<Redriven, Unavailable> {
        let Some(seq) = self.seqs.of(name)? else { return Ok(Redriven::Missing) };
        for _ in 0..ATTEMPTS {
            let loaded = self.db.read(|connection| store::load(connection, seq))?;
            let Some(loaded) = loaded else { return Ok(Redriven::Missing) };
            let calls = self.db.read(|connection| store::history(connection, seq))?.unwrap_or_default();
            let Some(from) = last_state(&calls).map_err(|error| Unavailable::new("Workflow", error))? else {
                return Ok(Redriven::Refused("its history shows no state to go on from".to_owned()));
            };
            let version = loaded.version;
            let definition = self.definitions.get(&self.db, loaded.definition)?;
            let mut execution = loaded.resume(definition);
            let now = self.now();
            let effects = match execution.redrive(from, now) {
                Ok(effects) => effects,
                Err(refused) => return Ok(Redriven::Refused(refused.to_string())),
            };
            let turn = Turn::play(&self.queues, &mut execution, effects, now)?;
            match self.write(turn.render(seq, version + 1, &execution)?, self.change(&execution)).await? {
                Written::Saved => return Ok(Redriven::Redriven),
                Written::Conflict => metrics::counter!("orderflow_execution_conflicts_total").increment(1),
            }
        }
        Err(Unavailable::new("Workflow", "the execution is being changed all the time"))
    }
}

/// From where a history says that the execution can go on.
fn last_state(calls: &[String]) -> serde_json::Result<Option<Redrive>> {
    let mut events: Vec<HistoryEvent> = Vec::new();
    for call in calls {
        events.extend(journal::read(call)?);
    }
    let mut redrive = Redrive { state: String::new(), input: Value::Null, execution_input: Value::Null, count: 1 };
    for event in &events {
        match &event.details {
            Some(Details::ExecutionStarted(started)) => redrive.execution_input = serde_json::from_str(&started.input)?,
            Some(Details::StateEntered(entered)) => {
                redrive.state = entered.name.to_string();
                redrive.input = serde_json::from_str(&entered.input)?;
            }
            _ => redrive.count += u32::from(event.kind == EventType::ExecutionRedriven),
        }
    }
    Ok((!redrive.state.is_empty()).then_some(redrive))
}
