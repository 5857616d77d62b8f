//! What each overlay shows on a state.

use jiff::{SignedDuration, Timestamp};

use super::{Badge, NodeFace, Overlay};
use crate::layout::Node;
use crate::layout::sizes::{BADGE_PADDING, STATE_PADDING, STATE_TEXT_AT};
use crate::model::{Kind, summary};
use crate::status::{StateStatus, Status};
use crate::text::{self, Font};
use crate::traffic::Load;
use crate::words;

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
    pub(super) fn of(node: &Node, overlay: Overlay<'_>) -> Self {
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
