//! The command line of `load`.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use crate::args::at_least_one;
use clap::Args;
use jiff::SignedDuration;
use ops::load::{Arrivals, Assertion, Load, Mix, Shape, Until};

pub const HELP: &str = "\
Examples:
  orderflow load --rate 200/s --duration 1m                  open loop: 200 orders a second, whatever the service does
  orderflow load --rate 500/s --spike --html report.html
  orderflow load --closed --connections 64 --orders 20000 --mix good=1      as many as it takes
  orderflow load --assert 'accept_p99<10ms' --assert 'e2e_p50<=7ms' --assert 'errors<1'

Latencies count from when an order was due, not from when it could be sent. End to end is up to the end of the order's execution
(its mail is away) by the service's stamp: on another machine, both clocks must agree. The orders are for products of the load's own,
which are taken away afterwards; orders, mails and poison stay. Nobody watches the limits but the service: with its default of 10000
orders per key and second, a faster load is answered 429.

Kinds of orders: good, declined (card), out_of_stock, flaky (the gateway answers at the third try), duplicate (posted twice with one
key), poison (a message that nobody can read; it ends in the DLQ of `payments`, see `orderflow dlq purge`). The end-to-end line leaves
flaky out, which is slow on purpose and has a line of its own.

Metrics for --assert: accept_ and e2e_ with p50, p90, p99, p999 or max; throughput (orders ended a second); errors.

Exit codes: 0 done, the books balance and every threshold holds; 1 it could not be run, or the books could not be read or don't
balance; 2 wrong usage; 3 a threshold does not hold; 130 stopped by Ctrl-C (what was sent is still judged).";

/// Which load, on whom, and what must hold.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The embedded service. The API key (scope ops) comes from ORDERFLOW_KEY, or is the first ops key of orderflow.toml
    #[arg(long, env = "ORDERFLOW_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub url: String,
    /// Configuration file with the key [default: ./orderflow.toml, if there is one]
    #[arg(long, env = "ORDERFLOW_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Orders a second, at an open loop
    #[arg(long, default_value = "100/s", value_name = "N/s", value_parser = rate, conflicts_with = "closed")]
    pub rate: f64,
    /// On each connection the next order when the last is accepted
    #[arg(long)]
    pub closed: bool,
    /// At most this many requests at a time [default: 1000, or 64 with --closed]
    #[arg(long, value_name = "N", value_parser = connections)]
    pub connections: Option<usize>,
    /// For so long [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "orders")]
    pub duration: Option<Duration>,
    /// Until so many orders were sent
    #[arg(long, value_name = "N", value_parser = at_least_one::<NonZeroU64>)]
    pub orders: Option<NonZeroU64>,
    /// From nothing up to the rate, evenly
    #[arg(long, conflicts_with_all = ["closed", "spike"])]
    pub ramp: bool,
    /// Five times the rate in the middle fifth of the time
    #[arg(long, conflicts_with = "closed")]
    pub spike: bool,
    /// Kinds of orders, by weight
    #[arg(
        long,
        default_value = "good=90,declined=4,out_of_stock=2,flaky=2,duplicate=1,poison=1",
        value_name = "KIND=N,…"
    )]
    pub mix: Mix,
    /// What must hold; may be there more than once
    #[arg(long = "assert", value_name = "THRESHOLD")]
    pub assertions: Vec<Assertion>,
    /// Give up on orders when none has ended for so long
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = time)]
    pub patience: Duration,
    /// Print JSON, for scripts
    #[arg(long)]
    pub json: bool,
    /// Write the report as a page, too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

const DURATION: Duration = Duration::from_secs(30);

impl LoadArgs {
    /// How the orders are sent.
    pub fn load(&self) -> Load {
        let connections = |default| self.connections.unwrap_or(default);
        let time = self.duration.unwrap_or(DURATION);
        if self.closed {
            let until = self.orders.map_or(Until::Time(time), |orders| Until::Orders(orders.get()));
            return Load::Closed { until, connections: connections(64) };
        }
        let shape = match (self.ramp, self.spike) {
            (true, _) => Shape::Ramp,
            (_, true) => Shape::Spike,
            _ => Shape::Constant,
        };
        let arrivals = match self.orders {
            Some(orders) => Arrivals::of(shape, self.rate, orders.get()),
            None => Arrivals::over(shape, self.rate, time),
        };
        Load::Open { arrivals, connections: connections(1_000) }
    }
}

fn connections(text: &str) -> Result<usize, &'static str> {
    let connections = text.parse().ok().filter(|connections| (1..=10_000).contains(connections));
    connections.ok_or("it is a whole number from 1 to 10000")
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.strip_suffix("/s").unwrap_or(text).parse().ok();
    rate.filter(|rate| (0.001..=1_000_000.0).contains(rate)).ok_or("it is a number of orders a second, such as 200/s")
}

fn time(text: &str) -> Result<Duration, &'static str> {
    let time = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.filter(|time| !time.is_zero()).ok_or("it is a length of time, such as 30s or 5m")
}
