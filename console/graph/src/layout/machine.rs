//! One machine, laid out with all that is in its boxes.

use super::order::order;
use super::place::place;
use super::ports::Ports;
use super::route::{Routes, route};
use super::rows::Grid;
use super::sizes::*;
use super::{Edge, Label, Lane, LaneKind, Layout, Node, Point, Rect};
use crate::model::{Kind, Machine, Side, State, summary};
use crate::text::{self, Font};

/// Lays out a machine; its origin is anywhere, and nothing has an id yet.
pub(crate) fn lay_out(machine: &Machine, markers: bool) -> Layout {
    let insides: Vec<Option<Layout>> = machine.states.iter().map(inside).collect();
    let widest = machine.states.iter().map(natural_width).max().unwrap_or(STATE_WIDTH_LEAST);
    let sizes: Vec<(i32, i32)> = insides
        .iter()
        .map(|inside| match inside {
            Some(inside) => (inside.width.max(widest), inside.height),
            None => (widest, STATE_HEIGHT),
        })
        .collect();

    let mut grid = Grid::new(machine, &sizes, markers);
    let ports = Ports::of(&grid);
    ports.make_room(&mut grid);
    let neighbours = grid.neighbours();
    for side in [Side::Main, Side::Compensation] {
        let mut rows = grid.rows_of(side);
        order(&mut rows, &neighbours);
        place(&rows, &mut grid.items, &neighbours);
    }
    let routes = route(&mut grid, &ports);
    assemble(machine, &grid, &routes, insides)
}

/// What is in a box, with room for its head; none for a state that has nothing in it.
fn inside(state: &State) -> Option<Layout> {
    let branches: Vec<Layout> = state.branches.iter().map(|branch| framed(lay_out(branch, false))).collect();
    let height = branches.iter().map(|branch| branch.height).max()?;
    let mut inside = Layout::default();
    let mut x = BOX_PADDING;
    for mut branch in branches {
        branch.shift(x, BOX_HEAD);
        let rect = Rect { x, y: BOX_HEAD, width: branch.width, height };
        inside.lanes.push(Lane { kind: LaneKind::Branch, rect });
        x += branch.width + BRANCH_GAP;
        inside.take(branch);
    }
    // Even, so that both halves are whole.
    inside.width = (x - BRANCH_GAP + BOX_PADDING + 1) / 2 * 2;
    inside.height = (BOX_HEAD + height + BOX_PADDING + 1) / 2 * 2;
    Some(inside)
}

fn framed(mut layout: Layout) -> Layout {
    layout.frame(BOX_PADDING);
    layout
}

/// The width at which a state's texts fit; one that is cut short in any case needs no more room than others.
fn natural_width(state: &State) -> i32 {
    let summary = text::width(summary(state.comment.as_deref(), &state.detail), Font::Detail);
    let most = STATE_WIDTH_MOST - STATE_TEXT_AT - STATE_PADDING;
    let text = text::width(&state.name, Font::Name).max(if summary > most { 0 } else { summary });
    let width = (STATE_TEXT_AT + text + STATE_PADDING).clamp(STATE_WIDTH_LEAST, STATE_WIDTH_MOST);
    (width + 3) / 4 * 4
}

fn assemble(machine: &Machine, grid: &Grid, routes: &Routes, insides: Vec<Option<Layout>>) -> Layout {
    let mut layout = Layout::default();
    for ((state, item), inside) in machine.states.iter().zip(&grid.items).zip(insides) {
        let y = routes.rows[item.row] - item.height / 2;
        let rect = Rect { x: item.x - item.width / 2, y, width: item.width, height: item.height };
        layout.nodes.push(Node {
            id: String::new(),
            name: state.name.clone(),
            kind: state.kind,
            detail: state.detail.clone(),
            comment: state.comment.clone(),
            retries: state.retries,
            compensation: state.side == Side::Compensation,
            within: None,
            rect,
        });
        if let Some(mut inside) = inside {
            inside.shift(rect.x + (rect.width - inside.width) / 2, rect.y);
            let first = layout.nodes.len();
            layout.take(inside);
            for node in layout.nodes[first..].iter_mut().filter(|node| node.within.is_none()) {
                node.within = Some(state.name.clone());
            }
        }
    }
    for (wire, (points, rect)) in grid.wires.iter().zip(&routes.lines) {
        let name = |item: usize| machine.states.get(item).map(|state| state.name.clone());
        let label = wire.label.as_ref().zip(*rect);
        layout.edges.push(Edge {
            id: String::new(),
            kind: wire.kind,
            from: name(wire.from),
            to: name(wire.to),
            label: label.map(|(label, rect)| Label { text: label.text.clone(), full: label.full.clone(), rect }),
            points: points.clone(),
            note: Point::default(),
        });
    }
    layout.lanes.extend(lane(machine, grid, routes));
    layout
}

/// The lane of the compensations.
fn lane(machine: &Machine, grid: &Grid, routes: &Routes) -> Option<Lane> {
    let (left, right) = routes.lane?;
    let items = || grid.items.iter().filter(|item| item.side == Side::Compensation);
    let top = items().map(|item| routes.rows[item.row] - item.height / 2).min()? - LANE_HEAD;
    let bottom = items().map(|item| routes.rows[item.row] + item.height / 2).max()? + LANE_PADDING;
    let acts = |state: &State| matches!(state.kind, Kind::Task | Kind::Parallel | Kind::Map);
    let compensates = machine.states.iter().any(|state| state.side == Side::Compensation && acts(state));
    let kind = if compensates { LaneKind::Compensation } else { LaneKind::Failure };
    let (x, width) = (left - LANE_PADDING, right - left + 2 * LANE_PADDING);
    Some(Lane { kind, rect: Rect { x, y: top, width, height: bottom - top } })
}

impl Layout {
    /// Adds what is in a box.
    fn take(&mut self, inside: Self) {
        self.nodes.extend(inside.nodes);
        self.edges.extend(inside.edges);
        self.lanes.extend(inside.lanes);
    }
}
