//! A run by its seed: several orders of few goods, whatever can be in flight together, and faults of all kinds.

use orders::order::Content;
use orders::{Currency, Line, Money, NewOrder, OrderId, Queue, Step};

use crate::book;
use crate::choices::{Choices, Taken};
use crate::invariants::Violation;
use crate::memory::mailer::DEAD_ADDRESS;
use crate::schedule::Waiting;
use crate::sim::{FATES, Figures, Sim};
use crate::world::{PRICE, STOCK, sku};

/// What a run did, and by which choices.
pub type Ran = (Figures, Vec<Taken>);

/// A run that broke an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which, and how.
    pub violation: Violation,
    /// The choices that led there.
    pub choices: Vec<Taken>,
    /// A line for each step, if it was traced.
    pub trace: Vec<String>,
}

/// After so many steps nothing happens any more but what must.
const CALM_AFTER: u64 = 700;
/// More than happens in any run that ends.
const ENDLESS: usize = 6_000;

/// What may come at any time, and is right: the compensations. (The last step relies on them.)
const STRAYS: [Step; 2] = [Step::RefundPayment, Step::ReleaseInventory];

/// How wild a run is: the weights of its choices. Each run has its own, so that some have one kind of trouble and no other.
#[derive(Debug, Clone)]
struct Temper {
    orders: [u32; 6],
    kinds: [u32; 7],
    stay: u32,
    switch: u32,
    deliver: u32,
    pass: u32,
    trouble: u32,
    clients: u32,
    meddling: u32,
    /// Of a thousand port calls: each kind of fault.
    faults: [u32; 4],
    loss: [u32; 3],
}

impl Temper {
    fn of(rng: &mut fastrand::Rng) -> Self {
        let mut one_of = |from: &[u32]| from[rng.usize(..from.len())];
        let rate = one_of(&[0, 0, 4, 15, 40]);
        Self {
            orders: [3, 4, 3, 2, 1, 1],
            kinds: [10, 2, 1, 1, 1, 1, 1],
            stay: one_of(&[10, 40, 200]),
            switch: one_of(&[1, 10, 40]),
            deliver: one_of(&[5, 20, 40]),
            pass: one_of(&[0, 0, 0, 1, 4]),
            trouble: one_of(&[0, 0, 1, 2]),
            clients: one_of(&[0, 0, 1, 2]),
            meddling: one_of(&[0, 0, 0, 0, 1]),
            faults: [0; 4].map(|_: u32| rate * one_of(&[0, 1, 3])),
            loss: [200, one_of(&[0, 0, 10]), one_of(&[0, 0, 0, 10])],
        }
    }

    /// So many orders, nothing special about them.
    fn few(self, orders: usize) -> Self {
        let mut few = Self { orders: [0; 6], kinds: [1, 0, 0, 0, 0, 0, 0], ..self };
        few.orders[orders - 1] = 1;
        few
    }

    const CALM: Self = Self {
        orders: [1, 0, 0, 0, 0, 0],
        kinds: [1, 0, 0, 0, 0, 0, 0],
        stay: 1,
        switch: 0,
        deliver: 0,
        pass: 0,
        trouble: 0,
        clients: 0,
        meddling: 0,
        faults: [0; 4],
        loss: [1, 0, 0],
    };
}

/// What may happen next.
enum Action {
    Go(Waiting),
    Post(usize),
    Deliver(Queue, u64),
    Advance(jiff::Timestamp),
    Redrive(Queue),
    Reconcile(usize),
    Cancel(usize),
    Stop(usize),
    Resend(usize),
    Stray(usize, Step),
    Bury(Queue, u64),
}

/// Runs by a seed.
///
/// # Errors
/// The broken invariant.
pub fn by_seed(seed: u64) -> Result<Ran, Failure> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let temper = Temper::of(&mut rng);
    run(Choices::seeded(rng), temper, false)
}

/// Runs by a seed, with so many orders and nothing special about them.
///
/// # Errors
/// The broken invariant.
pub fn few_by_seed(seed: u64, orders: usize) -> Result<Ran, Failure> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let temper = Temper::of(&mut rng).few(orders);
    run(Choices::seeded(rng), temper, false)
}

/// Runs by given choices.
///
/// # Errors
/// The broken invariant, with a trace if that is wanted.
pub fn by_choices(choices: Vec<u16>, traced: bool) -> Result<Ran, Failure> {
    // The weights are for drawing only: what can be chosen doesn't depend on them.
    run(Choices::given(choices), Temper::CALM, traced)
}

fn run(choices: Choices, temper: Temper, traced: bool) -> Result<Ran, Failure> {
    let mut run = Run::new(choices, temper, traced);
    match run.go() {
        Ok(()) => Ok((run.sim.figures, run.sim.schedule.taken())),
        Err(violation) => Err(Failure {
            violation: run.sim.named(&violation),
            choices: run.sim.schedule.taken(),
            trace: run.sim.trace(),
        }),
    }
}

struct Run {
    sim: Sim,
    temper: Temper,
    placed: Vec<NewOrder>,
    posted: usize,
    /// What is still granted to whoever makes trouble, so that a run ends.
    troubles: usize,
    faults: usize,
}

impl Run {
    fn new(choices: Choices, temper: Temper, traced: bool) -> Self {
        let mut choices = choices;
        let count = 1 + choices.pick(&temper.orders);
        let stock = [STOCK, 2 * count as u32 - 1, 3][choices.pick(&[4, 2, 2])];
        let max_receive_count = [10, 2][choices.pick(&[3, 1])];
        let faults = [12, 40][choices.pick(&[3, 1])];
        let sim = Sim::new(choices, traced, max_receive_count, &[stock.min(STOCK), STOCK]);
        let placed = (0..count)
            .map(|index| {
                let kind = sim.schedule.pick(&temper.kinds);
                sim.world.placed(&format!("order-{index}"), |content| vary(content, kind))
            })
            .collect();
        Self { sim, temper, placed, posted: 0, troubles: 12, faults }
    }

    fn go(&mut self) -> Result<(), Violation> {
        for _ in 0..ENDLESS {
            self.sim.schedule.lose((!self.is_calm()).then_some(self.temper.loss));
            let mut actions = self.actions();
            if actions.is_empty() {
                return self.sim.end();
            }
            if self.is_calm() {
                actions.truncate(1);
            }
            let weights: Vec<u32> = actions.iter().map(|(_, weight)| *weight).collect();
            let chosen = self.sim.schedule.pick(&weights);
            let (action, _) = actions.swap_remove(chosen);
            self.perform(action)?;
        }
        Err("a run ends".to_owned())
    }

    fn is_calm(&self) -> bool {
        self.sim.figures.steps >= CALM_AFTER
    }

    /// The first one is what happens when nothing special does.
    fn actions(&self) -> Vec<(Action, u32)> {
        let (sim, temper) = (&self.sim, &self.temper);
        let world = &sim.world;
        let last = sim.last();
        let mut actions = Vec::with_capacity(64);
        for waiting in sim.waiting() {
            let weight = if Some(waiting.task) == last { temper.stay } else { temper.switch };
            actions.push((Action::Go(waiting), weight));
        }
        if self.posted < self.placed.len() {
            actions.push((Action::Post(self.posted), temper.deliver));
        }
        let mut hidden = Vec::new();
        let visible_from = actions.len();
        for queue in Queue::ALL {
            world.queues.each(*queue, |id, visible| {
                if visible {
                    actions.push((Action::Deliver(*queue, id), temper.deliver));
                } else {
                    hidden.push((Action::Deliver(*queue, id), temper.trouble));
                }
            });
        }
        let visible_to = actions.len();
        if let Some(at) = sim.next_event() {
            let weight = if actions.is_empty() { 1 } else { temper.pass };
            actions.push((Action::Advance(at), weight));
        }
        let dead = Queue::ALL.iter().filter(|queue| world.queues.has_dead_letters(**queue));
        let weight = if actions.is_empty() { 1 } else { temper.trouble };
        actions.extend(dead.map(|queue| (Action::Redrive(*queue), weight)));
        let weight = if actions.is_empty() { 1 } else { temper.trouble };
        let abandoned = sim.abandoned();
        let number = |id: &OrderId| self.placed.iter().position(|order| order.id == *id);
        actions.extend(abandoned.iter().filter_map(number).map(|index| (Action::Reconcile(index), weight)));
        if actions.is_empty() || self.is_calm() || self.troubles == 0 {
            return actions;
        }
        actions.append(&mut hidden);
        for index in 0..self.posted {
            actions.push((Action::Post(index), temper.clients));
            actions.push((Action::Cancel(index), temper.clients));
            actions.push((Action::Stop(index), temper.trouble));
            actions.push((Action::Resend(index), temper.trouble));
            actions.extend(STRAYS.map(|step| (Action::Stray(index, step), temper.meddling)));
        }
        for at in visible_from..visible_to {
            if let (Action::Deliver(queue, id), _) = actions[at] {
                actions.push((Action::Bury(queue, id), temper.trouble));
            }
        }
        actions
    }

    fn perform(&mut self, action: Action) -> Result<(), Violation> {
        let (world, shared) = (self.sim.world.clone(), self.sim.book.clone());
        match action {
            Action::Go(waiting) => {
                let fate = self.fate();
                return self.sim.step(waiting, fate);
            }
            Action::Post(index) => {
                if index == self.posted {
                    self.posted += 1;
                } else {
                    self.troubles -= 1;
                }
                let order = self.placed[index].clone();
                self.sim.spawn(|| format!("POST of {}", self.placed[index].id), book::post(world, shared, order));
            }
            Action::Deliver(queue, first) => {
                let mut visible = Vec::new();
                world.queues.each(queue, |id, is_visible| visible.extend(is_visible.then_some(id)));
                if !visible.contains(&first) {
                    self.troubles -= 1;
                }
                let more = self.sim.schedule.pick(&[6, 1, 1]);
                let others = visible.into_iter().filter(|id| *id != first).take(more);
                let records: Vec<_> =
                    std::iter::once(first).chain(others).filter_map(|id| world.queues.receive_one(queue, id)).collect();
                if !records.is_empty() {
                    let clock = self.sim.schedule.pick(&[8, 1, 1]);
                    self.sim.deliver(queue, records, clock);
                }
            }
            Action::Advance(at) => return self.sim.advance_to(at),
            Action::Redrive(queue) => {
                return self
                    .sim
                    .happen(|| format!("ops replay the dead letters of {queue}"), |world| world.queues.redrive(queue));
            }
            Action::Reconcile(index) => {
                let id = self.placed[index].id.clone();
                self.sim.spawn(|| format!("reconcile order {index}"), book::compensate(world, id, 2));
            }
            Action::Cancel(index) => {
                self.troubles -= 1;
                let id = self.placed[index].id.clone();
                self.sim.spawn(|| format!("cancel order {index}"), book::cancel(world, shared, id));
            }
            Action::Stop(index) => {
                self.troubles -= 1;
                let id = self.placed[index].id.clone();
                self.sim.spawn(|| format!("stop order {index}"), book::stop(world, shared, id, 2));
            }
            Action::Resend(index) => {
                self.troubles -= 1;
                let id = self.placed[index].id.clone();
                let messages =
                    world.workflow.with_run(&id, |run| run.map(|run| run.messages.clone())).unwrap_or_default();
                if !messages.is_empty() {
                    // The last one is what `reconcile` sends; an older one is a dead letter that is replayed late.
                    let back = self.sim.schedule.pick(&vec![1; messages.len()]);
                    let (queue, message) = messages[messages.len() - 1 - back].clone();
                    let what = || format!("ops send {} of {id} again", message["step"]);
                    return self.sim.happen(what, |world| world.queues.repeat(queue, message.to_string()));
                }
            }
            Action::Stray(index, step) => {
                self.troubles -= 1;
                let id = self.placed[index].id.clone();
                if let Some(body) = book::stray(&world, step, &id) {
                    shared.lock().meddled.insert(id);
                    let what = || format!("ops send {step} of order {index} out of its turn");
                    return self.sim.happen(what, |world| world.queues.repeat(step.queue(), body));
                }
            }
            Action::Bury(queue, id) => {
                self.troubles -= 1;
                return self.sim.happen(
                    || format!("message {id} of {queue} is dead-lettered"),
                    |world| world.queues.bury(queue, id),
                );
            }
        }
        Ok(())
    }

    fn fate(&mut self) -> crate::sim::Fate {
        let rates = self.temper.faults;
        if self.faults == 0 || self.is_calm() {
            return FATES[0];
        }
        let chosen = self.sim.schedule.pick(&[1000, rates[0], rates[1], rates[2], rates[3]]);
        if chosen > 0 {
            self.faults -= 1;
        }
        FATES[chosen]
    }
}

fn vary(content: &mut Content, kind: usize) {
    match kind {
        1 => content.payment_method = "pm_card_chargeDeclined".into(),
        2 => content.payment_method = "cash".into(),
        3 => content.lines.push(Line { sku: sku(1), quantity: 1 }),
        4 => content.customer.email = DEAD_ADDRESS.into(),
        5 => content.expected_total = Some(Money::new(PRICE, Currency::EUR)),
        6 => content.lines[0].quantity = 1,
        _ => {}
    }
}
