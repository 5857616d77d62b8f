//! What is in flight together: all interleavings of pairs, and seeded runs of everything.

use simulation::pairs::{PAIRS, Ways};
use simulation::random::by_seed;
use simulation::shrink::shrink;
use simulation::sim::{Figures, with_still_clock};

#[test]
fn all_interleavings_of_pairs_with_one_fault_or_none_keep_every_promise() {
    let mut all = Ways::default();
    for pair in PAIRS {
        let explored = with_still_clock(|| pair.explore());
        let explored = explored
            .unwrap_or_else(|failure| panic!("{}: {}\n{}", pair.name, failure.violation, failure.trace.join("\n")));
        let (ways, runs) = (explored.ways, explored.figures.runs);
        println!(
            "{:>9} interleavings, {:>9} with faults, {runs:>6} runs: {}",
            ways.interleavings, ways.with_faults, pair.name
        );
        all += ways;
    }
    println!("{:>9} interleavings, {:>9} with faults", all.interleavings, all.with_faults);
}

#[test]
fn ten_thousand_seeded_runs_keep_every_promise() {
    let mut figures = Figures::default();
    with_still_clock(|| {
        for seed in 0..10_000 {
            match by_seed(seed) {
                Ok(run) => figures += &run,
                Err(failure) => {
                    let (shrunk, _) = shrink(failure);
                    panic!(
                        "{}\n{}\nagain: cargo xtask simulate --seed {seed}",
                        shrunk.violation,
                        shrunk.trace.join("\n")
                    );
                }
            }
        }
    });
    println!("{figures:?}");
}
