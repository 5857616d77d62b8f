//! Layouts: that of orders, and of any definition that nothing is left out, hidden or moved.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod story;

use asl_graph::layout::{Node, Point, Rect};
use asl_graph::{EdgeKind, Layout};
use proptest::prelude::*;
use serde_json::{Value, json};
use statemachine::{Definition, MachineView, StateView, TransitionKind};
use story::machines::{machine_of, states};

#[test]
fn the_happy_path_of_orders_is_a_straight_line() {
    let layout = Layout::of(&story::order());
    let middle = |name: &str| {
        let rect = layout.node(name).unwrap().rect;
        rect.x + rect.width / 2
    };
    let path = ["ReserveInventory", "ChargePayment", "SendConfirmation"].map(middle);
    assert_eq!(path, [path[0]; 3]);
    for edge in layout.edges.iter().filter(|edge| edge.kind == EdgeKind::Next && path.contains(&edge.points[0].x)) {
        assert_eq!(edge.points.len(), 2, "{:?} to {:?} turns", edge.from, edge.to);
    }
}

#[test]
fn compensations_are_what_only_a_catch_leads_to() {
    let layout = Layout::of(&story::order());
    let names: Vec<&str> = layout.nodes.iter().filter(|it| it.compensation).map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["ReleaseInventory", "RefundPayment", "NotifyRejected", "CloseOrder"]);
}

/// The JSON with the fields of every object in an order that depends on the seed.
fn shuffled(value: &Value, seed: u64) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| {
                name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
            });
            let fields: Vec<String> =
                fields.into_iter().map(|(name, value)| format!("{}:{}", json!(name), shuffled(value, seed))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| shuffled(item, seed)).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn is_within(inner: &Rect, outer: &Rect) -> bool {
    outer.x <= inner.x
        && outer.y <= inner.y
        && inner.x + inner.width <= outer.x + outer.width
        && inner.y + inner.height <= outer.y + outer.height
}

fn is_on_border(point: Point, rect: &Rect) -> bool {
    let (right, bottom) = (rect.x + rect.width, rect.y + rect.height);
    let inside = (rect.x..=right).contains(&point.x) && (rect.y..=bottom).contains(&point.y);
    inside && (point.x == rect.x || point.x == right || point.y == rect.y || point.y == bottom)
}

/// The names of the boxes around a state.
fn around<'l>(layout: &'l Layout, node: &'l Node) -> Vec<&'l str> {
    std::iter::successors(node.within.as_deref(), |name| layout.node(name)?.within.as_deref()).collect()
}

fn check_places(layout: &Layout) {
    let picture = Rect { x: 0, y: 0, width: layout.width, height: layout.height };
    for (at, node) in layout.nodes.iter().enumerate() {
        assert!(is_within(&node.rect, &picture), "{} is off the picture", node.name);
        for other in &layout.nodes[..at] {
            if around(layout, node).contains(&other.name.as_str()) {
                assert!(is_within(&node.rect, &other.rect), "{} sticks out of {}", node.name, other.name);
            } else {
                assert!(!node.rect.overlaps(&other.rect), "{} lies on {}", node.name, other.name);
            }
        }
    }
    let labels: Vec<&Rect> = layout.edges.iter().filter_map(|edge| Some(&edge.label.as_ref()?.rect)).collect();
    for (at, label) in labels.iter().enumerate() {
        assert!(is_within(label, &picture));
        assert!(!labels[..at].iter().any(|other| label.overlaps(other)), "labels lie on each other: {label:?}");
        let hidden = layout.nodes.iter().find(|node| node.rect.overlaps(label) && !is_within(label, &node.rect));
        assert!(hidden.is_none(), "a label lies on {hidden:?}");
    }
}

fn check_lines(layout: &Layout) {
    for edge in &layout.edges {
        let named = |name: &Option<String>| name.as_deref().map(|name| layout.node(name).unwrap());
        let (from, to) = (named(&edge.from), named(&edge.to));
        let what = format!("{:?} from {:?} to {:?}", edge.kind, edge.from, edge.to);
        assert!(edge.points.len() >= 2, "{what} has no line");
        assert!(from.is_none_or(|node| is_on_border(edge.points[0], &node.rect)), "{what} begins nowhere: {edge:?}");
        let last = *edge.points.last().unwrap();
        assert!(to.is_none_or(|node| is_on_border(last, &node.rect)), "{what} ends nowhere: {edge:?}");
        let own = from.or(to).unwrap();
        let outside = around(layout, own);
        for piece in edge.points.windows(2) {
            let (a, b) = (piece[0], piece[1]);
            assert!(a.x == b.x || a.y == b.y, "{what} is askew");
            // Shrunk to nothing across, a line overlaps what it runs through and not what it touches.
            let line = Rect { x: a.x.min(b.x), y: a.y.min(b.y), width: (a.x - b.x).abs(), height: (a.y - b.y).abs() };
            let hit = layout
                .nodes
                .iter()
                .find(|node| !outside.contains(&node.name.as_str()) && runs_through(&line, &node.rect));
            assert!(hit.is_none(), "{what} runs through {hit:?}");
        }
    }
}

fn runs_through(line: &Rect, rect: &Rect) -> bool {
    line.x < rect.x + rect.width
        && rect.x < line.x + line.width.max(1)
        && line.y < rect.y + rect.height
        && rect.y < line.y + line.height.max(1)
        && (line.width > 0 || line.x > rect.x)
        && (line.height > 0 || line.y > rect.y)
}

fn check_transitions<'d>(layout: &Layout, states: impl Iterator<Item = StateView<'d>>) {
    for state in states {
        for transition in state.transitions() {
            let kind = match transition.kind {
                TransitionKind::Next => EdgeKind::Next,
                TransitionKind::Choice { .. } | TransitionKind::Default => EdgeKind::Choice,
                TransitionKind::Catch { .. } => EdgeKind::Catch,
            };
            let drawn = layout.edges.iter().filter(|edge| {
                edge.from.as_deref() == Some(state.name())
                    && edge.to.as_deref() == Some(transition.to)
                    && edge.kind == kind
            });
            assert_eq!(drawn.count(), 1, "{} to {}", state.name(), transition.to);
        }
        let node = layout.node(state.name()).unwrap();
        for branch in state.branches() {
            check_transitions(layout, MachineView::states(&branch));
            assert!(
                branch.states().all(|inner| layout.node(inner.name()).unwrap().within.as_ref() == Some(&node.name))
            );
        }
    }
}

proptest! {
    #[test]
    fn any_definition_is_drawn_whole_and_in_the_open(seeds in states(2), shuffle in any::<u64>()) {
        let json = machine_of(&seeds);
        let definition = Definition::parse(&json.to_string()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let layout = Layout::of(&definition);
        check_transitions(&layout, definition.states());
        check_places(&layout);
        check_lines(&layout);
        let again = Layout::of(&Definition::parse(&shuffled(&json, shuffle)).unwrap());
        prop_assert_eq!(layout, again);
    }
}
