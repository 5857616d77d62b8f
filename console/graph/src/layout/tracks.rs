//! Tracks: which of several parallel lines lies where, so that they touch no other and cross few.

use std::collections::BTreeSet;

/// A line along a strip, with the ends that leave it to the side of the first tracks or to that of the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// Where ends leave towards the side before the first track.
    pub(crate) before: BTreeSet<i32>,
    /// Where ends leave towards the side after the last track.
    pub(crate) after: BTreeSet<i32>,
}

impl Line {
    fn range(&self) -> (i32, i32) {
        let ends = || self.before.iter().chain(&self.after).copied();
        (ends().min().unwrap_or_default(), ends().max().unwrap_or_default())
    }

    fn meets(&self, other: &Self) -> bool {
        let ((low, high), (other_low, other_high)) = (self.range(), other.range());
        low <= other_high && other_low <= high
    }

    /// What it costs to have this line on an earlier track than the other: crossings, and above all ends of both that
    /// would lie on each other.
    fn cost_before(&self, other: &Self) -> usize {
        const OVERLAP: usize = 1000;
        let within = |at: &i32, line: &Self| {
            let (low, high) = line.range();
            (low..=high).contains(at)
        };
        let crossings = self.after.iter().filter(|at| within(at, other)).count()
            + other.before.iter().filter(|at| within(at, self)).count();
        let overlaps = self.after.iter().filter(|at| other.before.contains(at)).count();
        crossings + OVERLAP * overlaps
    }
}

/// Gives each line a track; returns them with the number of tracks.
pub(crate) fn assign(lines: &[Line]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    // Few lines share a strip, so swapping neighbours for as long as it helps is good enough.
    for _ in 0..lines.len().min(64) {
        let mut swapped = false;
        for at in 1..order.len() {
            let (a, b) = (&lines[order[at - 1]], &lines[order[at]]);
            if a.meets(b) && b.cost_before(a) < a.cost_before(b) {
                order.swap(at - 1, at);
                swapped = true;
            }
        }
        if !swapped {
            break;
        }
    }
    let mut tracks = vec![0; lines.len()];
    for (at, line) in order.iter().enumerate() {
        let earlier = order[..at].iter().filter(|other| lines[*line].meets(&lines[**other]));
        tracks[*line] = earlier.map(|other| tracks[*other] + 1).max().unwrap_or(0);
    }
    let count = tracks.iter().map(|track| track + 1).max().unwrap_or(0);
    (tracks, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(before: &[i32], after: &[i32]) -> Line {
        Line { before: before.iter().copied().collect(), after: after.iter().copied().collect() }
    }

    #[test]
    fn lines_apart_share_a_track() {
        assert_eq!(assign(&[line(&[0], &[10]), line(&[20], &[30])]), (vec![0, 0], 1));
    }

    #[test]
    fn nested_lines_do_not_cross() {
        // The outer line goes from 0 to 30, the inner one from 10 to 20, both from before to before.
        assert_eq!(assign(&[line(&[0, 30], &[]), line(&[10, 20], &[])]), (vec![1, 0], 2));
    }

    #[test]
    fn an_end_is_never_laid_onto_another() {
        // One comes in from before at 10, the other leaves to after at 10: the first must come first.
        assert_eq!(assign(&[line(&[0], &[10]), line(&[10], &[40])]), (vec![1, 0], 2));
    }
}
