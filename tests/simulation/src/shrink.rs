//! Finds less that fails the same way: fewer orders, fewer faults, fewer changes of who goes on.

use crate::choices::Taken;
use crate::random::{Failure, by_choices};

/// At most this many runs are spent on it.
const PATIENCE: usize = 20_000;

/// The smallest run found that breaks the same invariant, traced; and how many runs that took.
pub fn shrink(failure: Failure) -> (Failure, usize) {
    let kind = kind_of(&failure.violation).to_owned();
    let mut runs = 0;
    let mut fails = |choices: &[u16]| {
        runs += 1;
        if runs > PATIENCE {
            return None;
        }
        by_choices(choices.to_vec(), false).err().filter(|failure| kind_of(&failure.violation) == kind)
    };
    let mut best = indices(&failure.choices);
    // What comes after the last eventful choice is uneventful anyway.
    loop {
        let before = best.clone();
        let mut chunk = best.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < best.len() {
                let end = (at + chunk).min(best.len());
                let calmer = with(&best, at..end, |choices| choices.fill(0));
                let shorter = without(&best, at..end);
                let found = [calmer, shorter]
                    .into_iter()
                    .find_map(|choices| (eventful(&choices) < eventful(&best)).then(|| fails(&choices)).flatten());
                match found {
                    Some(failure) => best = trimmed(indices(&failure.choices)),
                    None => at = end,
                }
            }
            if chunk == 1 {
                break;
            }
            chunk = chunk.div_ceil(2);
        }
        for at in 0..best.len() {
            for smaller in 1..best.get(at).copied().unwrap_or(0) {
                let choices = with(&best, at..at + 1, |choices| choices[0] = smaller);
                if let Some(failure) = fails(&choices) {
                    best = trimmed(indices(&failure.choices));
                    break;
                }
            }
        }
        if best == before {
            break;
        }
    }
    let traced = by_choices(best, true).err();
    (traced.unwrap_or(failure), runs)
}

/// What an invariant says, without what broke it: the text up to its first colon, or all of it.
fn kind_of(violation: &str) -> &str {
    violation.split(':').next().unwrap_or(violation)
}

fn indices(choices: &[Taken]) -> Vec<u16> {
    choices.iter().map(|choice| choice.index).collect()
}

fn eventful(choices: &[u16]) -> (usize, usize) {
    (choices.iter().filter(|choice| **choice > 0).count(), trimmed(choices.to_vec()).len())
}

fn trimmed(mut choices: Vec<u16>) -> Vec<u16> {
    while choices.last() == Some(&0) {
        choices.pop();
    }
    choices
}

fn with(choices: &[u16], range: std::ops::Range<usize>, change: impl FnOnce(&mut [u16])) -> Vec<u16> {
    let mut choices = choices.to_vec();
    change(&mut choices[range]);
    choices
}

fn without(choices: &[u16], range: std::ops::Range<usize>) -> Vec<u16> {
    let mut choices = choices.to_vec();
    choices.drain(range);
    choices
}
