//! The columns: each item as near to its neighbours as the more important ones in its row allow. The happy path is the
//! most important and never moves, so it is a straight line; long lines come next, so they are straight, too.
//!
//! The priority method of Sugiyama, Tagawa and Toda (1981).

use super::rows::{Item, Neighbours, What};
use super::sizes::COLUMN_GAP;

/// Even, so that the last one goes upwards: what forks stands above what it forks to.
const SWEEPS: usize = 6;

/// Sets the `x` of every item of a region; the happy path is at 0.
pub(crate) fn place(rows: &[Vec<usize>], items: &mut [Item], neighbours: &Neighbours) {
    for row in rows {
        let mut x = 0;
        for at in 0..row.len() {
            x += if at == 0 { 0 } else { distance(&items[row[at - 1]], &items[row[at]]) };
            items[row[at]].x = x;
        }
        let anchor = row.iter().find(|item| items[**item].happy).map_or(x / 2, |item| items[*item].x);
        row.iter().for_each(|item| items[*item].x -= anchor);
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        for step in 0..rows.len() {
            let row = if down { &rows[step] } else { &rows[rows.len() - 1 - step] };
            settle(row, items, |item| if down { neighbours.above(item) } else { neighbours.below(item) });
        }
    }
    rows.iter().for_each(|row| straighten(row, items, neighbours));
}

/// Lets lines go straight on from where they come from, where there is room; they turn as late as they can.
fn straighten(row: &[usize], items: &mut [Item], neighbours: &Neighbours) {
    for at in 0..row.len() {
        let (What::Line, false, [above]) = (items[row[at]].what, items[row[at]].happy, neighbours.above(row[at]))
        else {
            continue;
        };
        let x = items[*above].x;
        let clear = |left: usize, right: usize, space: i32| space >= distance(&items[row[left]], &items[row[right]]);
        let fits_left = at == 0 || clear(at - 1, at, x - items[row[at - 1]].x);
        let fits_right = at + 1 == row.len() || clear(at, at + 1, items[row[at + 1]].x - x);
        if fits_left && fits_right {
            items[row[at]].x = x;
        }
    }
}

/// Moves the items of a row towards their neighbours, the important ones first.
fn settle<'n>(row: &[usize], items: &mut [Item], toward: impl Fn(usize) -> &'n [usize]) {
    let mut offsets = vec![0; row.len()];
    for at in 1..row.len() {
        offsets[at] = offsets[at - 1] + distance(&items[row[at - 1]], &items[row[at]]);
    }
    let mut queue: Vec<usize> = (0..row.len()).collect();
    queue.sort_by_key(|at| std::cmp::Reverse(items[row[*at]].priority(toward(row[*at]).len())));
    let mut settled = std::collections::BTreeMap::new();
    for at in queue {
        let item = &items[row[at]];
        let near = toward(row[at]);
        let wanted = match near.len() {
            _ if item.happy => 0,
            0 => item.x,
            count => mean(near.iter().map(|other| items[*other].x), count),
        };
        // There is always room between two settled items for all that lie between them: each left it when it settled.
        let least = settled.range(..at).next_back().map(|(other, x): (&usize, &i32)| x + offsets[at] - offsets[*other]);
        let most = settled.range(at..).next().map(|(other, x)| x - (offsets[*other] - offsets[at]));
        let x = wanted.max(least.unwrap_or(i32::MIN)).min(most.unwrap_or(i32::MAX));
        settled.insert(at, x);
        items[row[at]].x = x;
    }
}

fn mean(values: impl Iterator<Item = i32>, count: usize) -> i32 {
    let sum: i64 = values.map(i64::from).sum();
    // A mean is no larger than the largest value.
    i32::try_from(sum / i64::try_from(count).unwrap_or(i64::MAX)).unwrap_or_default()
}

/// How far apart the middles of two neighbours are at least.
fn distance(left: &Item, right: &Item) -> i32 {
    left.right + COLUMN_GAP + right.left
}
