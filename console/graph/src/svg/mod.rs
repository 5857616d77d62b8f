//! Draws a layout: one SVG file that needs nothing else. Not for deciding where anything is.
//!
//! What a page may rely on: the ids of the layout; on states `data-state`, `data-kind`, `data-status`; on edges
//! `data-edge-from`, `data-edge-to`, `data-kind`, `data-taken`; and the classes `name`, `detail`, `icon`, `badge`,
//! `note`. There are no scripts and no inline styles, so the strictest Content-Security-Policy takes it; a page that does
//! not allow a `<style>` asks for [`Theme::External`] and serves [`stylesheet`] itself.

mod path;
mod style;

use askama::Template;

pub use style::{Theme, stylesheet};

use crate::face::{Badge, EdgeFace, Faces, NodeFace, Overlay};
use crate::layout::sizes::{BOX_HEAD, MARGIN, MARKER, STATE_PADDING, STATE_TEXT_AT};
use crate::layout::{Edge, Lane, LaneKind, Layout, MarkerKind, Node};
use crate::model::Kind;
use crate::status::{Execution, Status};
use crate::text::{self, Font, clean};

/// Room above the drawing for its caption.
const CAPTION: i32 = 24;

/// Draws a layout with what an overlay shows on it.
pub fn svg(layout: &Layout, overlay: Overlay<'_>, theme: Theme) -> String {
    let faces = Faces::of(layout, overlay);
    let (branches, lanes) = layout.lanes.iter().partition(|lane| lane.kind == LaneKind::Branch);
    let (boxes, states) = (layout.nodes.iter().zip(&faces.nodes)).map(Figure::of).partition(|it| it.node.is_box());
    let mut edges: Vec<_> =
        (layout.edges.iter().zip(&faces.edges)).map(|(edge, face)| Line::of(layout, edge, face)).collect();
    // What was taken lies on what was not.
    edges.sort_by_key(|line| line.face.taken);
    let picture = Picture {
        view: faces.view,
        top: if faces.caption.is_empty() { 0 } else { -CAPTION },
        status: faces.status.map(Status::name),
        title: clean(&title(&faces)),
        description: clean(&description(layout, overlay)),
        caption: text::fit(&faces.caption, Font::Caption, layout.width - 2 * MARGIN),
        style: stylesheet(theme),
        edges,
        lanes,
        boxes,
        branches,
        states,
        layout,
    };
    // Only a writer that fails makes a template fail, and a String doesn't.
    picture.render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "graph.svg")]
struct Picture<'a> {
    layout: &'a Layout,
    view: &'static str,
    top: i32,
    status: Option<&'static str>,
    title: String,
    description: String,
    caption: String,
    style: String,
    lanes: Vec<&'a Lane>,
    boxes: Vec<Figure<'a>>,
    branches: Vec<&'a Lane>,
    edges: Vec<Line<'a>>,
    states: Vec<Figure<'a>>,
}

/// An edge with what is shown on it.
struct Line<'a> {
    edge: &'a Edge,
    face: &'a EdgeFace,
    /// Whether it begins among compensations.
    compensates: bool,
    from: Option<String>,
    to: Option<String>,
    /// All of its label.
    causes: String,
}

impl<'a> Line<'a> {
    fn of(layout: &Layout, edge: &'a Edge, face: &'a EdgeFace) -> Self {
        Self {
            compensates: edge.from.as_deref().and_then(|from| layout.node(from)).is_some_and(|node| node.compensation),
            from: edge.from.as_deref().map(clean),
            to: edge.to.as_deref().map(clean),
            causes: edge.label.as_ref().map(|label| clean(&label.full)).unwrap_or_default(),
            edge,
            face,
        }
    }

    fn path(&self) -> String {
        path::rounded(&self.edge.points)
    }

    fn head(&self) -> String {
        path::arrowhead(&self.edge.points)
    }
}

/// A state with what is shown on it.
struct Figure<'a> {
    node: &'a Node,
    face: &'a NodeFace,
    /// All of its name, and what fits.
    name: String,
    shown: String,
    title: String,
}

impl<'a> Figure<'a> {
    fn of((node, face): (&'a Node, &'a NodeFace)) -> Self {
        Self {
            node,
            face,
            name: clean(&node.name),
            shown: text::fit(&node.name, Font::Name, node.rect.width - STATE_TEXT_AT - STATE_PADDING),
            title: clean(&face.title),
        }
    }

    /// The height of its icon and its text.
    fn middle(&self) -> i32 {
        if self.node.is_box() { BOX_HEAD / 2 } else { self.node.rect.height / 2 }
    }

    /// The outline of a `Choice`; others are rectangles.
    fn outline(&self) -> Option<String> {
        (self.node.kind == Kind::Choice).then(|| path::hexagon(self.node.rect.width, self.node.rect.height))
    }

    fn radius(&self) -> i32 {
        if matches!(self.node.kind, Kind::Succeed | Kind::Fail) { self.node.rect.height / 2 } else { 10 }
    }

    fn badge(&self) -> Badge {
        self.face.badge.clone().unwrap_or_default()
    }
}

fn title(faces: &Faces) -> String {
    match faces.view {
        "execution" => format!("Execution: {}", faces.caption),
        "traffic" => format!("Executions: {}", faces.caption),
        _ => "Workflow".to_owned(),
    }
}

/// The drawing in words, for those who don't see it.
fn description(layout: &Layout, overlay: Overlay<'_>) -> String {
    match overlay {
        Overlay::Execution(execution) => path_taken(execution),
        Overlay::Definition | Overlay::Traffic(_) => {
            let names: Vec<&str> = layout.nodes.iter().map(|node| node.name.as_str()).collect();
            let comment = layout.comment.as_deref().unwrap_or_default();
            format!("{comment} States: {}.", names.join(", ")).trim_start().to_owned()
        }
    }
}

fn path_taken(execution: &Execution) -> String {
    let mut visited: Vec<_> = execution.states.iter().filter(|(_, state)| state.entered.is_some()).collect();
    visited.sort_by_key(|(_, state)| state.entered);
    let steps: Vec<String> = visited.iter().map(|(name, state)| format!("{name}: {}", state.text)).collect();
    if steps.is_empty() { "No state was entered.".to_owned() } else { format!("{}.", steps.join("; ")) }
}
