//! The edges of the definition that lead from a failure: its retriers and catchers.

use std::collections::BTreeSet;

use statemachine::{EventType, HistoryEvent};

use crate::memory::workflow::definition;

/// An edge of the definition: a state, and its retrier or catcher by position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edge {
    /// Its retrier.
    Retry(String, usize),
    /// Its catcher.
    Catch(String, usize),
}

/// Which retriers and catchers the history shows at work, by what the rules of ASL say of its failures.
pub fn walked(history: &[HistoryEvent]) -> BTreeSet<Edge> {
    let definition = definition();
    let mut edges = BTreeSet::new();
    let mut current = None;
    for (index, event) in history.iter().enumerate() {
        if event.kind == EventType::TaskStateEntered {
            current = event.state_name().map(str::to_owned);
        }
        let Some((error, _)) = event.failure() else { continue };
        // Whoever is stopped walks no edge.
        if event.kind == EventType::ExecutionAborted {
            continue;
        }
        let name = current.clone().unwrap();
        let error = if event.kind == EventType::TaskTimedOut { "States.Timeout" } else { error.unwrap() };
        let state = definition.state_named(&name).unwrap();
        let retrier = state.retriers().iter().position(|retrier| retrier.matches(error));
        if let Some(retrier) = retrier {
            edges.insert(Edge::Retry(name.clone(), retrier));
        }
        let again = history[index + 1..].iter().find(|next| {
            matches!(
                next.kind,
                EventType::TaskScheduled
                    | EventType::TaskStateExited
                    | EventType::ExecutionFailed
                    | EventType::ExecutionAborted
            )
        });
        match again.map(|next| next.kind) {
            Some(EventType::TaskStateExited) => {
                let catcher = state.catchers().iter().position(|catcher| catcher.matches(error)).unwrap();
                edges.insert(Edge::Catch(name, catcher));
            }
            Some(EventType::TaskScheduled) => {
                assert!(state.retriers()[retrier.unwrap()].max_attempts() > 0, "{name} retried {error}");
            }
            Some(EventType::ExecutionAborted) => {}
            other => panic!("{name}: {error} is followed by {other:?}"),
        }
    }
    edges
}

/// Every retrier and catcher of the definition.
pub fn all() -> BTreeSet<Edge> {
    let definition = definition();
    let of_state = |state: statemachine::StateView<'_>| {
        let name = state.name().to_owned();
        let retriers = (0..state.retriers().len()).map(|index| Edge::Retry(name.clone(), index));
        let catchers = (0..state.catchers().len()).map(|index| Edge::Catch(name.clone(), index));
        retriers.chain(catchers).collect::<Vec<_>>()
    };
    definition.states().flat_map(of_state).collect()
}
