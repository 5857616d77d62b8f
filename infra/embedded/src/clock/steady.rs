//! The machine's clock, without its jumps back: what waits by it (backoffs, delays, leases, time-outs) waits its time, whatever
//! somebody does to the date.

use std::fmt;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use orders::ports::Clock;
use parking_lot::Mutex;

/// The machine's clock may differ by this much before it counts as set: time synchronisation corrects more gently.
const SET: SignedDuration = SignedDuration::from_secs(1);
/// While the machine's clock is behind, this one goes slower by this part, until that has caught up.
const SLOWER: u32 = 10;

/// A clock that never goes back. It follows the machine's clock; one that is set back is waited for, at nine tenths of the
/// speed, and one that is set forward (or whose machine slept) is followed at once.
pub struct SteadyClock(Mutex<State>);

struct State {
    /// What was told last, and when that was on the clock that nobody sets.
    told: Timestamp,
    at: Instant,
    is_ahead: bool,
}

/// The machine's clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jump {
    Forward(SignedDuration),
    Back(SignedDuration),
    CaughtUp,
}

impl SteadyClock {
    /// Starts at the machine's time, but not before `seen`: the latest time that the file knows of, should the machine's clock
    /// have been set back while nothing ran.
    pub fn not_before(seen: Timestamp) -> Self {
        Self(Mutex::new(State { told: seen.max(Timestamp::now()), at: Instant::now(), is_ahead: false }))
    }
}

impl State {
    /// The time, `elapsed` after it was told last, when the machine's clock says `machine`.
    fn advance(&mut self, elapsed: Duration, machine: Timestamp) -> Option<Jump> {
        let expected = self.told.checked_add(elapsed).unwrap_or(self.told);
        let ahead = machine.duration_since(expected);
        let was_ahead = self.is_ahead;
        self.is_ahead = if was_ahead { ahead.is_negative() } else { ahead < -SET };
        let slower = self.told.checked_add(elapsed - elapsed / SLOWER).unwrap_or(self.told);
        self.told = slower.max(machine);
        match (was_ahead, self.is_ahead) {
            (false, true) => Some(Jump::Back(ahead.abs())),
            (true, false) => Some(Jump::CaughtUp),
            _ if ahead > SET => Some(Jump::Forward(ahead)),
            _ => None,
        }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let mut state = self.0.lock();
        let at = Instant::now();
        let elapsed = at.saturating_duration_since(state.at);
        let jump = state.advance(elapsed, Timestamp::now());
        state.at = at;
        let now = state.told;
        drop(state);
        if let Some(jump) = jump {
            jump.tell();
        }
        now
    }
}

impl Jump {
    fn tell(self) {
        match self {
            Jump::Forward(by) => {
                tracing::warn!(seconds = by.as_secs(), "the machine's clock was set forward, or the machine slept");
            }
            Jump::Back(by) => {
                tracing::warn!(
                    seconds = by.as_secs(),
                    "the machine's clock was set back: times go on from where they were, a tenth slower, until it has caught up"
                );
            }
            Jump::CaughtUp => tracing::info!("the machine's clock has caught up"),
        }
    }
}

impl fmt::Debug for SteadyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteadyClock").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn noon() -> Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    fn at_noon() -> State {
        State { told: noon(), at: Instant::now(), is_ahead: false }
    }

    #[test]
    fn it_follows_a_clock_that_nobody_sets_also_through_small_corrections() {
        let mut state = at_noon();
        let machine = noon() + SECOND;
        assert_eq!((state.advance(SECOND, machine), state.told), (None, machine));
        // 400 ms back by time synchronisation: a tenth slower, and nothing is said.
        let corrected = machine - Duration::from_millis(400);
        assert_eq!((state.advance(Duration::ZERO, corrected), state.told), (None, machine));
        let next = machine + Duration::from_millis(900);
        assert_eq!((state.advance(SECOND, corrected + SECOND), state.told), (None, next));
    }

    #[test]
    fn set_back_by_an_hour_it_goes_on_a_tenth_slower_until_the_machine_has_caught_up() {
        let mut state = at_noon();
        let mut machine = noon() - HOUR;
        assert_eq!(state.advance(Duration::ZERO, machine), Some(Jump::Back(HOUR)));
        // Two seconds of backoff are over after little more.
        assert_eq!(state.advance(2 * SECOND, machine + 2 * SECOND), None);
        assert_eq!(state.told, noon() + Duration::from_millis(1800));
        machine += 2 * SECOND;
        let mut hours = 0;
        let jump = loop {
            let before = state.told;
            machine += HOUR;
            hours += 1;
            let jump = state.advance(3600 * SECOND, machine);
            assert!(state.told > before, "never back");
            if jump.is_some() {
                break jump;
            }
        };
        assert_eq!((jump, state.told, hours), (Some(Jump::CaughtUp), machine, 11));
    }

    #[test]
    fn set_forward_it_follows_at_once() {
        let mut state = at_noon();
        let machine = noon() + HOUR;
        assert_eq!((state.advance(Duration::ZERO, machine), state.told), (Some(Jump::Forward(HOUR)), machine));
        assert_eq!(state.advance(SECOND, machine + SECOND), None);
    }

    #[test]
    fn it_starts_where_the_file_is() {
        let later = Timestamp::now() + HOUR;
        let clock = SteadyClock::not_before(later);
        assert!(clock.now() >= later);
        assert!(SteadyClock::not_before(noon()).now() > noon(), "the machine's time is later");
    }
}
