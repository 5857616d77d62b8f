//! `cargo xtask simulate`: as many seeded runs as wanted, with figures; or the story of one that fails.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use simulation::random::by_seed;
use simulation::shrink::shrink;
use simulation::sim::{Figures, with_still_clock};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut runs, mut seed) = (None, None);
    while let Some(option) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse::<u64>().ok());
        match (option.as_str(), number) {
            ("--runs", Some(number)) => runs = Some(number),
            ("--seed", Some(number)) => seed = Some(number),
            _ => {
                eprintln!("usage: cargo xtask simulate [--runs N] [--seed S]");
                return ExitCode::FAILURE;
            }
        }
    }
    // A seed alone is one run, runs alone begin at 0.
    let runs = runs.unwrap_or(if seed.is_some() { 1 } else { 10_000 });
    with_still_clock(|| simulate(seed.unwrap_or(0), runs))
}

fn simulate(first: u64, runs: u64) -> ExitCode {
    let (started, mut told) = (Instant::now(), Instant::now());
    let mut figures = Figures::default();
    for seed in first..first.saturating_add(runs) {
        match by_seed(seed) {
            Ok(of_run) => figures += &of_run,
            Err(failure) => {
                println!("seed {seed}: {}", failure.violation);
                let (shrunk, tries) = shrink(failure);
                println!("shrunk in {tries} runs to: {}\n", shrunk.violation);
                for line in &shrunk.trace {
                    println!("{line}");
                }
                println!("\nagain: cargo xtask simulate --seed {seed}");
                return ExitCode::FAILURE;
            }
        }
        if told.elapsed() >= Duration::from_secs(10) {
            told = Instant::now();
            println!("{}", line(&figures, started.elapsed()));
        }
    }
    println!("{}", line(&figures, started.elapsed()));
    ExitCode::SUCCESS
}

fn line(figures: &Figures, elapsed: Duration) -> String {
    let rate = figures.runs as f64 / elapsed.as_secs_f64();
    format!("{} runs, {rate:.0} a second: {figures:?}", figures.runs)
}
