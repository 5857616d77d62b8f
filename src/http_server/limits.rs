//! `[http]` of `orderflow.toml`: how many connections there may be, and how long each is waited for.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use serde::Deserialize;

/// What is left out keeps its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    max_connections: Option<usize>,
    max_connections_per_address: Option<usize>,
    idle_timeout: Option<SignedDuration>,
    head_timeout: Option<SignedDuration>,
    write_timeout: Option<SignedDuration>,
}

/// How many connections there may be, and how long each is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In all. One more takes the place of the connection that has waited for its client longest.
    pub connections: usize,
    /// From one address, or one network of 64 bits (IPv6).
    pub per_address: PerAddress,
    /// Between two requests. Longer than a proxy keeps its own end, which would else send into a closed connection.
    pub idle: Duration,
    /// For a request's head: from its first byte, or the connection's begin, to its end.
    pub head: Duration,
    /// For a client to take any of what was written to it.
    pub write: Duration,
}

/// How many connections one address may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerAddress {
    /// A quarter of all: no single host can take every place, and a remote proxy has plenty. Loopback has no bound: behind a
    /// proxy on this machine everybody comes from there.
    Quarter,
    /// This many, loopback as well.
    AtMost(usize),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            per_address: PerAddress::Quarter,
            idle: Duration::from_secs(75),
            head: Duration::from_secs(10),
            write: Duration::from_secs(30),
        }
    }
}

const CONNECTIONS: RangeInclusive<usize> = 1..=100_000;
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3_600);

impl Http {
    /// The defaults, with what is set.
    ///
    /// # Errors
    /// Which value is out of bounds, and what they are.
    pub fn limits(&self) -> Result<Limits> {
        let defaults = Limits::default();
        let per_address = count(self.max_connections_per_address, "max_connections_per_address")?;
        Ok(Limits {
            connections: count(self.max_connections, "max_connections")?.unwrap_or(defaults.connections),
            per_address: per_address.map_or(defaults.per_address, PerAddress::AtMost),
            idle: timeout(self.idle_timeout, "idle_timeout")?.unwrap_or(defaults.idle),
            head: timeout(self.head_timeout, "head_timeout")?.unwrap_or(defaults.head),
            write: timeout(self.write_timeout, "write_timeout")?.unwrap_or(defaults.write),
        })
    }
}

fn count(value: Option<usize>, name: &str) -> Result<Option<usize>> {
    if let Some(value) = value {
        let (least, most) = (CONNECTIONS.start(), CONNECTIONS.end());
        ensure!(CONNECTIONS.contains(&value), "{name} is {value}; it must be {least} to {most}");
    }
    Ok(value)
}

fn timeout(value: Option<SignedDuration>, name: &str) -> Result<Option<Duration>> {
    let inside = |value| Duration::try_from(value).ok().filter(|value| TIMEOUT.contains(value));
    let refusal = |value| format!("{name} is {value:#}; it must be {:?} to {:?}", TIMEOUT.start(), TIMEOUT.end());
    value.map(|value| inside(value).with_context(|| refusal(value))).transpose()
}

impl Limits {
    /// These, with no more connections than that.
    pub(super) fn within(self, connections: usize) -> Self {
        if self.connections > connections {
            tracing::warn!(
                wanted = self.connections,
                possible = connections,
                "fewer connections than max_connections: raise the limit of open files (ulimit -n, LimitNOFILE)"
            );
        }
        Self { connections: self.connections.min(connections), ..self }
    }

    /// How many connections an address may have.
    pub(super) fn of_address(&self, is_loopback: bool) -> Option<usize> {
        match self.per_address {
            PerAddress::AtMost(bound) => Some(bound),
            PerAddress::Quarter => (!is_loopback).then(|| self.connections.div_ceil(4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Limits> {
        toml::from_str::<Http>(text)?.limits()
    }

    #[test]
    fn what_is_set_is_taken_and_the_rest_keeps_its_default() {
        let limits = parse("max_connections = 100\nidle_timeout = \"2m\"").unwrap();
        assert_eq!(limits, Limits { connections: 100, idle: Duration::from_secs(120), ..Limits::default() });
        assert!(Limits::default().idle > Duration::from_secs(60), "longer than nginx and ALB keep theirs");
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_with_the_bounds() {
        let refusal = |text| format!("{:#}", parse(text).unwrap_err());
        assert_eq!(refusal("max_connections = 0"), "max_connections is 0; it must be 1 to 100000");
        assert_eq!(refusal("head_timeout = \"2h\""), "head_timeout is 2h; it must be 100ms to 3600s");
    }

    #[test]
    fn loopback_may_take_every_place_unless_somebody_says_otherwise() {
        let limits = Limits::default();
        assert_eq!((limits.of_address(true), limits.of_address(false)), (None, Some(1_024)));
        let limits = parse("max_connections_per_address = 7").unwrap();
        assert_eq!((limits.of_address(true), limits.of_address(false)), (Some(7), Some(7)));
    }
}
