//! Faults by number: port calls are counted, and a plan says what goes wrong at which of them.

use std::collections::BTreeMap;

use orders::ports::Unavailable;
use parking_lot::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and has no effect.
    Before,
    /// The call has its effect, and its answer is lost.
    After,
    /// The worker dies before the call.
    Crash,
}

pub const FAULTS: [Fault; 3] = [Fault::Before, Fault::After, Fault::Crash];

#[derive(Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: usize,
    plan: BTreeMap<usize, Fault>,
    down: Vec<&'static str>,
}

impl Faults {
    pub fn plan(&self, plan: impl IntoIterator<Item = (usize, Fault)>) {
        self.state.lock().plan = plan.into_iter().collect();
    }

    /// The named port fails until it is [`Self::up`] again.
    pub fn down(&self, port: &'static str) {
        self.state.lock().down.push(port);
    }

    pub fn up(&self, port: &'static str) {
        self.state.lock().down.retain(|other| *other != port);
    }

    pub fn calls(&self) -> usize {
        self.state.lock().calls
    }

    /// Makes a call to `port`, with the fault that is planned for it.
    pub fn call<T, E: From<Unavailable>>(
        &self,
        port: &'static str,
        effect: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let fault = {
            let mut state = self.state.lock();
            state.calls += 1;
            let number = state.calls - 1;
            if state.down.contains(&port) { Some(Fault::Before) } else { state.plan.get(&number).copied() }
        };
        match fault {
            None => effect(),
            Some(Fault::Before) => Err(Unavailable::new(port, "injected before the effect").into()),
            Some(Fault::After) => {
                effect().ok();
                Err(Unavailable::new(port, "injected after the effect").into())
            }
            Some(Fault::Crash) => panic!("injected crash"),
        }
    }
}
