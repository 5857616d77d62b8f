//! What a drawing shows of an execution or of many: for each state a status and a few words, for each edge whether it was
//! taken. The page patches these into a drawing that it has, by id; nothing here changes a position.

use serde::Serialize;
use statemachine::ExecutionStatus;

use crate::layout::sizes::{BADGE_PADDING, STATE_PADDING, STATE_TEXT_AT};
use crate::layout::{Edge, Layout, Node};
use crate::model::{EdgeKind, Kind};
use crate::status::{Execution, StateStatus, Status};
use crate::text::{self, Font};
use crate::traffic::{Load, Traffic};
use crate::words;

/// What a definition is drawn with.
#[derive(Clone, Copy, Debug)]
pub enum Overlay<'a> {
    /// Nothing: what the states do.
    Definition,
    /// One execution.
    Execution(&'a Execution),
    /// Many executions.
    Traffic(&'a Traffic),
}

/// What is shown on a layout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Faces {
    /// `definition`, `execution` or `traffic`.
    pub view: &'static str,
    /// The whole at a glance.
    pub caption: String,
    /// How an execution stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The states, in the layout's order.
    pub nodes: Vec<NodeFace>,
    /// The edges, in the layout's order.
    pub edges: Vec<EdgeFace>,
}

/// What is shown on a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeFace {
    /// The id in the layout.
    pub id: String,
    /// None where only the definition is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The symbol to `use`.
    pub icon: &'static str,
    /// The second line, as it fits.
    pub detail: String,
    /// Retries that are allowed, attempts that were made, or executions that are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub badge: Option<Badge>,
    /// All there is to say, for whoever points at it or listens.
    pub title: String,
}

/// A short text on a corner of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Badge {
    /// What it says.
    pub text: String,
    /// How wide it is drawn.
    pub width: i32,
}

/// What is shown on an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EdgeFace {
    /// The id in the layout.
    pub id: String,
    /// Whether anything went this way.
    pub taken: bool,
    /// How often, where that is worth a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Faces {
    /// What an overlay shows on a layout.
    pub fn of(layout: &Layout, overlay: Overlay<'_>) -> Self {
        let (view, caption, status) = match overlay {
            Overlay::Definition => ("definition", layout.comment.clone().unwrap_or_default(), None),
            Overlay::Execution(execution) => ("execution", execution.text.clone(), Some(execution.overall())),
            Overlay::Traffic(traffic) => ("traffic", caption(traffic), None),
        };
        Self {
            view,
            caption,
            status,
            nodes: layout.nodes.iter().map(|node| NodeFace::of(node, overlay)).collect(),
            edges: layout.edges.iter().map(|edge| EdgeFace::of(edge, overlay)).collect(),
        }
    }
}

impl Execution {
    /// How the whole stands, in the words of its states.
    pub(crate) fn overall(&self) -> Status {
        match self.status {
            ExecutionStatus::Running => Status::Running,
            ExecutionStatus::Succeeded => Status::Succeeded,
            ExecutionStatus::Failed => Status::Failed,
            ExecutionStatus::TimedOut => Status::TimedOut,
            ExecutionStatus::Aborted => Status::Aborted,
        }
    }
}

fn caption(traffic: &Traffic) -> String {
    let sum = |of: fn(&Load) -> u64| traffic.states.values().map(of).fold(0, u64::saturating_add);
    let mut caption = format!("{} running", words::count(sum(|load| load.now)));
    let failed = sum(|load| load.failed);
    if failed > 0 {
        caption.push_str(&format!(", {} failed", words::count(failed)));
    }
    caption
}

impl NodeFace {
    fn of(node: &Node, overlay: Overlay<'_>) -> Self {
        let (status, detail, badge) = match overlay {
            Overlay::Definition => {
                let retries = (node.retries > 0).then(|| format!("↻ {}", words::retries(node.retries)));
                (None, node.detail.clone(), retries)
            }
            Overlay::Execution(execution) => match execution.states.get(&node.name) {
                Some(state) => (Some(state.status), state.text.clone(), repetitions(state)),
                None => (Some(Status::Pending), Status::Pending.word().to_owned(), None),
            },
            Overlay::Traffic(traffic) => {
                let load = traffic.states.get(&node.name).copied().unwrap_or_default();
                let (status, detail) = match (load.now, load.failed) {
                    (0, 0) => (Status::Pending, "Idle".to_owned()),
                    (now, 0) => (Status::Running, format!("{} here now", words::count(now))),
                    (0, failed) => (Status::Failed, format!("{} failed", words::count(failed))),
                    (now, failed) => {
                        (Status::Failed, format!("{} failed · {} here now", words::count(failed), words::count(now)))
                    }
                };
                (Some(status), detail, (load.now > 0).then(|| words::count(load.now)))
            }
        };
        let said =
            [node.comment.as_deref(), status.map(|_| detail.as_str()), badge.as_deref().filter(|_| status.is_some())];
        let title = std::iter::once(format!("{} ({})", node.name, node.detail))
            .chain(said.into_iter().flatten().map(str::to_owned))
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            id: node.id.clone(),
            status,
            icon: icon(node, status),
            detail: text::fit(&detail, Font::Detail, node.rect.width - STATE_TEXT_AT - STATE_PADDING),
            badge: badge.map(|text| Badge { width: text::width(&text, Font::Badge) + 2 * BADGE_PADDING, text }),
            title,
        }
    }
}

/// More than one attempt, or more than one visit.
fn repetitions(state: &StateStatus) -> Option<String> {
    match (state.attempts, state.visits) {
        (2.., _) => Some(format!("{} tries", words::count(state.attempts.into()))),
        (_, 2..) => Some(format!("× {}", words::count(state.visits.into()))),
        _ => None,
    }
}

/// What shows the status; where there is none to show, the kind of the state.
fn icon(node: &Node, status: Option<Status>) -> &'static str {
    match status {
        None | Some(Status::Pending) => match node.kind {
            Kind::Task if node.compensation => "undo",
            Kind::Task => "task",
            Kind::Pass => "pass",
            Kind::Choice => "choice",
            Kind::Wait => "wait",
            Kind::Succeed => "succeeded",
            Kind::Fail => "failed",
            Kind::Parallel => "parallel",
            Kind::Map => "map",
        },
        Some(status) => status.name(),
    }
}

impl EdgeFace {
    fn of(edge: &Edge, overlay: Overlay<'_>) -> Self {
        let is_it = |from: &Option<String>, to: &Option<String>, kind: EdgeKind| {
            *from == edge.from && *to == edge.to && kind == edge.kind
        };
        let (taken, note) = match overlay {
            Overlay::Definition => (false, None),
            Overlay::Execution(execution) => {
                let times = execution.taken.iter().find(|it| is_it(&it.from, &it.to, it.kind)).map_or(0, |it| it.times);
                (times > 0, (times > 1).then(|| format!("× {}", words::count(times.into()))))
            }
            Overlay::Traffic(traffic) => {
                let rate = traffic.edges.iter().find(|it| is_it(&it.from, &it.to, it.kind)).map(|it| it.per_minute);
                let rate = rate.filter(|rate| *rate > 0.0);
                (rate.is_some(), rate.map(words::rate))
            }
        };
        Self { id: edge.id.clone(), taken, note }
    }
}
