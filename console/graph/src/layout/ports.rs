//! Where lines meet the border of a state: those that go down leave below and come in from above; those that go around
//! use the side towards their channel, unless a neighbour in the row is in the way.

use std::collections::BTreeMap;

use super::rows::{Channel, Grid, Way, What, Wire};
use super::sizes::{PORT_GAP, STUB};
use crate::model::{EdgeKind, Side};

/// The left or the right of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hand {
    Left,
    Right,
}

impl Hand {
    pub(crate) const fn sign(self) -> i32 {
        match self {
            Self::Left => -1,
            Self::Right => 1,
        }
    }

    /// Where a channel is, seen from a state on this side.
    pub(crate) const fn toward(channel: Channel, side: Side) -> Self {
        match (side, channel) {
            (Side::Main, Channel::Middle) | (Side::Compensation, Channel::Right) => Self::Right,
            _ => Self::Left,
        }
    }
}

/// One end of a line that goes around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// This wire leaves.
    Out(usize),
    /// Whatever goes around to the state comes in here.
    In,
}

/// Where a line that goes around meets its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// On its side, so far below its middle.
    Beside(i32),
    /// Below it, if the line leaves, or above.
    Across,
}

/// The ends of lines at the sides of states, from top to bottom.
#[derive(Debug)]
pub(crate) struct Ports(BTreeMap<(usize, Hand), Vec<End>>);

impl Ports {
    pub(crate) fn of(grid: &Grid) -> Self {
        let mut ports: BTreeMap<(usize, Hand), Vec<(usize, End)>> = BTreeMap::new();
        for (at, wire) in grid.wires.iter().enumerate() {
            let Way::Around(channel) = wire.way else { continue };
            let (from, to) = (&grid.items[wire.from], &grid.items[wire.to]);
            ports.entry((wire.from, Hand::toward(channel, from.side))).or_default().push((to.row, End::Out(at)));
            let into = ports.entry((wire.to, Hand::toward(channel, to.side))).or_default();
            if !into.iter().any(|(_, end)| *end == End::In) {
                into.push((from.row, End::In));
            }
        }
        let sorted = |mut ends: Vec<(usize, End)>| {
            // What leads up is above what leads down, so that lines of one state don't cross.
            ends.sort_by_key(|(row, _)| *row);
            ends.into_iter().map(|(_, end)| end).collect()
        };
        Self(ports.into_iter().map(|(place, ends)| (place, sorted(ends))).collect())
    }

    /// Makes states tall enough for their ends, and keeps others off the labels beside them.
    pub(crate) fn make_room(&self, grid: &mut Grid) {
        for ((item, hand), ends) in &self.0 {
            let height = i32::try_from(ends.len()).unwrap_or(i32::MAX) * PORT_GAP + STUB;
            let label = ends.iter().filter_map(|end| match end {
                End::Out(wire) => Some(grid.wires[*wire].label.as_ref()?.width + 2 * STUB),
                End::In => None,
            });
            let label = label.max().unwrap_or(0);
            let item = &mut grid.items[*item];
            item.height = item.height.max(height);
            match hand {
                Hand::Left => item.left += label,
                Hand::Right => item.right += label,
            }
        }
    }

    pub(crate) fn port(&self, grid: &Grid, item: usize, hand: Hand, end: End) -> Port {
        if is_blocked(grid, item, hand) {
            return Port::Across;
        }
        let ends = self.0.get(&(item, hand)).map_or(&[] as &[End], Vec::as_slice);
        let steps = |n: usize| i32::try_from(n).unwrap_or_default() * PORT_GAP;
        let at = ends.iter().position(|other| *other == end).unwrap_or_default();
        Port::Beside(steps(at) - steps(ends.len().saturating_sub(1)) / 2)
    }
}

/// Whether another state is between this one and the channel on this hand.
fn is_blocked(grid: &Grid, item: usize, hand: Hand) -> bool {
    let own = &grid.items[item];
    grid.items.iter().any(|other| {
        other.what != What::Line
            && other.side == own.side
            && other.row == own.row
            && (other.x - own.x) * hand.sign() > 0
    })
}

/// Where a line across the border of an item is, if it comes from this hand or goes there: aside of what runs straight.
pub(crate) fn corner(grid: &Grid, item: usize, hand: Hand) -> i32 {
    grid.items[item].x + hand.sign() * grid.items[item].width / 4
}

/// Where a wire leaves an item on its way down to the next one: in the middle, unless that belongs to one of another kind.
pub(crate) fn way_down(grid: &Grid, wire: usize, from: usize, to: usize) -> i32 {
    let item = &grid.items[from];
    let end = &grid.items[to];
    if end.what == What::End && (end.x - item.x).abs() <= item.width / 2 - STUB {
        return end.x;
    }
    let is_catch = |wire: &Wire| wire.kind == EdgeKind::Catch;
    let down = grid.wires.iter().filter(|wire| wire.from == from && matches!(wire.way, Way::Down(_)));
    let first = down.min_by_key(|wire| (!wire.happy, is_catch(wire)));
    let of_one_kind = first.is_none_or(|first| is_catch(first) == is_catch(&grid.wires[wire]));
    if item.what != What::State || of_one_kind {
        return item.x;
    }
    corner(grid, from, if grid.items[to].x < item.x { Hand::Left } else { Hand::Right })
}
