//! `cargo xtask simulate`: all interleavings of pairs and as many seeded runs as wanted, with figures; or the story of one
//! that fails.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use simulation::pairs::{LEAST, PAIRS, Ways};
use simulation::random::by_seed;
use simulation::shrink::shrink;
use simulation::sim::{Figures, with_still_clock};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So often is progress told.
const TELL: Duration = Duration::from_secs(10);

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
    // A seed alone is one run; without one, the pairs come first, and the seeds begin at 0.
    let done = with_still_clock(|| match (seed, runs) {
        (Some(seed), runs) => simulate(seed, runs.unwrap_or(1)),
        (None, runs) => interleave().and_then(|()| simulate(0, runs.unwrap_or(10_000))),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(story) => {
            println!("{story}");
            ExitCode::FAILURE
        }
    }
}

/// Every pair in all interleavings.
fn interleave() -> Result<(), String> {
    let (started, mut all, mut figures) = (Instant::now(), Ways::default(), Figures::default());
    for pair in PAIRS {
        match pair.explore() {
            Ok(explored) => {
                all += explored.ways;
                figures += &explored.figures;
            }
            Err(failure) => {
                return Err(format!(
                    "{}: {}\n\n{}\n\nagain: cargo xtask simulate --runs 0",
                    pair.name,
                    failure.violation,
                    failure.trace.join("\n")
                ));
            }
        }
    }
    println!(
        "{} pairs in {:.1?}: {} interleavings, {} with a fault or none, by {} runs: {figures}",
        PAIRS.len(),
        started.elapsed(),
        all.interleavings,
        all.with_faults,
        figures.runs
    );
    if all.interleavings < LEAST.interleavings || all.with_faults < LEAST.with_faults {
        return Err(format!("fewer than {LEAST:?}: a pair does not race any more"));
    }
    Ok(())
}

/// So many seeds from the first.
fn simulate(first: u64, runs: u64) -> Result<(), String> {
    let (started, mut told) = (Instant::now(), Instant::now());
    let mut figures = Figures::default();
    let line = |figures: &Figures| {
        let rate = figures.runs as f64 / started.elapsed().as_secs_f64();
        println!("{} runs, {rate:.0} a second: {figures}", figures.runs);
    };
    for seed in first..first.saturating_add(runs) {
        match by_seed(seed) {
            Ok((of_run, _)) => figures += &of_run,
            Err(failure) => {
                let violation = failure.violation.clone();
                let (shrunk, tries) = shrink(failure);
                return Err(format!(
                    "seed {seed}: {violation}\nshrunk in {tries} runs: {}\n\n{}\n\nagain: cargo xtask simulate --seed {seed}",
                    shrunk.violation,
                    shrunk.trace.join("\n")
                ));
            }
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            line(&figures);
        }
    }
    line(&figures);
    Ok(())
}
