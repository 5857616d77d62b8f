//! Draws a layout: one SVG file that needs nothing else. Not for deciding where anything is.
//!
//! There are no scripts and no inline styles, so the strictest Content-Security-Policy takes it. Standalone, it has a
//! `<style>`; a page whose policy forbids that asks for [`Theme::External`] and serves [`stylesheet`]`(`[`Theme::Auto`]`)`
//! as a file (`data-theme="light"` or `"dark"` on the `<html>` overrules the reader's system there).
//!
//! # What a page may rely on
//!
//! Elements have the ids of the [`Layout`] (`s0`, `e0`, …) and of its JSON; look them up *within* the drawing.
//!
//! | element | attributes that stay | attributes that [`Faces`] change | children to patch |
//! |---|---|---|---|
//! | `svg.asl-graph` | | `data-view` (`definition`, `execution`, `traffic`), `data-execution` (a status), `data-as-of` | `.caption`, `#asl-title`, `#asl-description` |
//! | `g.state#s0` (`.compensates`: only a `Catch` leads there; `.box`: `Parallel` or `Map`) | `data-state` (its name), `data-kind` (`Task`, …) | see below | `title`, `.icon` (its `href`: `#asl-` and the face's `icon`), `.detail`, `.badge`, `.clock > text` |
//! | `g.edge#e0` (`.compensates`: it leaves such a state) | `data-edge-from`, `data-edge-to` (none: start, end), `data-kind` (`start`, `next`, `choice`, `catch`, `end`) | `data-taken` (`true`, `false`); of an execution `data-times`; of traffic `data-per-minute` | `.note` |
//!
//! | attribute of a state | when | what |
//! |---|---|---|
//! | `data-status` | not of a definition | `pending`, `running`, `retrying`, `succeeded`, `caught`, `failed`, `timed-out`, `aborted` |
//! | `data-attempts`, `data-visits` | execution; it was entered | how often its task was scheduled in the last visit; how often it was entered |
//! | `data-since` | execution; it is under way | now less this is the time spent in it: what follows the last ` · ` of its `.detail` |
//! | `data-times-out` | execution; a task of it is open | when that times out; until then is what its `.clock` says, which shows only with this attribute |
//! | `data-heartbeat-seconds` | execution; a task of it is open and has to report | the longest time between two reports, which are no history events |
//! | `data-now`, `data-failed` | traffic | executions in it now; failed in it lately |
//!
//! Times are RFC 3339; `data-as-of` is what the drawing calls now.
//!
//! To patch: for each of the JSON's `nodes` and `edges` and the whole, set or (where null) remove the attributes in `data`,
//! and set the texts. A `.badge` is hidden by an empty text and width 0; its `rect` has `x` = -width, its `text` -width/2.

mod path;
mod style;

use askama::Template;

pub use style::{Theme, stylesheet};

use crate::face::{Badge, EdgeFace, Faces, NodeFace, Overlay};
use crate::layout::sizes::{BOX_HEAD, CLOCK_WIDTH, MARGIN, MARKER, STATE_PADDING, STATE_TEXT_AT};
use crate::layout::{Edge, Lane, LaneKind, Layout, Node};
use crate::model::{EdgeKind, Kind};
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
    edges.sort_by_key(|line| line.face.is_taken());
    let picture = Picture {
        faces: &faces,
        top: if faces.caption.is_empty() { 0 } else { -CAPTION },
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
    faces: &'a Faces,
    top: i32,
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
}

impl<'a> Figure<'a> {
    fn of((node, face): (&'a Node, &'a NodeFace)) -> Self {
        Self {
            node,
            face,
            name: clean(&node.name),
            shown: text::fit(&node.name, Font::Name, node.rect.width - STATE_TEXT_AT - STATE_PADDING),
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
