//! All executions at once: how many are in each state, from the platform's own count; how often each edge is taken, from what
//! changes; and where failures lie, from the dead letters.
//!
//! What changes is watched only while somebody looks: the first look begins it, and it ends a minute after the last. Where the
//! platform tells no changes, edges have no rates.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use asl_graph::traffic::Rate;
use asl_graph::{EdgeKind, Layout};
use jiff::Timestamp;
use ops::{Operations as _, Ops, OpsError};
use orders::OrderId;
use orders::ports::ops::{Change, Changes, ExecutionStatus, InStates};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use crate::definitions::Drawn;

/// A count is not older than this, or than ten times what it took.
const FRESH: Duration = Duration::from_secs(1);
/// Rates are those of the last minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Rates of a shorter time say nothing.
const SHORTEST: Duration = Duration::from_secs(5);
/// Watching ends so long after the last look.
const LINGER: Duration = Duration::from_secs(60);
/// So many executions are followed from state to state at most; those beyond are not counted on edges.
const FOLLOWED: usize = 100_000;

/// What was seen, and how well.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Seen {
    #[serde(skip)]
    pub(crate) traffic: asl_graph::Traffic,
    /// When the executions were counted.
    pub(crate) at: Timestamp,
    /// So many running executions were counted.
    pub(crate) looked_at: u64,
    /// There are more.
    pub(crate) is_sample: bool,
    /// The rates are counted over so long; none where nobody tells.
    pub(crate) rates_over_seconds: Option<u64>,
}

pub(crate) struct Traffic {
    ops: Ops,
    counted: tokio::sync::Mutex<Option<Counted>>,
    edges: Arc<Mutex<Edges>>,
}

/// The platform's count.
struct Counted {
    at: Timestamp,
    in_states: InStates,
    failed: BTreeMap<String, u64>,
    stale_at: Instant,
}

impl Traffic {
    pub(crate) fn new(ops: Ops) -> Self {
        Self { ops, counted: tokio::sync::Mutex::new(None), edges: Arc::new(Mutex::new(Edges::default())) }
    }

    /// As it is now.
    pub(crate) async fn now(&self, drawn: &Arc<Drawn>) -> Result<Seen, OpsError> {
        if let Some(changes) = &self.ops.ports().changes {
            self.watch(changes, drawn);
        }
        // One counts; who comes meanwhile waits for the same count.
        let mut counted = self.counted.lock().await;
        if counted.as_ref().is_none_or(|counted| counted.stale_at <= Instant::now()) {
            *counted = Some(self.count().await?);
        }
        let Some(Counted { at, in_states, failed, .. }) = &*counted else {
            return Err(OpsError::Unavailable("nothing was counted".to_owned()));
        };
        let mut traffic = asl_graph::Traffic::default();
        for (state, now) in &in_states.states {
            traffic.states.entry(state.clone()).or_default().now = *now;
        }
        for (state, failed) in failed {
            traffic.states.entry(state.clone()).or_default().failed = *failed;
        }
        let rates = self.edges.lock().rates(&drawn.layout, Instant::now());
        let rates_over_seconds = rates.as_ref().map(|(_, over)| over.as_secs());
        traffic.edges = rates.map(|(rates, _)| rates).unwrap_or_default();
        Ok(Seen {
            traffic,
            at: *at,
            looked_at: in_states.looked_at,
            is_sample: in_states.is_sample,
            rates_over_seconds,
        })
    }

    async fn count(&self) -> Result<Counted, OpsError> {
        let begun = Instant::now();
        let in_states = self.ops.ports().executions.in_states().await?;
        let mut failed: BTreeMap<String, u64> = BTreeMap::new();
        for cause in self.ops.dead_letters(false).await?.into_iter().flat_map(|breakdown| breakdown.causes) {
            if let Some(step) = cause.step {
                *failed.entry(step.name().to_owned()).or_default() += cause.count;
            }
        }
        let stale_at = Instant::now() + FRESH.max(begun.elapsed() * 10);
        Ok(Counted { at: self.ops.ports().clock.now(), in_states, failed, stale_at })
    }

    /// Begins to watch what changes, unless somebody does already.
    fn watch(&self, changes: &Arc<dyn Changes>, drawn: &Arc<Drawn>) {
        let mut edges = self.edges.lock();
        edges.wanted_until = Some(Instant::now() + LINGER);
        if edges.since.is_some() {
            return;
        }
        *edges = Edges { since: Some(Instant::now()), wanted_until: edges.wanted_until, ..Edges::default() };
        let (shared, mut watch, drawn) = (Arc::clone(&self.edges), changes.watch(None), Arc::clone(drawn));
        tokio::spawn(async move {
            loop {
                let news = tokio::time::timeout(LINGER, watch.news()).await;
                let mut edges = shared.lock();
                if edges.wanted_until.is_none_or(|until| until <= Instant::now()) {
                    *edges = Edges::default();
                    return;
                }
                let Ok(news) = news else { continue };
                if news.missed {
                    edges.at.clear();
                }
                for stamped in news.changes {
                    if let Change::Execution { name, status, states } = stamped.change {
                        edges.went_on(&drawn.layout, name, status, states);
                    }
                }
            }
        });
    }
}

/// How often each edge was taken lately.
#[derive(Default)]
struct Edges {
    /// When watching began; none: nobody watches.
    since: Option<Instant>,
    wanted_until: Option<Instant>,
    /// Where each execution was last.
    at: HashMap<OrderId, Vec<String>>,
    /// What was taken, second by second: how often, by the edge's place in the layout.
    taken: VecDeque<(Instant, HashMap<usize, u32>)>,
}

impl Edges {
    fn went_on(&mut self, layout: &Layout, name: OrderId, status: ExecutionStatus, states: Vec<String>) {
        if self.at.len() >= FOLLOWED && !self.at.contains_key(&name) {
            return;
        }
        let before = self.at.remove(&name);
        if let Some(edge) = edge(layout, before.as_deref(), status, &states) {
            self.take(edge, Instant::now());
        }
        if status == ExecutionStatus::Running {
            self.at.insert(name, states);
        }
    }

    fn take(&mut self, edge: usize, now: Instant) {
        let is_current = |(begun, _): &(Instant, _)| now.duration_since(*begun) < Duration::from_secs(1);
        if !self.taken.back().is_some_and(is_current) {
            self.taken.push_back((now, HashMap::new()));
        }
        while self.taken.front().is_some_and(|(begun, _)| now.duration_since(*begun) > WINDOW) {
            self.taken.pop_front();
        }
        if let Some((_, taken)) = self.taken.back_mut() {
            *taken.entry(edge).or_default() += 1;
        }
    }

    /// Each edge that was taken, and the time it is counted over.
    fn rates(&self, layout: &Layout, now: Instant) -> Option<(Vec<Rate>, Duration)> {
        let over = now.duration_since(self.since?).clamp(SHORTEST, WINDOW);
        let mut sums: BTreeMap<usize, u32> = BTreeMap::new();
        let recent = self.taken.iter().filter(|(begun, _)| now.duration_since(*begun) <= WINDOW);
        for (edge, times) in recent.flat_map(|(_, taken)| taken) {
            *sums.entry(*edge).or_default() += times;
        }
        let rate = |(edge, times): (usize, u32)| {
            let edge = layout.edges.get(edge)?;
            let per_minute = f64::from(times) * 60.0 / over.as_secs_f64();
            Some(Rate { from: edge.from.clone(), to: edge.to.clone(), kind: edge.kind, per_minute })
        };
        Some((sums.into_iter().filter_map(rate).collect(), over))
    }
}

/// The edge between two looks at an execution, if it is plain which one it was.
fn edge(layout: &Layout, before: Option<&[String]>, status: ExecutionStatus, states: &[String]) -> Option<usize> {
    let left = before.unwrap_or_default().iter().find(|state| !states.contains(state));
    let entered = states.iter().find(|state| !before.unwrap_or_default().contains(state));
    let (is_first, is_over) = (before.is_none(), status == ExecutionStatus::Succeeded);
    let is_it = |kind: EdgeKind| match kind {
        EdgeKind::Start => is_first,
        EdgeKind::End => is_over,
        _ => left.is_some() && entered.is_some(),
    };
    let edges = layout.edges.iter().enumerate();
    let fitting =
        edges.filter(|(_, edge)| (edge.from.as_ref(), edge.to.as_ref()) == (left, entered) && is_it(edge.kind));
    // If both a failure and the happy path lead there, it was most likely the latter.
    fitting.min_by_key(|(_, edge)| edge.kind == EdgeKind::Catch).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use statemachine::Definition;

    use super::*;

    /// Charge -> Mail, or on a failure Refund.
    fn layout() -> Layout {
        let definition = r#"{"StartAt": "Charge", "States": {
            "Charge": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Next": "Mail",
                       "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]},
            "Mail": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true},
            "Refund": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true}}}"#;
        Layout::of(&Definition::parse(definition).unwrap())
    }

    fn name(number: u32) -> OrderId {
        format!("ord_{number:026}").parse().unwrap()
    }

    fn rates(edges: &Edges, layout: &Layout, now: Instant) -> Vec<(String, f64)> {
        let shown = |end: &Option<String>| end.clone().unwrap_or_else(|| "-".to_owned());
        let (rates, _) = edges.rates(layout, now).unwrap();
        rates
            .iter()
            .map(|it| (format!("{} {} {}", shown(&it.from), it.kind.name(), shown(&it.to)), it.per_minute))
            .collect()
    }

    fn walk(edges: &mut Edges, layout: &Layout, number: u32, path: &[&str]) {
        for state in path {
            edges.went_on(layout, name(number), ExecutionStatus::Running, vec![(*state).to_owned()]);
        }
        edges.went_on(layout, name(number), ExecutionStatus::Succeeded, Vec::new());
    }

    #[test]
    fn each_edge_that_is_taken_is_counted_once() {
        let (layout, begun) = (layout(), Instant::now());
        let mut edges = Edges { since: Some(begun), ..Edges::default() };
        walk(&mut edges, &layout, 1, &["Charge", "Mail"]);
        // Told twice, as after a retry.
        walk(&mut edges, &layout, 2, &["Charge", "Charge", "Refund"]);
        let mut found = rates(&edges, &layout, begun + WINDOW);
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let expected = [
            ("- start Charge", 2.0),
            ("Charge catch Refund", 1.0),
            ("Charge next Mail", 1.0),
            ("Mail end -", 1.0),
            ("Refund end -", 1.0),
        ];
        assert_eq!(found, expected.map(|(edge, rate)| (edge.to_owned(), rate)));
        assert!(edges.at.is_empty(), "what is over is forgotten");
    }

    #[test]
    fn an_execution_that_was_met_on_its_way_is_counted_from_its_next_edge() {
        let (layout, begun) = (layout(), Instant::now());
        let mut edges = Edges { since: Some(begun), ..Edges::default() };
        walk(&mut edges, &layout, 1, &["Mail"]);
        edges.went_on(&layout, name(2), ExecutionStatus::Failed, Vec::new());
        assert_eq!(rates(&edges, &layout, begun + WINDOW), [("Mail end -".to_owned(), 1.0)]);
    }

    #[test]
    fn rates_are_those_of_the_last_minute_and_of_no_shorter_time_than_says_something() {
        let (layout, begun) = (layout(), Instant::now());
        let mut edges = Edges { since: Some(begun), ..Edges::default() };
        edges.take(0, begun);
        assert_eq!(rates(&edges, &layout, begun)[0].1, 12.0, "one in five seconds");
        edges.take(0, begun + WINDOW / 2);
        assert_eq!(rates(&edges, &layout, begun + WINDOW)[0].1, 2.0);
        assert_eq!(rates(&edges, &layout, begun + WINDOW + WINDOW / 4)[0].1, 1.0);
        assert!(rates(&edges, &layout, begun + WINDOW * 2).is_empty());
        assert!(Edges::default().rates(&layout, begun).is_none(), "nobody watches");
    }
}
