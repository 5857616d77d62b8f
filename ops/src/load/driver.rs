//! Sends the orders: at their times whatever the service does (open), or one after the other on each connection (closed).
//!
//! An open loop's latencies count from when an order was *due*, not from when a connection was free for it: what a slow
//! service keeps waiting is measured too (no coordinated omission). A thread of its own keeps the time, because the
//! runtime's timers are a millisecond coarse.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hyper::{Method, StatusCode};
use orders::OrderId;
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use super::arrivals::Arrivals;
use super::connection::{Connection, Failure, Target};
use super::mix::{Kind, Mix};
use super::shop::Shop;
use super::tally::{Placed, Tally};
use super::{Load, Until};

/// What a `202` says.
#[derive(Deserialize)]
struct Accepted {
    order_id: OrderId,
}

/// What sending needs.
pub(super) struct Driver<'d> {
    pub(super) target: &'d Target,
    pub(super) mix: &'d Mix,
    pub(super) shop: &'d Shop,
    pub(super) tally: &'d RefCell<Tally>,
    pub(super) started: Instant,
    /// Nobody knows whether these were accepted: they are on their way, or had no answer, or a 5xx.
    pub(super) unanswered: RefCell<BTreeSet<u64>>,
    /// At an open loop: every connection was in use at some time, so that orders had to wait for one.
    pub(super) all_busy: Cell<bool>,
}

/// How a post was answered.
enum Answer {
    Accepted(OrderId),
    /// For sure not accepted.
    Refused(String),
    Unknown(String),
}

impl Driver<'_> {
    /// Sends until all is sent, or `stop` says so; then returns when the last request is answered.
    pub(super) async fn send(&self, load: &Load, stop: &watch::Receiver<bool>) {
        match load {
            Load::Open { arrivals, connections } => self.open(*arrivals, *connections, stop.clone()).await,
            Load::Closed { until, connections } => self.closed(*until, *connections, stop).await,
        }
    }

    async fn open(&self, arrivals: Arrivals, connections: usize, mut stop: watch::Receiver<bool>) {
        let mut due = clock(arrivals, self.started);
        // The last that was used is used again first, so that the service doesn't close it for idleness.
        let (mut idle, mut busy) = (Vec::new(), FuturesUnordered::new());
        let mut more = true;
        while more || !busy.is_empty() {
            tokio::select! {
                Some(connection) = busy.next(), if !busy.is_empty() => idle.push(connection),
                next = due.recv(), if more && busy.len() < connections => match next {
                    Some(n) => {
                        let connection = idle.pop().unwrap_or_else(|| Connection::to(self.target));
                        busy.push(self.order(connection, n, arrivals.due(n)));
                        self.all_busy.set(self.all_busy.get() || busy.len() == connections);
                    }
                    None => more = false,
                },
                _ = stop.wait_for(|stop| *stop), if more => more = false,
            }
        }
    }

    async fn closed(&self, until: Until, connections: usize, stop: &watch::Receiver<bool>) {
        let next = Cell::new(0);
        let post = async || {
            let mut connection = Connection::to(self.target);
            while !*stop.borrow() && until.goes_on(next.get(), self.started.elapsed()) {
                let n = next.replace(next.get() + 1);
                connection = self.order(connection, n, self.started.elapsed()).await;
            }
        };
        let posting: FuturesUnordered<_> = (0..connections).map(|_| post()).collect();
        posting.collect::<()>().await;
    }

    /// Sends the `n`th, which is due so long after the start, and gives the connection back.
    async fn order<'t>(&self, mut connection: Connection<'t>, n: u64, due: Duration) -> Connection<'t> {
        let kind = self.mix.kind(n);
        if kind == Kind::Poison {
            self.poison(&mut connection, due).await;
            return connection;
        }
        self.tally.borrow_mut().sent(due, self.started.elapsed());
        self.unanswered.borrow_mut().insert(n);
        let answer = self.post(&mut connection, n, kind).await;
        let latency = self.started.elapsed().saturating_sub(due);
        let first = match answer {
            Answer::Accepted(id) => id,
            Answer::Refused(how) => {
                self.unanswered.borrow_mut().remove(&n);
                self.tally.borrow_mut().failed(due, how);
                return connection;
            }
            Answer::Unknown(how) => {
                self.tally.borrow_mut().failed(due, how);
                return connection;
            }
        };
        self.unanswered.borrow_mut().remove(&n);
        let placed = Placed { kind, product: Shop::product(n), due: Some(due) };
        self.tally.borrow_mut().accepted(first.clone(), placed, latency);
        if kind == Kind::Duplicate {
            match self.post(&mut connection, n, kind).await {
                Answer::Accepted(again) if again == first => {}
                Answer::Accepted(_) => self.tally.borrow_mut().another_order(due),
                Answer::Refused(how) | Answer::Unknown(how) => self.tally.borrow_mut().failed(due, how),
            }
        }
        connection
    }

    async fn post(&self, connection: &mut Connection<'_>, n: u64, kind: Kind) -> Answer {
        let posted = connection.send(Method::POST, "/orders", Some(&self.shop.key(n)), self.shop.order(n, kind)).await;
        match posted {
            Ok((StatusCode::ACCEPTED, body)) => match serde_json::from_slice(&body) {
                Ok(Accepted { order_id }) => Answer::Accepted(order_id),
                Err(_) => Answer::Unknown("not an answer of this service".to_owned()),
            },
            Ok((status, _)) if status.is_client_error() => Answer::Refused(format!("status {}", status.as_u16())),
            Ok((status, _)) => Answer::Unknown(format!("status {}", status.as_u16())),
            Err(failure @ (Failure::Unsent | Failure::NoDescriptor)) => {
                self.tally.borrow_mut().no_descriptor += u64::from(failure == Failure::NoDescriptor);
                Answer::Refused(failure.to_string())
            }
            Err(failure) => Answer::Unknown(failure.to_string()),
        }
    }

    async fn poison(&self, connection: &mut Connection<'_>, due: Duration) {
        let path = "/ops/queues/payments/messages";
        let sent = connection.send(Method::POST, path, None, self.shop.poison()).await;
        let mut tally = self.tally.borrow_mut();
        match sent {
            Ok((status, _)) if status.is_success() => tally.poison += 1,
            Ok((status, _)) => tally.failed(due, format!("poison: status {}", status.as_u16())),
            Err(failure) => tally.failed(due, format!("poison: {failure}")),
        }
    }

    /// Sends what has no answer again under the same keys, as a storefront would. Whatever still has none stays.
    pub(super) async fn send_again(&self) {
        let mut connection = Connection::to(self.target);
        let unanswered: Vec<u64> = self.unanswered.borrow().iter().copied().collect();
        for n in unanswered {
            let kind = self.mix.kind(n);
            match self.post(&mut connection, n, kind).await {
                Answer::Accepted(id) => {
                    let placed = Placed { kind, product: Shop::product(n), due: None };
                    self.tally.borrow_mut().accepted(id, placed, Duration::ZERO);
                    self.unanswered.borrow_mut().remove(&n);
                }
                Answer::Refused(_) => {
                    self.unanswered.borrow_mut().remove(&n);
                }
                Answer::Unknown(_) => {}
            }
        }
    }
}

impl Until {
    fn goes_on(self, sent: u64, elapsed: Duration) -> bool {
        match self {
            Self::Orders(orders) => sent < orders,
            Self::Time(time) => elapsed < time,
        }
    }
}

/// Tells each arrival at its time, until nobody listens.
fn clock(arrivals: Arrivals, started: Instant) -> mpsc::UnboundedReceiver<u64> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for n in 0..arrivals.count() {
            std::thread::sleep((started + arrivals.due(n)).saturating_duration_since(Instant::now()));
            if tell.send(n).is_err() {
                break;
            }
        }
    });
    told
}
