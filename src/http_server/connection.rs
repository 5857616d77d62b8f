//! What a connection waits for, and since when. Told by its socket ([`super::stream`]) and its requests ([`super::exchange`]);
//! asked by [`super::places`], which closes whoever has waited too long.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::limits::Limits;
use super::tally::Why;

/// What is still sent after an answer that ends the connection is read for this long, so that the answer isn't lost to a
/// reset (RFC 9112, 9.6).
const LINGER: Duration = Duration::from_secs(2);
/// Longer than any route waits for a body, which it answers itself.
const BODY: Duration = Duration::from_secs(40);

/// One client's connection.
pub(super) struct Connection {
    pub(super) address: IpAddr,
    state: Mutex<State>,
    leave: Notify,
}

struct State {
    stage: Stage,
    since: Instant,
    /// Since when the client has taken nothing of what is to be written.
    unread: Option<Instant>,
    /// It was told to leave.
    leaves: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Between two requests.
    Idle,
    /// The next request has begun, or the connection has.
    Head,
    /// A request is in hand.
    InHand {
        /// More of its body is wanted.
        wants_body: bool,
        /// Its answer has no end in sight, so nobody but a listening client wants it.
        streams: bool,
    },
    /// The last answer was written.
    Closing,
}

impl Connection {
    pub(super) fn new(address: IpAddr) -> Self {
        let state = State { stage: Stage::Head, since: Instant::now(), unread: None, leaves: false };
        Self { address, state: Mutex::new(state), leave: Notify::new() }
    }

    /// Bytes came.
    pub(super) fn came(&self) {
        let mut state = self.state.lock();
        match &mut state.stage {
            Stage::Idle => state.enter(Stage::Head),
            Stage::InHand { wants_body, .. } => *wants_body = false,
            Stage::Head | Stage::Closing => {}
        }
    }

    /// Bytes are wanted, and there are none.
    pub(super) fn wants(&self) {
        if let Stage::InHand { wants_body, .. } = &mut self.state.lock().stage {
            *wants_body = true;
        }
    }

    /// The client took bytes.
    pub(super) fn took(&self) {
        let mut state = self.state.lock();
        state.unread = None;
        if state.stage == Stage::Idle {
            state.since = Instant::now();
        }
    }

    /// There are bytes to write, and the client takes none.
    pub(super) fn takes_none(&self) {
        self.state.lock().unread.get_or_insert_with(Instant::now);
    }

    /// A request's head is whole.
    pub(super) fn begin(&self) {
        self.state.lock().enter(Stage::InHand { wants_body: false, streams: false });
    }

    /// The answer is a stream.
    pub(super) fn stream(&self) {
        if let Stage::InHand { streams, .. } = &mut self.state.lock().stage {
            *streams = true;
        }
    }

    /// The answer is written, or waits for the client to take it.
    pub(super) fn end(&self) {
        self.state.lock().enter(Stage::Idle);
    }

    /// Nothing will be written any more.
    pub(super) fn close(&self) {
        self.state.lock().enter(Stage::Closing);
    }

    pub(super) fn is_streaming(&self) -> bool {
        matches!(self.state.lock().stage, Stage::InHand { streams: true, .. })
    }

    /// Whether something would be lost if it were closed now.
    pub(super) fn is_in_hand(&self) -> bool {
        let state = self.state.lock();
        matches!(state.stage, Stage::InHand { .. } | Stage::Closing) || state.unread.is_some()
    }

    /// How much of its time the client has used up, as a share (1: all of it), and at what. None while it waits for us, or
    /// was told to leave.
    pub(super) fn used_up(&self, now: Instant, limits: &Limits) -> Option<(f64, Why)> {
        let state = self.state.lock();
        if state.leaves {
            return None;
        }
        let share = |since, limit: Duration| now.saturating_duration_since(since).as_secs_f64() / limit.as_secs_f64();
        let waits = match state.stage {
            Stage::Idle => Some((share(state.since, limits.idle), Why::Idle)),
            Stage::Head => Some((share(state.since, limits.head), Why::Head)),
            Stage::InHand { wants_body: true, .. } => Some((share(state.since, BODY), Why::Body)),
            Stage::InHand { .. } => None,
            Stage::Closing => Some((share(state.since, LINGER), Why::Lingered)),
        };
        let unread = state.unread.map(|since| (share(since, limits.write), Why::Unread));
        waits.into_iter().chain(unread).max_by(|(one, _), (other, _)| one.total_cmp(other))
    }

    /// Tells it to leave.
    pub(super) fn send_away(&self) {
        self.state.lock().leaves = true;
        self.leave.notify_one();
    }

    /// Whether it was told to leave, and hasn't yet.
    pub(super) fn is_leaving(&self) -> bool {
        self.state.lock().leaves
    }

    /// Returns when it was told to leave.
    pub(super) async fn leaves(&self) {
        self.leave.notified().await;
    }
}

impl State {
    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used_up(connection: &Connection, after: Duration) -> Option<Why> {
        let used = connection.used_up(Instant::now() + after, &Limits::default());
        used.filter(|(share, _)| *share >= 1.0).map(|(_, why)| why)
    }

    #[test]
    fn each_stage_has_its_own_time() {
        let connection = Connection::new([127, 0, 0, 1].into());
        assert_eq!(used_up(&connection, Duration::from_secs(9)), None);
        assert_eq!(used_up(&connection, Duration::from_secs(11)), Some(Why::Head), "nothing ever came");
        connection.begin();
        assert_eq!(used_up(&connection, Duration::from_secs(3_600)), None, "it waits for us");
        connection.end();
        assert_eq!(used_up(&connection, Duration::from_secs(74)), None);
        assert_eq!(used_up(&connection, Duration::from_secs(76)), Some(Why::Idle));
        connection.came();
        assert_eq!(used_up(&connection, Duration::from_secs(11)), Some(Why::Head));
        connection.begin();
        connection.wants();
        assert_eq!(used_up(&connection, Duration::from_secs(41)), Some(Why::Body));
        connection.came();
        assert_eq!(used_up(&connection, Duration::from_secs(41)), None);
        connection.takes_none();
        assert_eq!(used_up(&connection, Duration::from_secs(31)), Some(Why::Unread));
        connection.end();
        assert_eq!(used_up(&connection, Duration::from_secs(31)), Some(Why::Unread), "written, and not taken");
        connection.took();
        assert_eq!(used_up(&connection, Duration::from_secs(31)), None);
        connection.close();
        assert_eq!(used_up(&connection, Duration::from_secs(3)), Some(Why::Lingered));
        connection.send_away();
        assert_eq!(used_up(&connection, Duration::from_secs(3)), None, "once is enough");
    }
}
