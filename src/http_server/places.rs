//! Who is connected. Every connection has a place while it lives, and there are only so many: if none is left, whoever has kept
//! us waiting longest, measured by the time they have, makes room. So clients that never read, never finish or never ask keep
//! nobody out, and a request that is being worked on is never given up.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::connection::Connection;
use super::limits::Limits;
use super::tally::{self, Tally, Why};

/// Nobody makes room who has used up less than this share of their time: of ten seconds, a tenth of one.
const FAIR: f64 = 0.01;
/// While nobody makes room, somebody is looked for again after this.
const AGAIN: Duration = Duration::from_millis(20);
/// How often it is looked whose time is over, at least.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Places {
    limits: Limits,
    open: Mutex<Open>,
    /// Somebody left.
    left: Notify,
    tally: Tally,
}

#[derive(Default)]
struct Open {
    last: u64,
    connections: HashMap<u64, Arc<Connection>>,
    of_address: HashMap<IpAddr, usize>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, open: Mutex::default(), left: Notify::new(), tally: Tally::new() }
    }

    /// A place for a connection from there, once there is one; none if its address has too many that can't make room.
    pub(super) async fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = network(address);
        loop {
            let left = self.left.notified();
            match self.try_take(address) {
                Room::Here(place) => return Some(place),
                Room::Refused => {
                    self.tally.closed(Why::Refused);
                    return None;
                }
                Room::NotYet => {
                    tokio::select! { () = left => {}, () = tokio::time::sleep(AGAIN) => {} }
                }
            }
        }
    }

    fn try_take(self: &Arc<Self>, address: IpAddr) -> Room {
        let mut open = self.open.lock();
        let of_address = open.of_address.get(&address).copied().unwrap_or_default();
        let crowded = self.limits.of_address(address.is_loopback()).is_some_and(|bound| of_address >= bound);
        if crowded || open.connections.len() >= self.limits.connections {
            let from = crowded.then_some(address);
            let makes_room = self.make_room(&open, from);
            return if makes_room || !crowded { Room::NotYet } else { Room::Refused };
        }
        open.last += 1;
        let (id, connection) = (open.last, Arc::new(Connection::new(address)));
        open.connections.insert(id, Arc::clone(&connection));
        *open.of_address.entry(address).or_default() += 1;
        tally::open(open.connections.len());
        Room::Here(Place { id, connection, places: Arc::clone(self) })
    }

    /// Has one leave, of this address or of all, unless one does already; whether one does.
    fn make_room(&self, open: &Open, from: Option<IpAddr>) -> bool {
        let now = Instant::now();
        let mut longest: Option<(f64, &Connection)> = None;
        for connection in open.connections.values().filter(|it| from.is_none_or(|from| from == it.address)) {
            if connection.is_leaving() {
                return true;
            }
            if let Some((share, _)) = connection.used_up(now, &self.limits)
                && share >= FAIR
                && longest.is_none_or(|(longest, _)| share > longest)
            {
                longest = Some((share, connection));
            }
        }
        let Some((_, connection)) = longest else { return false };
        self.tally.closed(Why::MadeRoom);
        connection.send_away();
        true
    }

    /// The system has no descriptor left, or no memory.
    pub(super) fn could_not_accept(&self, error: &io::Error) {
        self.tally.could_not_accept(error);
        self.make_room(&self.open.lock(), None);
    }

    /// Closes whoever has used up their time, for ever.
    pub(super) async fn keep_time(self: Arc<Self>) {
        let Limits { idle, head, write, .. } = self.limits;
        let look = LOOK.min(idle.min(head).min(write) / 10);
        loop {
            tokio::time::sleep(look).await;
            let now = Instant::now();
            for connection in self.open.lock().connections.values() {
                if let Some((share, why)) = connection.used_up(now, &self.limits)
                    && share >= 1.0
                {
                    self.tally.closed(why);
                    connection.send_away();
                }
            }
            self.tally.say(now);
        }
    }
}

enum Room {
    Here(Place),
    NotYet,
    Refused,
}

/// A connection's place, until it is dropped.
pub(super) struct Place {
    id: u64,
    connection: Arc<Connection>,
    places: Arc<Places>,
}

impl Place {
    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open.lock();
        open.connections.remove(&self.id);
        if let Some(count) = open.of_address.get_mut(&self.connection.address) {
            *count -= 1;
            if *count == 0 {
                open.of_address.remove(&self.connection.address);
            }
        }
        tally::open(open.connections.len());
        self.places.left.notify_one();
    }
}

/// What one client can come from: an IPv4 address, or an IPv6 network of 64 bits, in which a host has any address it likes.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::PerAddress;
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn places(connections: usize, per_address: usize) -> Arc<Places> {
        let per_address = PerAddress::AtMost(per_address);
        Arc::new(Places::new(Limits { connections, per_address, ..Limits::default() }))
    }

    fn taken(places: &Arc<Places>, address: IpAddr) -> Option<Place> {
        match places.try_take(address) {
            Room::Here(place) => Some(place),
            Room::NotYet | Room::Refused => None,
        }
    }

    #[tokio::test]
    async fn whoever_keeps_us_waiting_longest_makes_room_and_nobody_who_is_served() {
        let places = places(3, 100);
        let (served, silent) = (taken(&places, HERE).unwrap(), taken(&places, HERE).unwrap());
        served.connection().begin();
        tokio::time::sleep(Duration::from_millis(150)).await;
        let young = taken(&places, HERE).unwrap();
        assert!(taken(&places, HERE).is_none());
        assert!(silent.connection().is_leaving());
        assert!(taken(&places, HERE).is_none(), "it leaves, and hasn't left");
        assert!(!served.connection().is_leaving() && !young.connection().is_leaving());
        drop(silent);
        let _another = taken(&places, HERE).unwrap();
        young.connection().begin();
        assert!(matches!(places.try_take(HERE), Room::NotYet), "nobody has waited for long enough");
    }

    #[tokio::test]
    async fn an_address_makes_room_for_itself() {
        let places = places(100, 2);
        let there: IpAddr = [192, 0, 2, 1].into();
        let mut held = [taken(&places, HERE).unwrap(), taken(&places, there).unwrap(), taken(&places, there).unwrap()];
        held[1].connection().begin();
        held[2].connection().begin();
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(matches!(places.try_take(there), Room::Refused), "both are being served");
        held[2].connection().end();
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(matches!(places.try_take(there), Room::NotYet));
        assert!(held[2].connection().is_leaving() && !held[0].connection().is_leaving());
        held[2] = taken(&places, HERE).unwrap();
        let _there = taken(&places, there).unwrap();
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("::1"), "::1");
    }
}
