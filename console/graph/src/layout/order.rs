//! The order of the items in each row: neighbours of neighbours come together, so that few lines cross.
//!
//! The barycentre heuristic of Sugiyama, Tagawa and Toda ("Methods for visual understanding of hierarchical system
//! structures", 1981), improved by swapping neighbours
//! (Gansner et al., "A technique for drawing directed graphs", 1993); the best of its sweeps is kept.

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
                    ((places.sum::<usize>() * 1024).checked_div(count).unwrap_or(at * 1024), *item)
                })
                .collect();
            keyed.sort_by_key(|(mean, _)| *mean);
            rows[moved] = keyed.into_iter().map(|(_, item)| item).collect();
        }
        swap_neighbours(rows, neighbours);
        let now = crossings(rows, neighbours);
        // The later one of equals: it went upwards, so that lines keep to where they lead.
        if now <= fewest {
            (best, fewest) = (rows.to_vec(), now);
        }
    }
    rows.clone_from_slice(&best);
}

/// Swaps any two items side by side whose lines cross less the other way round.
fn swap_neighbours(rows: &mut [Vec<usize>], neighbours: &Neighbours) {
    for at in 0..rows.len() {
        let around = [at.checked_sub(1), Some(at + 1)].map(|row| row.and_then(|row| rows.get(row)));
        let [above, below] = around.map(|row| positions(row.map_or(&[], Vec::as_slice), neighbours.len()));
        let crossing = |left: usize, right: usize| {
            let pairs = [
                (neighbours.above(left), neighbours.above(right), &above),
                (neighbours.below(left), neighbours.below(right), &below),
            ];
            pairs.into_iter().map(|(a, b, place)| crossed(a, b, place)).sum::<usize>()
        };
        let row = &mut rows[at];
        for step in (1..row.len()).chain((1..row.len()).rev()) {
            if crossing(row[step], row[step - 1]) < crossing(row[step - 1], row[step]) {
                row.swap(step - 1, step);
            }
        }
    }
}

/// How many lines of a left item cross those of a right one.
fn crossed(left: &[usize], right: &[usize], place: &[usize]) -> usize {
    left.iter().map(|a| right.iter().filter(|b| place[**b] < place[*a]).count()).sum()
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
