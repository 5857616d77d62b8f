//! What a drawing shows of an execution or of many: for each state a status and a few words, for each edge whether it was
//! taken. The page patches these into a drawing that it has, by id; nothing here changes a position.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use statemachine::ExecutionStatus;

use crate::layout::sizes::{BADGE_PADDING, MARGIN, STATE_PADDING, STATE_TEXT_AT};
use crate::layout::{Edge, Layout, Node};
use crate::model::{EdgeKind, Kind, summary};
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

/// The `data-` attributes of an element that change, by their names without `data-`. What is none is not there.
pub type Data = BTreeMap<&'static str, Option<String>>;

/// The attributes that are there.
pub(crate) fn present(data: &Data) -> impl Iterator<Item = (&str, &str)> {
    data.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)))
}

/// What is shown on a layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Faces {
    /// Of the whole.
    pub data: Data,
    /// The whole at a glance, as it fits.
    pub caption: String,
    /// All of the caption, for those who don't see the drawing.
    pub title: String,
    /// The drawing in words, for them.
    pub description: String,
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
    /// Its attributes.
    pub data: Data,
    /// The symbol to `use`.
    pub icon: &'static str,
    /// The second line, as it fits.
    pub detail: String,
    /// Retries that are allowed, attempts that were made, or executions that are here.
    pub badge: Option<Badge>,
    /// How long its open task still has.
    pub clock: Option<String>,
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
    /// Its attributes.
    pub data: Data,
    /// How often, where that is worth a word.
    pub note: Option<String>,
}

impl Faces {
    /// What an overlay shows on a layout.
    pub fn of(layout: &Layout, overlay: Overlay<'_>) -> Self {
        let (view, caption, title) = match overlay {
            Overlay::Definition => ("definition", layout.comment.clone().unwrap_or_default(), "Workflow".to_owned()),
            Overlay::Execution(execution) => {
                ("execution", execution.text.clone(), format!("Execution: {}", execution.text))
            }
            Overlay::Traffic(traffic) => {
                let caption = caption(traffic);
                ("traffic", caption.clone(), format!("Executions: {caption}"))
            }
        };
        let execution = if let Overlay::Execution(execution) = overlay { Some(execution) } else { None };
        Self {
            data: [
                ("view", Some(view.to_owned())),
                ("execution", execution.map(|it| it.overall().name().to_owned())),
                ("as-of", execution.map(|it| it.as_of.to_string())),
            ]
            .into(),
            caption: text::fit(&caption, Font::Caption, layout.width - 2 * MARGIN),
            title: text::clean(&title),
            description: text::clean(&execution.map_or_else(|| listed(layout), path_taken)),
            nodes: layout.nodes.iter().map(|node| NodeFace::of(node, overlay)).collect(),
            edges: layout.edges.iter().map(|edge| EdgeFace::of(edge, overlay)).collect(),
        }
    }
}

impl Execution {
    /// How the whole stands, in the words of its states.
    const fn overall(&self) -> Status {
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

fn listed(layout: &Layout) -> String {
    let names: Vec<&str> = layout.nodes.iter().map(|node| node.name.as_str()).collect();
    let comment = layout.comment.as_deref().unwrap_or_default();
    format!("{comment} States: {}.", names.join(", ")).trim_start().to_owned()
}

fn path_taken(execution: &Execution) -> String {
    let mut visited: Vec<_> = execution.states.iter().filter(|(_, state)| state.entered.is_some()).collect();
    visited.sort_by_key(|(_, state)| state.entered);
    let steps: Vec<String> = visited.iter().map(|(name, state)| format!("{name}: {}", state.text)).collect();
    if steps.is_empty() { "No state was entered.".to_owned() } else { format!("{}.", steps.join("; ")) }
}

/// What the three overlays make of a state.
#[derive(Default)]
struct Shown {
    status: Option<Status>,
    detail: String,
    badge: Option<String>,
    clock: Option<String>,
    /// For those who point at it or listen.
    said: Vec<String>,
    data: Vec<(&'static str, Option<String>)>,
}

impl Shown {
    fn of(node: &Node, overlay: Overlay<'_>) -> Self {
        match overlay {
            Overlay::Definition => Self {
                detail: summary(node.comment.as_deref(), &node.detail).to_owned(),
                badge: (node.retries > 0).then(|| format!("↻ {}", words::retries(node.retries))),
                said: (node.retries > 0).then(|| words::retried(node.retries)).into_iter().collect(),
                ..Self::default()
            },
            Overlay::Execution(execution) => match execution.states.get(&node.name) {
                Some(state) => Self::visited(state, execution.as_of),
                None => {
                    let pending = Status::Pending;
                    Self { status: Some(pending), detail: pending.word().to_owned(), ..Self::default() }
                }
            },
            Overlay::Traffic(traffic) => Self::loaded(traffic.states.get(&node.name).copied().unwrap_or_default()),
        }
    }

    fn visited(state: &StateStatus, now: Timestamp) -> Self {
        let is_open = state.entered.is_some() && state.left.is_none();
        let since = is_open.then(|| now.checked_sub(SignedDuration::from_millis(state.spent_ms)).ok()).flatten();
        let left = state.times_out.map(|at| at.duration_since(now).as_millis());
        let clock = left.map(|left| format!("{} left", words::duration(left.try_into().unwrap_or_default())));
        let badge = repetitions(state);
        let heartbeats = state.heartbeat_seconds.map(|seconds| format!("a heartbeat every {seconds} s"));
        Self {
            status: Some(state.status),
            detail: state.text.clone(),
            said: [Some(state.text.clone()), badge.clone(), clock.clone(), heartbeats].into_iter().flatten().collect(),
            badge,
            clock,
            data: vec![
                ("attempts", (state.attempts > 0).then(|| state.attempts.to_string())),
                ("visits", (state.visits > 0).then(|| state.visits.to_string())),
                ("since", since.map(|at| at.to_string())),
                ("times-out", state.times_out.map(|at| at.to_string())),
                ("heartbeat-seconds", state.heartbeat_seconds.map(|seconds| seconds.to_string())),
            ],
        }
    }

    fn loaded(load: Load) -> Self {
        let (now, failed) = (words::count(load.now), words::count(load.failed));
        let (status, detail) = match (load.now, load.failed) {
            (0, 0) => (Status::Pending, "Idle".to_owned()),
            (_, 0) => (Status::Running, format!("{now} here now")),
            (0, _) => (Status::Failed, format!("{failed} failed")),
            (..) => (Status::Failed, format!("{failed} failed · {now} here now")),
        };
        Self {
            status: Some(status),
            said: vec![detail.clone()],
            detail,
            data: vec![("now", Some(load.now.to_string())), ("failed", Some(load.failed.to_string()))],
            badge: (load.now > 0).then_some(now),
            clock: None,
        }
    }
}

impl NodeFace {
    fn of(node: &Node, overlay: Overlay<'_>) -> Self {
        let Shown { status, detail, badge, clock, said, data } = Shown::of(node, overlay);
        let title = std::iter::once(format!("{} ({})", node.name, node.detail))
            .chain(node.comment.clone())
            .chain(said)
            .map(|line| text::clean(&line))
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            id: node.id.clone(),
            data: data.into_iter().chain([("status", status.map(|it| it.name().to_owned()))]).collect(),
            icon: icon(node, status),
            detail: fitting(&detail, node.rect.width - STATE_TEXT_AT - STATE_PADDING),
            badge: badge.map(|text| Badge { width: text::width(&text, Font::Badge) + 2 * BADGE_PADDING, text }),
            clock,
            title,
        }
    }
}

/// The text cut short before its last part, which is a time or a number, rather than in it.
fn fitting(detail: &str, most: i32) -> String {
    let Some((before, last)) = detail.rsplit_once(" · ") else { return text::fit(detail, Font::Detail, most) };
    let last = format!(" · {last}");
    text::fit(before, Font::Detail, most - text::width(&last, Font::Detail)) + &last
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
        let (taken, how_often, note) = match overlay {
            Overlay::Definition => (false, None, None),
            Overlay::Execution(execution) => {
                let times = execution.taken.iter().find(|it| is_it(&it.from, &it.to, it.kind)).map_or(0, |it| it.times);
                let note = (times > 1).then(|| format!("× {}", words::count(times.into())));
                (times > 0, Some(("times", times.to_string())), note)
            }
            Overlay::Traffic(traffic) => {
                let rate = traffic.edges.iter().find(|it| is_it(&it.from, &it.to, it.kind)).map(|it| it.per_minute);
                let rate = rate.unwrap_or(0.0);
                (rate > 0.0, Some(("per-minute", rate.to_string())), (rate > 0.0).then(|| words::rate(rate)))
            }
        };
        let data = [("taken", taken.to_string())].into_iter().chain(how_often);
        Self { id: edge.id.clone(), data: data.map(|(name, value)| (name, Some(value))).collect(), note }
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.data.get("taken").is_some_and(|taken| taken.as_deref() == Some("true"))
    }
}
