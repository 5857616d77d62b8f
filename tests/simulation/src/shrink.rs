//! Finds less that fails the same way: fewer orders, fewer faults, fewer changes of who goes on.

use std::ops::Range;

use crate::choices::Taken;
use crate::random::{Failure, Ran, by_choices, few_by_seed};

/// At most this many runs are spent on shrinking one.
const PATIENCE: usize = 10_000;

/// So many seeds are tried with one order, and with two.
const SEEDS: u64 = 20_000;

/// The smallest run found that breaks the same invariant, traced; and how many runs that took.
pub fn shrink(failure: Failure) -> (Failure, usize) {
    let mut search = Search { kind: kind_of(&failure.violation).to_owned(), runs: 0 };
    let few = (1..=2).find_map(|orders| (0..SEEDS).find_map(|seed| search.fails(few_by_seed(seed, orders))));
    let mut best = indices(&failure.choices);
    for candidate in few.iter().map(|few| indices(&few.choices)).chain([best.clone()]) {
        let shrunk = search.shrunk(candidate);
        if weight(&shrunk) < weight(&best) {
            best = shrunk;
        }
    }
    let traced = by_choices(best, true).err();
    (traced.unwrap_or(failure), search.runs)
}

struct Search {
    kind: String,
    runs: usize,
}

impl Search {
    fn fails(&mut self, run: Result<Ran, Failure>) -> Option<Failure> {
        self.runs += 1;
        run.err().filter(|failure| kind_of(&failure.violation) == self.kind)
    }

    /// Less and less of these choices, as long as they fail the same way.
    fn shrunk(&mut self, mut best: Vec<u16>) -> Vec<u16> {
        let end = self.runs + PATIENCE;
        loop {
            let before = best.clone();
            let mut chunk = best.len().div_ceil(2).max(1);
            loop {
                let mut at = 0;
                while at < best.len() && self.runs < end {
                    let range = at..(at + chunk).min(best.len());
                    let candidates = [calmer(&best, range.clone()), without(&best, range)];
                    let mut found = candidates.into_iter().filter(|choices| weight(choices) < weight(&best));
                    match found.find_map(|choices| self.fails(by_choices(choices, false))) {
                        Some(failure) => best = trimmed(indices(&failure.choices)),
                        None => at += chunk,
                    }
                }
                if chunk == 1 {
                    break;
                }
                chunk = chunk.div_ceil(2);
            }
            if weight(&best) >= weight(&before) || self.runs >= end {
                return best;
            }
        }
    }
}

/// What an invariant says, without what broke it: the text up to its first colon, or all of it.
fn kind_of(violation: &str) -> &str {
    violation.split(':').next().unwrap_or(violation)
}

fn indices(choices: &[Taken]) -> Vec<u16> {
    choices.iter().map(|choice| choice.index).collect()
}

/// How much happens: eventful choices, and the last of them.
fn weight(choices: &[u16]) -> (usize, usize) {
    let events = choices.iter().filter(|choice| **choice > 0).count();
    (events, choices.iter().rposition(|choice| *choice > 0).map_or(0, |last| last + 1))
}

fn trimmed(mut choices: Vec<u16>) -> Vec<u16> {
    choices.truncate(weight(&choices).1);
    choices
}

fn calmer(choices: &[u16], range: Range<usize>) -> Vec<u16> {
    let mut choices = choices.to_vec();
    choices[range].fill(0);
    choices
}

fn without(choices: &[u16], range: Range<usize>) -> Vec<u16> {
    let mut choices = choices.to_vec();
    choices.drain(range);
    choices
}
