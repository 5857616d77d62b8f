//! Every pair of deliveries of an order that can be in flight together: all interleavings of their port calls, with one fault
//! at any of them or none. Depth first over the choices, each run from the start; two that come to the same state (of the
//! world, and of what each side has learnt) have the same future, which is run once and counted for both.

mod table;

use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

use aws_lambda_events::sqs::SqsMessage;
use orders::order::Content;
use orders::{NewOrder, Queue, Step};

use crate::book;
use crate::choices::Choices;
use crate::invariants::Violation;
use crate::schedule::{TaskId, fingerprint};
use crate::sim::{FATES, Fate, Figures, Sim};

pub use table::{LEAST, PAIRS};

/// What one side does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The order of this number is posted.
    Post(usize),
    /// A message of this step is delivered, of this order.
    Deliver(Step, usize),
    /// The message that was delivered last of this step is delivered once more, whatever became of it.
    Again(Step),
    /// The workflow's next timer is due: a day has passed.
    TimeOut,
    /// The customer cancels.
    Cancel,
    /// Ops stop the execution, and begin to undo.
    Stop,
}

/// Two sides that are in flight together, once all of `before` is done.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// What for.
    pub name: &'static str,
    /// Done one after the other.
    pub before: &'static [Move],
    /// One side.
    pub one: &'static [Move],
    /// The other.
    pub other: &'static [Move],
    /// What is ordered.
    pub order: fn(&mut Content),
    /// How many there are of it.
    pub stock: u32,
    /// With a fault at any call as well as with none.
    pub with_fault: bool,
}

/// How many ways lead from a state to the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// Interleavings of port calls.
    pub interleavings: u64,
    /// The same, and those with a fault at one of the calls.
    pub with_faults: u64,
}

impl AddAssign for Ways {
    fn add_assign(&mut self, other: Self) {
        self.interleavings += other.interleavings;
        self.with_faults += other.with_faults;
    }
}

/// What became of a pair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explored {
    /// What was run.
    pub figures: Figures,
    /// What that covers.
    pub ways: Ways,
    /// How many states there are.
    pub states: usize,
}

/// A pair that broke an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which, and how.
    pub violation: Violation,
    /// A line for each step.
    pub trace: Vec<String>,
}

impl Pair {
    /// Runs all of it.
    ///
    /// # Errors
    /// The first run that broke an invariant; with few changes of who goes on before it, as depth first goes.
    pub fn explore(&self) -> Result<Explored, Failure> {
        let mut search = Search { pair: self, known: HashMap::new(), figures: Figures::default() };
        let ways = search.from(Vec::new())?;
        Ok(Explored { figures: search.figures, ways, states: search.known.len() })
    }
}

/// The states that were seen, and the ways from each of them.
struct Search<'a> {
    pair: &'a Pair,
    known: HashMap<u64, Ways>,
    figures: Figures,
}

impl Search<'_> {
    /// All ways that begin with these choices.
    fn from(&mut self, given: Vec<u16>) -> Result<Ways, Failure> {
        let begun = given.len();
        let mut run = Run::new(self.pair, given, false);
        let ended = run.go(begun, &self.known);
        self.figures += &run.sim.figures;
        let taken: Vec<u16> = run.sim.schedule.taken().iter().map(|choice| choice.index).collect();
        let nodes = run.nodes;
        let mut ways = ended.map_err(|violation| self.failure(violation, &taken))?;
        for (at, node) in nodes.into_iter().enumerate().rev() {
            for (other, fate) in node.options.iter().enumerate().skip(1) {
                let mut given = taken[..begun + at].to_vec();
                given.push(other as u16);
                let mut others = self.from(given)?;
                if *fate != Fate::Well {
                    others.interleavings = 0;
                }
                ways += others;
            }
            self.known.insert(node.state, ways);
        }
        Ok(ways)
    }

    fn failure(&self, violation: Violation, taken: &[u16]) -> Failure {
        let mut again = Run::new(self.pair, taken.to_vec(), true);
        let trace = again.go(usize::MAX, &HashMap::new()).err().map(|_| again.sim.trace());
        Failure { violation: again.sim.named(&violation), trace: trace.unwrap_or_default() }
    }
}

/// A state in which there was a choice.
struct Node {
    state: u64,
    options: Vec<Fate>,
}

/// What came of beginning a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    /// It is under way.
    Task(TaskId),
    /// It is done at once.
    Done,
    /// There was nothing to do.
    Nothing,
}

struct Run<'a> {
    pair: &'a Pair,
    sim: Sim,
    placed: Vec<NewOrder>,
    delivered: BTreeMap<Step, SqsMessage>,
    nodes: Vec<Node>,
    faults: usize,
}

/// One side on its way: what is left to do, and the task of what it does.
struct Side<'a> {
    moves: &'a [Move],
    task: Option<TaskId>,
}

impl<'a> Run<'a> {
    fn new(pair: &'a Pair, choices: Vec<u16>, traced: bool) -> Self {
        let sim = Sim::new(Choices::given(choices), traced, 10, &[pair.stock]);
        let placed = (0..2).map(|index| sim.world.placed(&format!("order-{index}"), pair.order)).collect();
        Self { pair, sim, placed, delivered: BTreeMap::new(), nodes: Vec::new(), faults: 0 }
    }

    /// To the end, or to a state that is known, after the first so many choices.
    fn go(&mut self, begun: usize, known: &HashMap<u64, Ways>) -> Result<Ways, Violation> {
        for step in self.pair.before {
            if self.start(*step)? == Begun::Nothing {
                return Err(format!("{}: nothing to do at {step:?}", self.pair.name));
            }
            while let Some(waiting) = self.sim.waiting().first().copied() {
                self.sim.step(waiting, Fate::Well)?;
            }
        }
        self.sim.schedule.keep_learnt();
        if let Some(ways) = self.race(begun, known)? {
            return Ok(ways);
        }
        self.settle()?;
        Ok(Ways { interleavings: 1, with_faults: 1 })
    }

    /// The two sides, whoever's turn it is. The ways from a state that is known, if it comes to one.
    fn race(&mut self, begun: usize, known: &HashMap<u64, Ways>) -> Result<Option<Ways>, Violation> {
        let mut sides = [self.pair.one, self.pair.other].map(|moves| Side { moves, task: None });
        let (mut last, mut choices) = (0, 0);
        loop {
            // Whoever was last goes on, unless chosen otherwise. What is only begun can't fail.
            let mut options = Vec::new();
            for side in [last, 1 - last].into_iter().filter(|side| self.is_able(&sides[*side])) {
                let can_fail = self.pair.with_fault && self.faults == 0 && self.is_under_way(&sides[side]);
                let fates = if can_fail { &FATES[..] } else { &FATES[..1] };
                options.extend(fates.iter().map(|fate| (side, *fate)));
            }
            // A side may be left waiting for what never comes: the other made it unnecessary.
            if options.is_empty() {
                return Ok(None);
            }
            if options.len() > 1 {
                choices += 1;
                if choices > begun {
                    let state = self.state(&sides);
                    if let Some(ways) = known.get(&state) {
                        return Ok(Some(*ways));
                    }
                    self.nodes.push(Node { state, options: options.iter().map(|(_, fate)| *fate).collect() });
                }
            }
            let (chosen, fate) = options[self.sim.schedule.pick(&vec![1; options.len()])];
            last = chosen;
            let side = &mut sides[chosen];
            match side.task.filter(|task| self.sim.is_running(*task)) {
                Some(task) => {
                    let waiting = self.sim.waiting().into_iter().find(|waiting| waiting.task == task);
                    self.faults += usize::from(fate != Fate::Well);
                    self.sim.step(waiting.ok_or("a task waits for nothing")?, fate)?;
                }
                None => {
                    let Some((first, rest)) = side.moves.split_first() else { continue };
                    side.moves = rest;
                    if let Begun::Task(task) = self.start(*first)? {
                        side.task = Some(task);
                    }
                }
            }
        }
    }

    fn state(&self, sides: &[Side<'_>]) -> u64 {
        fingerprint(|to| {
            self.sim.world.fingerprint(to)?;
            write!(to, "{:?}{:?}{}", self.sim.book.lock(), self.delivered, self.faults)?;
            sides.iter().try_for_each(|side| {
                let task = side.task.filter(|task| self.sim.is_running(*task));
                let knows = task.map(|task| (self.sim.schedule.learnt(task), self.sim.overtaken(task)));
                write!(to, "{}{knows:?}", side.moves.len())
            })
        })
    }

    fn is_under_way(&self, side: &Side<'_>) -> bool {
        side.task.is_some_and(|task| self.sim.is_running(task))
    }

    fn is_able(&self, side: &Side<'_>) -> bool {
        self.is_under_way(side)
            || match side.moves.first() {
                None => false,
                Some(Move::Deliver(step, order)) => self.find(*step, *order).is_some(),
                Some(Move::TimeOut) => self.sim.world.workflow.next_timer().is_some(),
                Some(Move::Again(step)) => self.delivered.contains_key(step),
                Some(Move::Post(_) | Move::Cancel | Move::Stop) => true,
            }
    }

    /// The visible message of this step and order.
    fn find(&self, step: Step, order: usize) -> Option<u64> {
        let name = format!("\"{}\"", step.name());
        let id = self.placed[order].id.as_str();
        self.sim.world.queues.find_visible(step.queue(), |body| body.contains(&name) && body.contains(id))
    }

    fn start(&mut self, step: Move) -> Result<Begun, Violation> {
        let (world, shared) = (self.sim.world.clone(), self.sim.book.clone());
        let id = self.placed[0].id.clone();
        let label = format!("{step:?}");
        Ok(Begun::Task(match step {
            Move::Post(index) => {
                let order = self.placed[index].clone();
                self.sim.spawn(|| label, book::post(world, shared, order))
            }
            Move::Deliver(step, order) => {
                let found = self.find(step, order).and_then(|id| world.queues.receive_one(step.queue(), id));
                let Some(message) = found else { return Ok(Begun::Nothing) };
                self.delivered.insert(step, message.clone());
                self.sim.deliver(step.queue(), vec![message], 0)
            }
            Move::Again(step) => {
                let Some(message) = self.delivered.get(&step).cloned() else { return Ok(Begun::Nothing) };
                let id = message.message_id.as_deref().and_then(|id| id.parse().ok());
                let again = id.and_then(|id| world.queues.receive_one(step.queue(), id)).unwrap_or(message);
                self.sim.deliver(step.queue(), vec![again], 0)
            }
            Move::TimeOut => {
                let Some(at) = world.workflow.next_timer() else { return Ok(Begun::Nothing) };
                self.sim.advance_to(at)?;
                return Ok(Begun::Done);
            }
            Move::Cancel => self.sim.spawn(|| label, book::cancel(world, shared, id)),
            Move::Stop => self.sim.spawn(|| label, book::stop(world, shared, id, 0)),
        }))
    }

    /// What is left, one delivery at a time, to the end.
    fn settle(&mut self) -> Result<(), Violation> {
        for _ in 0..2_000 {
            if let Some(waiting) = self.sim.waiting().first().copied() {
                self.sim.step(waiting, Fate::Well)?;
            } else if let Some((queue, message)) = self.receive() {
                self.sim.deliver(queue, vec![message], 0);
            } else if let Some(at) = self.sim.next_event() {
                self.sim.advance_to(at)?;
            } else if let Some(id) = self.sim.abandoned().pop() {
                let world = self.sim.world.clone();
                self.sim.spawn(|| format!("reconcile {id}"), book::compensate(world, id.clone(), 0));
            } else {
                return self.sim.end();
            }
        }
        Err("a run ends".to_owned())
    }

    fn receive(&self) -> Option<(Queue, SqsMessage)> {
        Queue::ALL.iter().find_map(|queue| {
            let first = self.sim.world.queues.find_visible(*queue, |_| true)?;
            Some((*queue, self.sim.world.queues.receive_one(*queue, first)?))
        })
    }
}
