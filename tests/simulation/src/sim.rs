//! One run: the world, who is in flight in it, and the invariants, looked at after every step.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::ops::AddAssign;
use std::sync::Arc;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use jiff::Timestamp;
use orders::ports::Clock;
use orders::{Order, OrderId, Queue, Status};
use serde_json::Value;

use crate::book::SharedBook;
use crate::choices::Choices;
use crate::edges::{Edge, walked};
use crate::invariants::{Monitor, Violation};
use crate::memory::faults::{Fault, Faults};
use crate::memory::workflow::Run;
use crate::schedule::{Executor, Schedule, TaskId, Waiting};
use crate::world::World;

/// What runs did, summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Runs.
    pub runs: u64,
    /// Port calls.
    pub steps: u64,
    /// Deliveries, and what clients and ops did.
    pub tasks: u64,
    /// Steps of another task than the one before, while that one could have gone on.
    pub preemptions: u64,
    /// Calls that failed before their effect.
    pub before: u64,
    /// Calls whose answer was lost.
    pub after: u64,
    /// Workers that panicked.
    pub crashes: u64,
    /// Processes that died in a task.
    pub kills: u64,
    /// How often time passed while something was in flight.
    pub late: u64,
    /// Orders that ended confirmed, and rejected.
    pub confirmed: u64,
    /// The others.
    pub rejected: u64,
    /// Which retriers and catchers of the definition were walked.
    pub edges: BTreeSet<Edge>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} port calls, {} preemptions, {} times late; {} failed before, {} after, {} panics, {} kills; \
             {} orders confirmed, {} rejected; {} of {} edges",
            self.steps,
            self.preemptions,
            self.late,
            self.before,
            self.after,
            self.crashes,
            self.kills,
            self.confirmed,
            self.rejected,
            self.edges.len(),
            crate::edges::all().len()
        )
    }
}

impl AddAssign<&Figures> for Figures {
    fn add_assign(&mut self, other: &Figures) {
        self.runs += other.runs;
        self.steps += other.steps;
        self.tasks += other.tasks;
        self.preemptions += other.preemptions;
        self.before += other.before;
        self.after += other.after;
        self.crashes += other.crashes;
        self.kills += other.kills;
        self.late += other.late;
        self.confirmed += other.confirmed;
        self.rejected += other.rejected;
        for edge in &other.edges {
            if !self.edges.contains(edge) {
                self.edges.insert(edge.clone());
            }
        }
    }
}

/// One run under way.
pub struct Sim {
    /// The pipeline.
    pub world: Arc<World>,
    /// What was promised.
    pub book: SharedBook,
    /// Choices, and points.
    pub schedule: Arc<Schedule>,
    /// What it did so far.
    pub figures: Figures,
    executor: Executor,
    monitor: Monitor,
    labels: Vec<String>,
    /// The task of the last step.
    last: Option<TaskId>,
    trace: Vec<String>,
}

/// How a port call goes, or its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Well.
    Well,
    /// With a fault.
    Fault(Fault),
    /// The process dies before it.
    Killed,
}

/// All of them; well first.
pub const FATES: [Fate; 5] =
    [Fate::Well, Fate::Fault(Fault::Before), Fate::Fault(Fault::After), Fate::Fault(Fault::Crash), Fate::Killed];

/// Runs with the clock of Tokio standing still, as the batch core's deadlines need one. Once per thread.
pub fn with_still_clock<T>(run: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without IO");
    let _entered = runtime.enter();
    run()
}

impl Sim {
    /// A world of these stocks.
    pub fn new(choices: Choices, traced: bool, max_receive_count: u32, stock: &[u32]) -> Self {
        // The backoff's jitter.
        fastrand::seed(7);
        let schedule = Arc::new(Schedule::new(choices, traced));
        let world = Arc::new(World::over(Faults::scheduled(schedule.clone()), max_receive_count, stock));
        Self {
            book: SharedBook::default(),
            figures: Figures { runs: 1, ..Figures::default() },
            executor: Executor::new(schedule.clone()),
            monitor: Monitor::new(&world),
            labels: Vec::new(),
            last: None,
            trace: Vec::new(),
            world,
            schedule,
        }
    }

    /// Starts a task, up to its first port call.
    pub fn spawn(&mut self, label: impl FnOnce() -> String, task: impl Future<Output = ()> + Send + 'static) -> TaskId {
        if self.schedule.is_traced() {
            self.labels.push(label());
        }
        self.figures.tasks += 1;
        let id = self.executor.spawn(task);
        self.last = Some(id);
        id
    }

    /// Hands messages to their queue's worker.
    pub fn deliver(&mut self, queue: Queue, records: Vec<SqsMessage>, clock: usize) -> TaskId {
        let label = || records.iter().map(described).collect::<Vec<_>>().join(" + ");
        let label = if self.schedule.is_traced() { label() } else { String::new() };
        let mut event = SqsEvent::default();
        event.records = records;
        let world = self.world.clone();
        self.spawn(move || label, async move { world.handle(queue, event, clock).await })
    }

    /// Every port call that waits: that of the last task first, then in the order of arrival.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = self.executor.waiting();
        waiting.sort_by_key(|waiting| Some(waiting.task) != self.last);
        waiting
    }

    /// The task of the last step, if it is still in flight.
    pub fn last(&self) -> Option<TaskId> {
        self.last.filter(|task| self.executor.is_running(*task))
    }

    /// Is it still in flight?
    pub fn is_running(&self, task: TaskId) -> bool {
        self.executor.is_running(task)
    }

    /// One step: a port call with its fate, and whatever its task does until the next.
    ///
    /// # Errors
    /// The invariant that is broken after it.
    pub fn step(&mut self, waiting: Waiting, fate: Fate) -> Result<(), Violation> {
        if self.last().is_some_and(|last| last != waiting.task) {
            self.figures.preemptions += 1;
        }
        self.figures.steps += 1;
        let fault = match fate {
            Fate::Well => None,
            Fate::Fault(fault) => {
                match fault {
                    Fault::Before => self.figures.before += 1,
                    Fault::After => self.figures.after += 1,
                    Fault::Crash => self.figures.crashes += 1,
                }
                Some(fault)
            }
            Fate::Killed => return self.kill(waiting.task),
        };
        self.last = Some(waiting.task);
        self.executor.grant(waiting, fault);
        self.check()
    }

    fn kill(&mut self, task: TaskId) -> Result<(), Violation> {
        self.figures.kills += 1;
        self.executor.kill(task);
        self.schedule.tell(|| format!("the process of task {} dies", task.0));
        self.check()
    }

    /// Something that is no port call: time passes, a timer fires.
    ///
    /// # Errors
    /// The invariant that is broken after it.
    pub fn happen(&mut self, what: impl FnOnce() -> String, effect: impl FnOnce(&World)) -> Result<(), Violation> {
        self.schedule.tell(what);
        effect(&self.world);
        self.check()
    }

    /// Did a refund begin before this task did? Such a charge is judged otherwise.
    pub fn overtaken(&self, task: TaskId) -> bool {
        self.monitor.overtaken(task)
    }

    /// When something happens by itself, later than now: a message becomes visible, a timer is due.
    pub fn next_event(&self) -> Option<Timestamp> {
        let now = self.world.clock.now();
        let visible = Queue::ALL.iter().filter_map(|queue| self.world.queues.next_visible_after(*queue, now)).min();
        visible.into_iter().chain(self.world.workflow.next_timer()).min()
    }

    /// Time passes until then, and what is due happens.
    ///
    /// # Errors
    /// The invariant that is broken after it.
    pub fn advance_to(&mut self, at: Timestamp) -> Result<(), Violation> {
        if !self.executor.waiting().is_empty() {
            self.figures.late += 1;
        }
        self.happen(
            || "time passes".to_owned(),
            |world| {
                world.clock.advance_to(at);
                world.workflow.fire_timers();
            },
        )
    }

    fn check(&mut self) -> Result<(), Violation> {
        self.write_down();
        let book = self.book.lock();
        let checked = self.monitor.check(&self.world, &book, self.last, self.executor.next());
        drop(book);
        checked
    }

    /// The end of a run in which nothing is left to do.
    ///
    /// # Errors
    /// The promise that is broken.
    pub fn end(&mut self) -> Result<(), Violation> {
        self.world.store.look(|orders, _| {
            let of = |status| orders.iter().filter(|order: &&Order| order.progress.status == status).count() as u64;
            self.figures.confirmed += of(Status::Confirmed);
            self.figures.rejected += of(Status::Rejected);
            for order in orders {
                let history = |run: Option<&Run>| run.map_or_else(BTreeSet::new, |run| walked(&run.history));
                self.figures.edges.extend(self.world.workflow.with_run(order.id(), history));
            }
        });
        self.monitor.judge(&self.world, &self.book.lock())
    }

    /// Orders whose execution was stopped, and that nobody has undone yet.
    pub fn abandoned(&self) -> Vec<OrderId> {
        if self.book.lock().stopped.is_empty() {
            return Vec::new();
        }
        self.world.store.look(|orders, _| {
            let abandoned = |order: &&Order| {
                !order.progress.status.is_final()
                    && self.world.workflow.with_run(order.id(), |run| run.is_some_and(|run| run.outcome.is_some()))
            };
            orders.iter().filter(abandoned).map(|order| order.id().clone()).collect()
        })
    }

    fn write_down(&mut self) {
        if !self.schedule.is_traced() {
            return;
        }
        let at = elapsed(self.world.clock.now());
        for line in self.schedule.lines() {
            let who = match line.task {
                Some(task) => format!("{:>3} {}", task.0, self.labels[task.0]),
                None => "  *".to_owned(),
            };
            self.trace.push(format!("{at} {who}: {}", line.text));
        }
    }

    /// What happened, a line for each step, with the orders by their numbers.
    pub fn trace(&mut self) -> Vec<String> {
        self.write_down();
        self.trace.iter().map(|line| self.named(line)).collect()
    }

    /// A text with the orders by their numbers.
    pub fn named(&self, text: &str) -> String {
        self.world.store.look(|orders, _| {
            let name = |text: String, (index, order): (usize, &Order)| {
                text.replace(order.id().as_str(), &format!("order {index}"))
            };
            orders.iter().enumerate().fold(text.to_owned(), name)
        })
    }
}

/// Days and the time since the beginning.
fn elapsed(now: Timestamp) -> String {
    let beginning: Timestamp = crate::memory::clock::BEGINNING.parse().expect("a timestamp");
    let seconds = now.duration_since(beginning).as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    format!("{days:>2}d {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

fn described(message: &SqsMessage) -> String {
    let body: Value = message.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    let step = body["step"].as_str().unwrap_or("?").to_owned();
    let received = message.attributes.get("ApproximateReceiveCount").map_or("?", String::as_str);
    format!("{step} of {} ({received})", body["order_id"].as_str().unwrap_or("?"))
}
