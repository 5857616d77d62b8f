//! What goes wrong at a port call: planned by the call's number, or granted by the [`Schedule`].

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::sync::Arc;

use orders::ports::Unavailable;
use parking_lot::Mutex;

use super::told::Told;
use crate::schedule::Schedule;

/// What goes wrong at a port call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and has no effect.
    Before,
    /// The call has its effect, and its answer is lost.
    After,
    /// The worker panics before the call.
    Crash,
}

/// All of them.
pub const FAULTS: [Fault; 3] = [Fault::Before, Fault::After, Fault::Crash];

/// The way of every port call.
#[derive(Default)]
pub struct Faults {
    state: Mutex<State>,
    schedule: Option<Arc<Schedule>>,
}

#[derive(Default)]
struct State {
    calls: usize,
    plan: BTreeMap<usize, Fault>,
    down: Vec<&'static str>,
}

impl Faults {
    /// Every call waits for its turn.
    pub fn scheduled(schedule: Arc<Schedule>) -> Self {
        Self { schedule: Some(schedule), ..Self::default() }
    }

    /// Who grants the turns, if anybody does.
    pub(crate) fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_deref()
    }

    /// What goes wrong, by the call's number.
    pub fn plan(&self, plan: impl IntoIterator<Item = (usize, Fault)>) {
        self.state.lock().plan = plan.into_iter().collect();
    }

    /// The named port fails until it is [`Self::up`] again.
    pub fn down(&self, port: &'static str) {
        self.state.lock().down.push(port);
    }

    /// It works again.
    pub fn up(&self, port: &'static str) {
        self.state.lock().down.retain(|other| *other != port);
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.state.lock().calls
    }

    /// Makes a call (`Port.method`), with the fault that is planned or granted for it.
    pub async fn call<T: Told, E: From<Unavailable> + Display + Debug>(
        &self,
        call: &'static str,
        effect: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.call_with(call, String::new, effect).await
    }

    /// As [`Self::call`]; the trace says with what.
    pub async fn call_with<T: Told, E: From<Unavailable> + Display + Debug>(
        &self,
        call: &'static str,
        with: impl Fn() -> String,
        effect: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let port = call.split('.').next().unwrap_or(call);
        let Some(schedule) = &self.schedule else {
            return made(port, self.planned(port), effect);
        };
        let fault = schedule.turn().await;
        if fault == Some(Fault::Crash) {
            schedule.learn(&fault);
            schedule.tell(|| format!("panics before {call}({})", with()));
        }
        let result = made(port, fault, effect);
        schedule.learn(&result);
        schedule.tell(|| {
            let result = match &result {
                Ok(result) => result.told(),
                Err(error) => error.to_string(),
            };
            format!("{call}({}) -> {result}", with())
        });
        result
    }

    fn planned(&self, port: &'static str) -> Option<Fault> {
        let mut state = self.state.lock();
        state.calls += 1;
        let number = state.calls - 1;
        if state.down.contains(&port) { Some(Fault::Before) } else { state.plan.get(&number).copied() }
    }

    /// What the platform itself does for a worker, such as deleting its messages: it waits for its turn as a call does, and
    /// is no call where nobody schedules.
    pub async fn platform(&self, what: impl Fn() -> String, effect: impl FnOnce()) {
        let Some(schedule) = &self.schedule else { return effect() };
        let fault = schedule.turn().await;
        schedule.learn(&fault);
        if matches!(fault, None | Some(Fault::After)) {
            effect();
        }
        schedule.tell(|| match fault {
            None => what(),
            Some(fault) => format!("{} (fault: {fault:?})", what()),
        });
    }
}

fn made<T, E: From<Unavailable>>(
    port: &'static str,
    fault: Option<Fault>,
    effect: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    match fault {
        None => effect(),
        Some(Fault::Before) => Err(Unavailable::new(port, "injected before the effect").into()),
        Some(Fault::After) => {
            effect().ok();
            Err(Unavailable::new(port, "injected after the effect").into())
        }
        // Not by `panic!`: nobody needs to hear of it.
        Some(Fault::Crash) => std::panic::resume_unwind(Box::new("injected crash")),
    }
}
