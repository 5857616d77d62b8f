//! Which row everything is in: states by how far they are from the start, and, for each line that passes a row, a place
//! in it. Not for columns.

use std::collections::HashMap;

use super::sizes::{LABEL_HEIGHT, LABEL_PADDING, LABEL_WIDTH_MOST, MARKER};
use crate::flow::Flow;
use crate::model::{EdgeKind, Kind, Machine, Side};
use crate::text::{self, Font};

/// A line that passes more states than this is drawn beside them, not between them.
const LONGEST_LINE: usize = 16;

/// Something with a place in a row.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) what: What,
    pub(crate) side: Side,
    pub(crate) row: usize,
    /// Its middle.
    pub(crate) x: i32,
    /// How far it reaches from its middle, with the labels that stick out of it.
    pub(crate) left: i32,
    pub(crate) right: i32,
    /// Without those labels.
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// Whether it is on the happy path.
    pub(crate) happy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    State,
    Start,
    End,
    /// A line passes.
    Line,
    /// A line passes, with its label on it.
    Label,
}

impl Item {
    fn new(what: What, side: Side, row: usize, (width, height): (i32, i32), happy: bool) -> Self {
        Self { what, side, row, x: 0, left: width / 2, right: width / 2, width, height, happy }
    }

    /// Who gives way to whom.
    pub(crate) fn priority(&self, neighbours: usize) -> usize {
        match self.what {
            _ if self.happy => usize::MAX,
            What::Line | What::Label => usize::MAX / 2 + neighbours,
            What::State | What::Start | What::End => neighbours,
        }
    }
}

/// A line to be drawn, between two items.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) kind: EdgeKind,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) label: Option<WireLabel>,
    pub(crate) way: Way,
    /// Whether it is a piece of the happy path.
    pub(crate) happy: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct WireLabel {
    pub(crate) text: String,
    pub(crate) full: String,
    pub(crate) width: i32,
}

#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// Down through these items, the ends included.
    Down(Vec<usize>),
    /// Through a channel beside a region.
    Around(Channel),
}

/// A strip beside a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    /// What goes back on the main side.
    Left,
    /// From one side to the other.
    Middle,
    /// What goes back among compensations.
    Right,
}

/// Who is joined to whom in the next row.
#[derive(Debug)]
pub(crate) struct Neighbours {
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl Neighbours {
    pub(crate) fn new(items: usize) -> Self {
        Self { above: vec![Vec::new(); items], below: vec![Vec::new(); items] }
    }

    pub(crate) fn join(&mut self, upper: usize, lower: usize) {
        self.below[upper].push(lower);
        self.above[lower].push(upper);
    }

    pub(crate) fn above(&self, item: usize) -> &[usize] {
        &self.above[item]
    }

    pub(crate) fn below(&self, item: usize) -> &[usize] {
        &self.below[item]
    }

    pub(crate) fn len(&self) -> usize {
        self.above.len()
    }
}

/// All rows of a machine, shared by both sides.
#[derive(Debug)]
pub(crate) struct Grid {
    /// The states first, as in the machine.
    pub(crate) items: Vec<Item>,
    pub(crate) wires: Vec<Wire>,
    /// For each row, whether it has only labels and lines.
    pub(crate) labels_only: Vec<bool>,
}

impl Grid {
    /// Rows for a machine whose states have these sizes, with or without markers for its start and its ends.
    pub(crate) fn new(machine: &Machine, sizes: &[(i32, i32)], markers: bool) -> Self {
        let flow = Flow::of(machine);
        let ranks = ranks(machine, &flow, usize::from(markers));
        let mut items: Vec<Item> = (machine.states.iter().zip(sizes).zip(&ranks))
            .map(|((state, size), rank)| Item::new(What::State, state.side, 2 * rank, *size, state.happy))
            .collect();
        let mut wires: Vec<Wire> = (machine.transitions.iter().zip(&flow.back))
            .map(|(transition, back)| {
                let (from, to) = (transition.from, transition.to);
                let beside = *back || ranks[to].abs_diff(ranks[from]) > LONGEST_LINE;
                let way = match (machine.states[from].side, machine.states[to].side) {
                    (Side::Main, Side::Main) if beside => Way::Around(Channel::Left),
                    (Side::Compensation, Side::Compensation) if beside => Way::Around(Channel::Right),
                    (from, to) if from == to => Way::Down(Vec::new()),
                    _ => Way::Around(Channel::Middle),
                };
                let label = label_of(transition.kind, &transition.causes);
                Wire { kind: transition.kind, from, to, label, way, happy: false }
            })
            .collect();
        if markers {
            add_markers(machine, &mut items, &mut wires);
        }
        let mut grid = Self { items, wires, labels_only: Vec::new() };
        grid.drop_empty_rows();
        grid.thread_lines();
        grid
    }

    /// Keeps, of the rows between states, those that a label goes into.
    fn drop_empty_rows(&mut self) {
        let last = self.items.iter().map(|item| item.row).max().unwrap_or(0);
        let mut kept: Vec<bool> = (0..=last).map(|row| row % 2 == 0).collect();
        self.items.iter().for_each(|item| kept[item.row] = true);
        for wire in &self.wires {
            if matches!(wire.way, Way::Down(_)) && wire.label.is_some() {
                kept[self.items[wire.from].row + 1] = true;
            }
        }
        let row_now: Vec<usize> = kept
            .iter()
            .scan(0, |next, kept| {
                let row = *next;
                *next += usize::from(*kept);
                Some(row)
            })
            .collect();
        self.items.iter_mut().for_each(|item| item.row = row_now[item.row]);
        self.labels_only = (0..=last).filter(|row| kept[*row]).map(|row| row % 2 == 1).collect();
    }

    /// Gives each line a place in every row that it passes. Its label is in the first of them; after that it shares its
    /// places with other lines that lead to the same item.
    fn thread_lines(&mut self) {
        let mut shared: HashMap<(usize, usize), usize> = HashMap::new();
        for wire in &mut self.wires {
            let joins = wire.kind != EdgeKind::Catch || self.items[wire.from].side == Side::Compensation;
            wire.happy = joins && matches!(wire.way, Way::Down(_)) && are_consecutive(&self.items, wire.from, wire.to);
        }
        // The happy path comes first, so that others join it.
        let mut order: Vec<usize> = (0..self.wires.len()).collect();
        order.sort_by_key(|at| !self.wires[*at].happy);
        for wire in order {
            let Wire { from, to, happy, ref label, way: Way::Down(_), .. } = self.wires[wire] else { continue };
            let (top, bottom, side) = (self.items[from].row, self.items[to].row, self.items[from].side);
            let mut label = label.as_ref().map(|label| (label.width, LABEL_HEIGHT));
            let mut chain = vec![from];
            for row in top + 1..bottom {
                let item = match label.take() {
                    Some(size) => self.add(Item::new(What::Label, side, row, size, happy)),
                    None => match shared.get(&(to, row)) {
                        Some(item) => *item,
                        None => self.add(Item::new(What::Line, side, row, (0, 0), happy)),
                    },
                };
                if self.items[item].what == What::Line {
                    shared.insert((to, row), item);
                }
                chain.push(item);
            }
            chain.push(to);
            self.wires[wire].way = Way::Down(chain);
        }
    }

    fn add(&mut self, item: Item) -> usize {
        self.items.push(item);
        self.items.len() - 1
    }

    /// The items of a side, row by row.
    pub(crate) fn rows_of(&self, side: Side) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.labels_only.len()];
        for (at, item) in self.items.iter().enumerate().filter(|(_, item)| item.side == side) {
            rows[item.row].push(at);
        }
        // Labels stick out of states to the right, so a line that may pass on either side passes on the left.
        rows.iter_mut().for_each(|row| row.sort_by_key(|at| self.items[*at].what != What::Line));
        rows
    }

    pub(crate) fn neighbours(&self) -> Neighbours {
        let mut neighbours = Neighbours::new(self.items.len());
        for wire in &self.wires {
            if let Way::Down(chain) = &wire.way {
                chain.windows(2).for_each(|pair| neighbours.join(pair[0], pair[1]));
            }
        }
        neighbours
    }
}

/// Whether both are on the happy path of one side, and nothing of it is between them.
fn are_consecutive(items: &[Item], from: usize, to: usize) -> bool {
    let (a, b) = (&items[from], &items[to]);
    let between = |item: &Item| {
        item.happy && item.what == What::State && item.side == a.side && a.row < item.row && item.row < b.row
    };
    a.happy && b.happy && !items.iter().any(between)
}

/// How many states are before each one. A compensation begins beside the first state that leads to it; after that its lane
/// goes down on its own.
fn ranks(machine: &Machine, flow: &Flow, first: usize) -> Vec<usize> {
    let mut after: Vec<usize> = vec![first; machine.states.len()];
    let mut beside: Vec<Option<usize>> = vec![None; machine.states.len()];
    let mut outgoing = vec![Vec::new(); machine.states.len()];
    for (transition, _) in machine.transitions.iter().zip(&flow.back).filter(|(_, back)| !**back) {
        outgoing[transition.from].push(transition.to);
    }
    for from in flow.order.iter().copied() {
        let rank = after[from].max(beside[from].unwrap_or(0));
        after[from] = rank;
        for to in outgoing[from].iter().copied() {
            match (machine.states[from].side, machine.states[to].side) {
                (Side::Main, Side::Compensation) => {
                    beside[to] = Some(beside[to].map_or(rank, |other| other.min(rank)));
                }
                (Side::Compensation, Side::Main) => {}
                _ => after[to] = after[to].max(rank + 1),
            }
        }
    }
    after
}

fn add_markers(machine: &Machine, items: &mut Vec<Item>, wires: &mut Vec<Wire>) {
    let size = (MARKER, MARKER);
    let wire = |kind, from, to| Wire { kind, from, to, label: None, way: Way::Down(Vec::new()), happy: false };
    wires.insert(0, wire(EdgeKind::Start, items.len(), 0));
    items.push(Item::new(What::Start, Side::Main, 0, size, true));
    for (at, state) in machine.states.iter().enumerate() {
        if !state.ends || matches!(state.kind, Kind::Succeed | Kind::Fail) {
            continue;
        }
        // Where the path goes on below, the end is beside it.
        let goes_on = wires.iter().any(|it| it.from == at && matches!(it.way, Way::Down(_)));
        let row = items[at].row + if goes_on { 1 } else { 2 };
        wires.push(wire(EdgeKind::End, at, items.len()));
        items.push(Item::new(What::End, state.side, row, size, state.happy && !goes_on));
    }
}

fn label_of(kind: EdgeKind, causes: &[String]) -> Option<WireLabel> {
    let full = causes.join(if kind == EdgeKind::Catch { ", " } else { " or " });
    if full.is_empty() {
        return None;
    }
    let most = LABEL_WIDTH_MOST - 2 * LABEL_PADDING;
    let text = match causes {
        [first, rest @ ..] if !rest.is_empty() && text::width(&full, Font::Label) > most => {
            let more = format!(" +{}", rest.len());
            text::fit(first, Font::Label, most - text::width(&more, Font::Label)) + &more
        }
        _ => text::fit(&full, Font::Label, most),
    };
    // Even, so that both halves are whole.
    let width = (text::width(&text, Font::Label) + 2 * LABEL_PADDING + 1) / 2 * 2;
    Some(WireLabel { text, full, width })
}
