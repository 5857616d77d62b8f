//! Which transitions go forward and which lead back, and the path that a reader should see first. Not for drawing.

use crate::model::{EdgeKind, Kind, Machine, Side, Transition};

/// The order of a machine's states without the transitions that lead back.
pub(crate) struct Flow {
    /// Every state, each after those that lead forward to it.
    pub(crate) order: Vec<usize>,
    /// Whether a transition leads back to a state that is still under way, one for each.
    pub(crate) back: Vec<bool>,
}

impl Flow {
    /// Walks depth first from the start. Iterative: a definition may be thousands of states long.
    pub(crate) fn of(machine: &Machine) -> Self {
        #[derive(Clone, Copy, PartialEq)]
        enum Visit {
            Unseen,
            UnderWay,
            Done,
        }
        let out = outgoing(machine);
        let mut visits = vec![Visit::Unseen; machine.states.len()];
        let mut back = vec![false; machine.transitions.len()];
        let mut order = Vec::new();
        let mut path: Vec<(usize, usize)> = Vec::new();
        for start in 0..machine.states.len() {
            if visits[start] == Visit::Unseen {
                visits[start] = Visit::UnderWay;
                path.push((start, 0));
            }
            while let Some((at, next)) = path.last_mut() {
                let Some(transition) = out[*at].get(*next) else {
                    visits[*at] = Visit::Done;
                    order.push(*at);
                    path.pop();
                    continue;
                };
                *next += 1;
                let to = machine.transitions[*transition].to;
                match visits[to] {
                    Visit::UnderWay => back[*transition] = true,
                    Visit::Done => {}
                    Visit::Unseen => {
                        visits[to] = Visit::UnderWay;
                        path.push((to, 0));
                    }
                }
            }
        }
        order.reverse();
        Self { order, back }
    }

    /// The path along which a side is read: the longest, one that ends well if there is any. On the main side it has no
    /// failure; among compensations, which begin with one, the next failure goes on along the path.
    pub(crate) fn happy_path(&self, machine: &Machine, side: Side) -> Vec<usize> {
        let out = outgoing(machine);
        let mut best = vec![(false, 0_usize); machine.states.len()];
        let mut onward = vec![None; machine.states.len()];
        for at in self.order.iter().rev().copied() {
            let state = &machine.states[at];
            best[at] = (state.ends && state.kind != Kind::Fail, 1);
            for transition in &out[at] {
                let Transition { to, kind, .. } = &machine.transitions[*transition];
                let fails = side == Side::Main && *kind == EdgeKind::Catch;
                if fails || self.back[*transition] || machine.states[*to].side != side {
                    continue;
                }
                let through = (best[*to].0, best[*to].1 + 1);
                if onward[at].is_none() || through > best[at] {
                    (best[at], onward[at]) = (through, Some(*to));
                }
            }
        }
        let starts = (0..machine.states.len()).filter(|at| machine.states[*at].side == side);
        let start = match side {
            Side::Main => starts.min(),
            Side::Compensation => starts.rev().max_by_key(|at| best[*at]),
        };
        std::iter::successors(start, |at| onward[*at]).collect()
    }
}

/// The transitions out of each state, in order.
fn outgoing(machine: &Machine) -> Vec<Vec<usize>> {
    let mut out = vec![Vec::new(); machine.states.len()];
    for (at, transition) in machine.transitions.iter().enumerate() {
        out[transition.from].push(at);
    }
    out
}
