//! Where everything is: a definition laid out, in whole pixels. The same definition gives the same layout, whatever the
//! order of its JSON. Not for drawing, which is `crate::svg`, nor for what an execution did.
//!
//! A machine is drawn from top to bottom in two regions side by side: what happens without a failure, with the happy path
//! as a straight line; and, in a lane to its right, the states that only a `Catch` leads to. What goes on within a region
//! is layered: `rows` says which row a state is in, `order` keeps lines from crossing, `place` finds the columns.
//! What goes back, or from one region into the other, runs through channels beside the regions (`route`), on tracks that
//! `tracks` hands out. `Parallel` and `Map` are laid out from the inside out (`machine`).

mod channels;
mod gaps;
mod machine;
mod notes;
mod order;
mod place;
mod ports;
mod route;
mod rows;
pub(crate) mod sizes;
mod tracks;

use serde::Serialize;
use statemachine::Definition;

use crate::model::{EdgeKind, Kind, Machine};

/// A definition, laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// Of the whole drawing, margins included.
    pub width: i32,
    /// Of the whole drawing, margins included.
    pub height: i32,
    /// The definition's own `Comment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The states, in the order in which a reader meets them; a box before what is in it.
    pub nodes: Vec<Node>,
    /// The transitions.
    pub edges: Vec<Edge>,
    /// What groups states: lanes and branches.
    pub lanes: Vec<Lane>,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rect {
    /// The left side.
    pub x: i32,
    /// The upper side.
    pub y: i32,
    /// To the right side.
    pub width: i32,
    /// To the lower side.
    pub height: i32,
}

impl Rect {
    /// Whether they have a point in common that is on the border of neither.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// A point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Point {
    /// To the right.
    pub x: i32,
    /// Downwards.
    pub y: i32,
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Names it in the drawing: `s0`, `s1` and so on.
    pub id: String,
    /// The state's name.
    pub name: String,
    /// The state's type.
    pub kind: Kind,
    /// What it does, in a few words.
    pub detail: String,
    /// The state's `Comment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The most retries that any error gets; 0 when nothing is retried.
    pub retries: u64,
    /// Whether only a `Catch` leads to it.
    pub compensation: bool,
    /// The name of the `Parallel` or `Map` it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// Where it is.
    pub rect: Rect,
}

impl Node {
    /// Whether it is drawn as a box around its branches.
    pub fn is_box(&self) -> bool {
        matches!(self.kind, Kind::Parallel | Kind::Map)
    }
}

/// One or more transitions that mean the same to a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// Names it in the drawing: `e0`, `e1` and so on.
    pub id: String,
    /// What takes it.
    pub kind: EdgeKind,
    /// The state it leaves; none for the start marker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The state it leads to; none for an end marker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What is written on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// From border to border, by right angles.
    pub points: Vec<Point>,
    /// The middle of where a short text about it can be written.
    pub note: Point,
}

impl Edge {
    /// The middle of the marker where it starts or ends, if it is the start or an end of the whole.
    pub fn marker(&self) -> Option<Point> {
        let half = sizes::MARKER / 2;
        match self.kind {
            EdgeKind::Start => self.points.first().map(|first| Point { y: first.y - half, ..*first }),
            EdgeKind::End => self.points.last().map(|last| Point { y: last.y + half, ..*last }),
            EdgeKind::Next | EdgeKind::Choice | EdgeKind::Catch => None,
        }
    }
}

/// What is written on an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// As it fits.
    pub text: String,
    /// All of it.
    pub full: String,
    /// Where it is.
    pub rect: Rect,
}

/// What groups states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// What it groups.
    pub kind: LaneKind,
    /// Where it is.
    pub rect: Rect,
}

/// Why states are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LaneKind {
    /// Only a `Catch` leads to them, and they do something about it.
    Compensation,
    /// Only a `Catch` leads to them, and they decide, fail or end.
    Failure,
    /// A branch of a `Parallel`, or what a `Map` does to each item.
    Branch,
}

impl Layout {
    /// Lays a definition out.
    pub fn of(definition: &Definition) -> Self {
        let mut layout = Self::of_machine(&Machine::of(definition));
        layout.comment = definition.comment().map(str::to_owned);
        layout
    }

    pub(crate) fn of_machine(machine: &Machine) -> Self {
        let mut layout = machine::lay_out(machine, true);
        layout.frame(sizes::MARGIN);
        for (at, node) in layout.nodes.iter_mut().enumerate() {
            node.id = format!("s{at}");
        }
        for (at, edge) in layout.edges.iter_mut().enumerate() {
            edge.id = format!("e{at}");
        }
        notes::place(&mut layout);
        layout
    }

    /// The state of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Moves everything so that it begins at this margin, and sets the size.
    fn frame(&mut self, margin: i32) {
        let rects = (self.nodes.iter().map(|node| node.rect))
            .chain(self.lanes.iter().map(|lane| lane.rect))
            .chain(self.edges.iter().filter_map(|edge| Some(edge.label.as_ref()?.rect)));
        let corners =
            rects.flat_map(|it| [Point { x: it.x, y: it.y }, Point { x: it.x + it.width, y: it.y + it.height }]);
        let half = sizes::MARKER / 2;
        let markers = self.edges.iter().filter_map(Edge::marker);
        let markers = markers.flat_map(|at| [-half, half].map(|by| Point { x: at.x + by, y: at.y + by }));
        let points = self.edges.iter().flat_map(|edge| edge.points.iter().copied());
        let all: Vec<Point> = corners.chain(markers).chain(points).collect();
        let (left, right) = range(all.iter().map(|point| point.x));
        let (top, bottom) = range(all.iter().map(|point| point.y));
        self.shift(margin - left, margin - top);
        (self.width, self.height) = (right - left + 2 * margin, bottom - top + 2 * margin);
    }

    fn shift(&mut self, dx: i32, dy: i32) {
        let rects = (self.nodes.iter_mut().map(|node| &mut node.rect))
            .chain(self.lanes.iter_mut().map(|lane| &mut lane.rect))
            .chain(self.edges.iter_mut().filter_map(|edge| Some(&mut edge.label.as_mut()?.rect)));
        for rect in rects {
            (rect.x, rect.y) = (rect.x + dx, rect.y + dy);
        }
        for point in self.edges.iter_mut().flat_map(|edge| &mut edge.points) {
            (point.x, point.y) = (point.x + dx, point.y + dy);
        }
    }
}

/// The least and the greatest.
fn range(values: impl Iterator<Item = i32> + Clone) -> (i32, i32) {
    (values.clone().min().unwrap_or_default(), values.max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Side, State};

    /// By hand, since the engine has no `Map` yet and so parses none.
    #[test]
    fn a_map_is_a_box_around_what_it_does_to_each_item() {
        let state = |name: &str, kind, branches| State {
            name: name.to_owned(),
            kind,
            detail: kind.name().to_owned(),
            comment: None,
            retries: 0,
            ends: true,
            side: Side::Main,
            happy: true,
            branches,
        };
        let each = Machine { states: vec![state("Label", Kind::Task, Vec::new())], transitions: Vec::new() };
        let all = Machine { states: vec![state("LabelAll", Kind::Map, vec![each])], transitions: Vec::new() };
        let layout = Layout::of_machine(&all);
        let (outer, inner) = (layout.node("LabelAll").unwrap(), layout.node("Label").unwrap());
        assert_eq!(inner.within.as_ref(), Some(&outer.name));
        assert!(outer.is_box() && outer.rect.overlaps(&inner.rect) && outer.rect.width > inner.rect.width);
        let drawing = crate::svg(&layout, crate::Overlay::Definition, crate::Theme::Light);
        assert!(drawing.contains(r#"class="stack""#), "its stack says that there are many");
    }
}
