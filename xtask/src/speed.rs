//! How fast the embedded pipeline is, durable, with its driver on the same machine: `orderflow load` against `orderflow serve`,
//! release builds, a fresh database each time, in turns with a yardstick, because the machine is never quiet.
//!
//! docs/PERFORMANCE.md has the figures. What is measured, and from when to when, is `orderflow load`'s to say.

mod growth;
mod service;

use serde_json::Value;

use crate::statistics::median;
use crate::workspace::target;
use service::Service;

const RUNS: usize = 5;
const ORDERS: &str = "20000";
const SECONDS: &str = "20s";
const RATE: &str = "200/s";

const USAGE: &str = "\
usage: cargo xtask speed [--runs N]     one-row commits, closed loop of 64 connections, open loop of 200 orders a second
       cargo xtask speed --growth       memory and time per order, up to 100,000 orders stored";

/// `cargo xtask speed`
pub(crate) fn measure(arguments: &[String]) -> Result<(), String> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runs = match arguments.as_slice() {
        [] => RUNS,
        ["--runs", runs] => runs.parse().map_err(|_| USAGE)?,
        ["--growth"] => {
            build()?;
            return growth::measure();
        }
        _ => return Err(USAGE.to_owned()),
    };
    build()?;
    let rounds = (1..=runs).map(Round::run).collect::<Result<Vec<_>, _>>()?;
    println!("\nmedians of {runs}");
    for (what, of) in COLUMNS {
        let values: Vec<f64> = rounds.iter().map(of).collect();
        println!("{what:>34}  {:.2}", median(&values));
    }
    Ok(())
}

/// What one round has come to. Times are milliseconds.
struct Round {
    commits: f64,
    closed: Value,
    open: Value,
}

type Column = (&'static str, fn(&Round) -> f64);

const COLUMNS: [Column; 7] = [
    ("one-row FULL commits /s", |round| round.commits),
    ("closed loop, 64 connections /s", |round| number(&round.closed, "/throughput")),
    ("orders for each one-row commit", |round| number(&round.closed, "/throughput") / round.commits),
    ("open loop 200/s, accept p50 ms", |round| number(&round.open, "/accept/p50")),
    ("accept p99 ms", |round| number(&round.open, "/accept/p99")),
    ("end to end p50 ms", |round| number(&round.open, "/end_to_end/p50")),
    ("end to end p99 ms", |round| number(&round.open, "/end_to_end/p99")),
];

impl Round {
    fn run(number: usize) -> Result<Self, String> {
        let commits = yardstick()?;
        let closed = Service::start()?.load(&["--closed", "--connections", "64", "--orders", ORDERS])?;
        let open = Service::start()?.load(&["--rate", RATE, "--duration", SECONDS])?;
        let round = Self { commits, closed, open };
        let values: Vec<String> = COLUMNS.iter().map(|(_, of)| format!("{:.2}", of(&round))).collect();
        println!("round {number}: {}", values.join("  "));
        Ok(round)
    }
}

fn build() -> Result<(), String> {
    crate::cargo("build --release --locked --package orderflow")?;
    crate::cargo("build --release --locked --package orderflow-embedded --example one_row_commits")
}

/// One-row commits a second.
fn yardstick() -> Result<f64, String> {
    let target = target()?;
    let program = target.join("release/examples/one_row_commits");
    let printed = service::output(&program, &[&target.to_string_lossy()])?;
    printed.trim().parse().map_err(|_| format!("the yardstick printed {printed:?}"))
}

/// A number of a report, not a number if it isn't there.
fn number(report: &Value, at: &str) -> f64 {
    report.pointer(at).and_then(Value::as_f64).unwrap_or(f64::NAN)
}
