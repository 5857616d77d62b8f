//! The order of the items in each row: neighbours of neighbours come together, so that few lines cross.
//!
//! The barycentre heuristic of Sugiyama, Tagawa and Toda ("Methods for visual understanding of hierarchical system
//! structures", 1981), keeping the best of its sweeps.

use super::rows::Neighbours;

const SWEEPS: usize = 8;

/// Orders the rows of a region in place.
pub(crate) fn order(rows: &mut [Vec<usize>], neighbours: &Neighbours) {
    let mut best = rows.to_vec();
    let mut fewest = crossings(rows, neighbours);
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        for step in 1..rows.len() {
            let (fixed, moved) = if down { (step - 1, step) } else { (rows.len() - step, rows.len() - step - 1) };
            let place = positions(&rows[fixed], neighbours.len());
            let toward = |item: usize| if down { neighbours.above(item) } else { neighbours.below(item) };
            let mut keyed: Vec<(usize, usize)> = (rows[moved].iter().enumerate())
                .map(|(at, item)| {
                    let places = toward(*item).iter().map(|other| place[*other]);
                    let count = places.len();
                    // Scaled, so that means of different lists compare as whole numbers.
                    (if count == 0 { at * 1024 } else { places.sum::<usize>() * 1024 / count }, *item)
                })
                .collect();
            keyed.sort_by_key(|(mean, _)| *mean);
            rows[moved] = keyed.into_iter().map(|(_, item)| item).collect();
        }
        let now = crossings(rows, neighbours);
        if now < fewest {
            (best, fewest) = (rows.to_vec(), now);
        }
    }
    rows.clone_from_slice(&best);
}

fn positions(row: &[usize], items: usize) -> Vec<usize> {
    let mut place = vec![0; items];
    row.iter().enumerate().for_each(|(at, item)| place[*item] = at);
    place
}

fn crossings(rows: &[Vec<usize>], neighbours: &Neighbours) -> usize {
    let mut crossings = 0;
    for pair in rows.windows(2) {
        let place = positions(&pair[1], neighbours.len());
        let mut ends: Vec<usize> = Vec::new();
        for item in &pair[0] {
            let mut lower: Vec<usize> = neighbours.below(*item).iter().map(|other| place[*other]).collect();
            lower.sort_unstable();
            for end in &lower {
                crossings += ends.len() - ends.partition_point(|other| other <= end);
            }
            ends.extend(lower);
            ends.sort_unstable();
        }
    }
    crossings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_that_need_not_be_is_removed() {
        let mut neighbours = Neighbours::new(4);
        neighbours.join(0, 3);
        neighbours.join(1, 2);
        let mut rows = vec![vec![0, 1], vec![2, 3]];
        assert_eq!(crossings(&rows, &neighbours), 1);
        order(&mut rows, &neighbours);
        assert_eq!(crossings(&rows, &neighbours), 0);
    }
}
