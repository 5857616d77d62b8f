//! What a drawing shows of an execution or of many: for each state a status and a few words, for each edge whether it was
//! taken. The page patches these into a drawing that it has, by id; nothing here changes a position.

mod node;

use std::collections::BTreeMap;

use serde::Serialize;
use statemachine::ExecutionStatus;

use crate::layout::sizes::MARGIN;
use crate::layout::{Edge, Layout};
use crate::model::EdgeKind;
use crate::status::{Execution, Status};
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
