//! Who goes on. A delivery that calls a port waits at that *point* until its turn is granted, together with what goes wrong
//! with it; so everything between two port calls of one delivery is one step, and any other may come in between.
//!
//! A seeded executor of our own: docs/decisions/0013-a-scheduler-of-our-own.md.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::hash::{DefaultHasher, Hasher};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::choices::Choices;
use crate::memory::faults::Fault;

/// What the ports share with the executor: the points that wait, the run's choices, and its trace.
pub struct Schedule {
    state: Mutex<State>,
}

struct State {
    choices: Choices,
    points: Vec<Point>,
    next_point: u64,
    /// The task that is being polled, while one is.
    running: Option<TaskId>,
    lines: Option<Vec<Line>>,
    wrong: Option<String>,
    /// What each task has learnt, if that is wanted: its answers decide what it does next.
    learnt: Option<BTreeMap<TaskId, u64>>,
    weights_of_loss: Option<[u32; 3]>,
}

/// A line of the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose; `None` if it is the world's.
    pub task: Option<TaskId>,
    /// What happened.
    pub text: String,
}

/// A delivery, or whatever else runs: by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub usize);

/// A port call that waits for its turn.
struct Point {
    id: u64,
    task: TaskId,
    waker: Waker,
    granted: Option<Option<Fault>>,
}

/// What becomes of a message that the workflow sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// It arrives.
    Arrives,
    /// The queue refuses it for now.
    Fails,
    /// It is never seen.
    GetsLost,
}

impl Schedule {
    /// A schedule by these choices.
    pub fn new(choices: Choices, traced: bool) -> Self {
        let state = State {
            choices,
            points: Vec::new(),
            next_point: 0,
            running: None,
            lines: traced.then(Vec::new),
            wrong: None,
            learnt: None,
            weights_of_loss: None,
        };
        Self { state: Mutex::new(state) }
    }

    /// Waits at a port call until it is granted; says what goes wrong with it.
    pub(crate) const fn turn(&self) -> Turn<'_> {
        Turn { schedule: self, point: None }
    }

    /// Makes a choice.
    pub fn pick(&self, weights: &[u32]) -> usize {
        self.state.lock().choices.pick(weights)
    }

    /// The choices so far.
    pub fn taken(&self) -> Vec<crate::choices::Taken> {
        self.state.lock().choices.taken().to_vec()
    }

    /// How often a message of the workflow arrives, fails, and gets lost; without, all arrive, and it is no choice.
    pub fn lose(&self, weights: Option<[u32; 3]>) {
        self.state.lock().weights_of_loss = weights;
    }

    /// What becomes of the message that is being sent.
    pub(crate) fn sending(&self) -> Sending {
        let mut state = self.state.lock();
        let Some(weights) = state.weights_of_loss else { return Sending::Arrives };
        match state.choices.pick(&weights) {
            0 => Sending::Arrives,
            1 => Sending::Fails,
            _ => Sending::GetsLost,
        }
    }

    /// Is a trace kept?
    pub fn is_traced(&self) -> bool {
        self.state.lock().lines.is_some()
    }

    /// From now on it is kept what the tasks learn.
    pub fn keep_learnt(&self) {
        self.state.lock().learnt = Some(BTreeMap::new());
    }

    /// The running task has an answer.
    pub(crate) fn learn(&self, answer: &dyn fmt::Debug) {
        let mut state = self.state.lock();
        let running = state.running;
        if let (Some(learnt), Some(task)) = (&mut state.learnt, running) {
            let digest = learnt.entry(task).or_default();
            *digest = fingerprint(|to| write!(to, "{digest} {answer:?}"));
        }
    }

    /// All that a task knows, as a number.
    pub fn learnt(&self, task: TaskId) -> u64 {
        self.state.lock().learnt.as_ref().and_then(|learnt| learnt.get(&task).copied()).unwrap_or_default()
    }

    /// Notes what the running task did, or the world if none is running.
    pub fn tell(&self, text: impl FnOnce() -> String) {
        let mut state = self.state.lock();
        let task = state.running;
        if let Some(lines) = &mut state.lines {
            lines.push(Line { task, text: text() });
        }
    }

    /// The lines since they were last asked for.
    pub fn lines(&self) -> Vec<Line> {
        self.state.lock().lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// An adapter saw what must never be.
    pub(crate) fn accuse(&self, what: String) {
        self.state.lock().wrong.get_or_insert(what);
    }

    /// What an adapter saw, if anything.
    pub fn wrong(&self) -> Option<String> {
        self.state.lock().wrong.take()
    }
}

/// A number for what is written: equal for equal texts, and as good as never for others.
pub fn fingerprint(write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) -> u64 {
    struct Hashing(DefaultHasher);
    impl fmt::Write for Hashing {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut hashing = Hashing(DefaultHasher::new());
    write(&mut hashing).expect("a hasher takes everything");
    hashing.0.finish()
}

/// See [`Schedule::turn`].
pub(crate) struct Turn<'a> {
    schedule: &'a Schedule,
    point: Option<u64>,
}

impl Future for Turn<'_> {
    type Output = Option<Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.schedule.state.lock();
        let Some(id) = self.point else {
            let id = state.next_point;
            state.next_point += 1;
            let task = state.running.expect("only the executor's tasks wait for a turn");
            let point = Point { id, task, waker: context.waker().clone(), granted: None };
            state.points.push(point);
            drop(state);
            self.point = Some(id);
            return Poll::Pending;
        };
        let index = state.points.iter().position(|point| point.id == id).expect("a point stays until it is granted");
        match state.points[index].granted {
            Some(fault) => {
                state.points.remove(index);
                drop(state);
                self.point = None;
                Poll::Ready(fault)
            }
            None => {
                state.points[index].waker.clone_from(context.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for Turn<'_> {
    /// Whoever waits dies with its task.
    fn drop(&mut self) {
        if let Some(id) = self.point {
            self.schedule.state.lock().points.retain(|point| point.id != id);
        }
    }
}

/// The tasks in flight, polled on this thread, one step at a time.
pub struct Executor {
    schedule: Arc<Schedule>,
    tasks: Vec<Option<BoxFuture<'static, ()>>>,
}

/// A point that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    point: u64,
    /// Whose.
    pub task: TaskId,
}

impl Executor {
    /// No task yet.
    pub const fn new(schedule: Arc<Schedule>) -> Self {
        Self { schedule, tasks: Vec::new() }
    }

    /// Starts a task and lets it run to its first point. A task that panics outside a worker is dead, as a process is.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> TaskId {
        let id = TaskId(self.tasks.len());
        let task = AssertUnwindSafe(task).catch_unwind().map(|_| ());
        self.tasks.push(Some(Box::pin(task)));
        self.poll(id);
        id
    }

    /// The number of the next task.
    pub const fn next(&self) -> TaskId {
        TaskId(self.tasks.len())
    }

    /// Every point that waits, in the order of arrival.
    pub fn waiting(&self) -> Vec<Waiting> {
        let state = self.schedule.state.lock();
        state.points.iter().map(|point| Waiting { point: point.id, task: point.task }).collect()
    }

    /// Lets a port call happen, and its task run to the next.
    pub fn grant(&mut self, waiting: Waiting, fault: Option<Fault>) {
        let waker = {
            let mut state = self.schedule.state.lock();
            let point = state.points.iter_mut().find(|point| point.id == waiting.point).expect("it waits");
            point.granted = Some(fault);
            point.waker.clone()
        };
        waker.wake();
        self.poll(waiting.task);
    }

    /// The task's process dies where it stands.
    pub fn kill(&mut self, task: TaskId) {
        self.tasks[task.0] = None;
    }

    /// Is it still in flight?
    pub fn is_running(&self, task: TaskId) -> bool {
        self.tasks.get(task.0).is_some_and(Option::is_some)
    }

    fn poll(&mut self, task: TaskId) {
        let Some(future) = &mut self.tasks[task.0] else { return };
        self.schedule.state.lock().running = Some(task);
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.schedule.state.lock().running = None;
        if polled.is_ready() {
            self.tasks[task.0] = None;
        }
    }
}
