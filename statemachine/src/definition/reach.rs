//! The order in which a reader meets states from `StartAt` on, and which states nobody can meet.

use std::collections::{HashSet, VecDeque};

use super::{Kind, Next, State, StateIndex};

/// Where a state can go, in the order of its definition.
pub(crate) fn targets(state: &State) -> Vec<StateIndex> {
    let mut targets = Vec::new();
    if let Kind::Choice { rules, default } = &state.kind {
        targets.extend(rules.iter().map(|(_, to)| *to));
        targets.extend(*default);
    } else if let Next::State(to) = state.next {
        targets.push(to);
    }
    targets.extend(state.catchers.iter().map(|catcher| catcher.next));
    targets
}

/// The states that `start` leads to, itself first, breadth first.
pub(crate) fn order(start: StateIndex, states: &[State]) -> Vec<StateIndex> {
    let mut seen = HashSet::from([start]);
    let mut queue = VecDeque::from([start]);
    let mut order = Vec::new();
    while let Some(at) = queue.pop_front() {
        order.push(at);
        if let Some(state) = states.get(at.0) {
            queue.extend(targets(state).into_iter().filter(|to| seen.insert(*to)));
        }
    }
    order
}
