//! What is in flight together, as much of it as an unoptimised build runs in seconds: pairs without faults, and a few seeds.
//! The whole is `cargo xtask simulate`.

use simulation::pairs::{LEAST, PAIRS, Pair, Ways};
use simulation::random::{by_choices, by_seed};
use simulation::shrink::shrink;
use simulation::sim::with_still_clock;

#[test]
fn all_interleavings_of_pairs_keep_every_promise() {
    let mut all = Ways::default();
    for pair in PAIRS {
        let pair = Pair { with_fault: false, ..*pair };
        let explored = with_still_clock(|| pair.explore());
        let explored = explored
            .unwrap_or_else(|failure| panic!("{}: {}\n{}", pair.name, failure.violation, failure.trace.join("\n")));
        assert!(explored.ways.interleavings > 1, "{}: nothing races", pair.name);
        all += explored.ways;
    }
    assert!(all.interleavings >= LEAST.interleavings, "{all:?}");
}

#[test]
fn seeded_runs_keep_every_promise() {
    with_still_clock(|| {
        for seed in 0..500 {
            if let Err(failure) = by_seed(seed) {
                let (shrunk, _) = shrink(failure);
                let trace = shrunk.trace.join("\n");
                panic!("{}\n{trace}\nagain: cargo xtask simulate --seed {seed}", shrunk.violation);
            }
        }
    });
}

#[test]
fn a_run_is_the_same_every_time_by_its_seed_and_by_its_choices() {
    with_still_clock(|| {
        for seed in 0..50 {
            let (figures, choices) = by_seed(seed).unwrap();
            let again = by_seed(seed).unwrap();
            assert_eq!((&figures, &choices), (&again.0, &again.1), "seed {seed}");
            let indices = choices.iter().map(|choice| choice.index).collect();
            assert_eq!(figures, by_choices(indices, false).unwrap().0, "seed {seed}");
        }
    });
}
