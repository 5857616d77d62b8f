//! The gaps between rows: which line changes its column on which track, and so how far rows are apart.

use std::collections::BTreeMap;

use super::ports::{End, Hand, Port, Ports, corner, way_down};
use super::rows::{Grid, Way};
use super::sizes::{ARROW, LABEL_GAP, LABEL_HEIGHT, ROW_GAP, TRACK};
use super::tracks::{self, Line};
use crate::model::Side;

/// As far as a line can go to one hand; where exactly it ends there is up to its channel.
const FAR: i32 = i32::MAX / 4;

/// What shares a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bundle {
    /// What leaves an item downwards in this column.
    Fork(usize, i32),
    /// A wire that leaves its state to go around.
    Leave(usize),
    /// What comes around to an item from this hand.
    Join(usize, Hand),
}

/// The rows and the tracks between them, placed.
#[derive(Debug)]
pub(crate) struct Gaps {
    /// The middle of each row.
    pub(crate) rows: Vec<i32>,
    /// The height of the track of each bundle, by the row below its gap.
    tracks: BTreeMap<(usize, Bundle), i32>,
}

impl Gaps {
    pub(crate) fn of(grid: &Grid, ports: &Ports) -> Self {
        let rows = grid.labels_only.len();
        let mut gaps: Vec<Gap> = vec![Gap::default(); rows + 1];
        for (at, wire) in grid.wires.iter().enumerate() {
            match &wire.way {
                Way::Down(chain) => {
                    for pair in chain.windows(2) {
                        let (from, to) = (way_down(grid, at, pair[0], pair[1]), grid.items[pair[1]].x);
                        if from != to {
                            let gap = &mut gaps[grid.items[pair[1]].row];
                            let line = gap.line(grid.items[pair[0]].side, Bundle::Fork(pair[0], from));
                            line.before.insert(from);
                            line.after.insert(to);
                        }
                    }
                }
                Way::Around(channel) => {
                    let [from, to] =
                        [wire.from, wire.to].map(|item| (item, grid.items[item].row, grid.items[item].side));
                    let hand = Hand::toward(*channel, from.2);
                    if ports.port(grid, from.0, hand, End::Out(at)) == Port::Across {
                        let x = corner(grid, from.0, hand);
                        let gap = &mut gaps[from.1 + 1];
                        gap.labelled |= wire.label.is_some();
                        gap.line(from.2, Bundle::Leave(at)).before.extend([x, hand.sign() * FAR]);
                    }
                    let hand = Hand::toward(*channel, to.2);
                    if ports.port(grid, to.0, hand, End::In) == Port::Across {
                        let ends = [corner(grid, to.0, hand), hand.sign() * FAR];
                        gaps[to.1].line(to.2, Bundle::Join(to.0, hand)).after.extend(ends);
                    }
                }
            }
        }
        Self::stacked(grid, gaps)
    }

    fn stacked(grid: &Grid, gaps: Vec<Gap>) -> Self {
        let mut stacked = Self { rows: Vec::new(), tracks: BTreeMap::new() };
        let mut y = 0;
        for (row, gap) in gaps.into_iter().enumerate() {
            let labels = |row: Option<usize>| row.and_then(|row| grid.labels_only.get(row).copied());
            let (above, below) = (labels(row.checked_sub(1)), labels(Some(row)));
            let before = if above == Some(true) && !gap.labelled { LABEL_GAP / 2 } else { TRACK };
            let after = if below == Some(true) && !gap.labelled { LABEL_GAP / 2 } else { ARROW };
            let least = match (above, below) {
                (Some(false), Some(false)) => ROW_GAP,
                (Some(true), Some(_)) => ARROW + LABEL_GAP / 2,
                (Some(false), Some(true)) => LABEL_GAP,
                _ => 0,
            };
            let pitch = if gap.labelled { LABEL_HEIGHT + 4 } else { TRACK };
            let (tracks, count) = gap.assigned();
            let steps = |n: usize| i32::try_from(n).unwrap_or_default() * pitch;
            let height = if count == 0 { least } else { least.max(before + steps(count - 1) + after) };
            let first = y + before + (height - before - steps(count.saturating_sub(1)) - after).max(0) / 2;
            stacked.tracks.extend(tracks.into_iter().map(|(bundle, track)| ((row, bundle), first + steps(track))));
            y += height;
            if row < grid.labels_only.len() {
                let tallest = grid.items.iter().filter(|item| item.row == row).map(|item| item.height).max();
                let tallest = tallest.unwrap_or(0);
                stacked.rows.push(y + tallest / 2);
                y += tallest;
            }
        }
        stacked
    }

    /// The height of a bundle's track in the gap above this row; none if nothing of it changes its column there.
    pub(crate) fn track(&self, row: usize, bundle: Bundle) -> Option<i32> {
        self.tracks.get(&(row, bundle)).copied()
    }
}

/// The lines between two rows. Those of the two sides are far apart, so they have tracks of their own.
#[derive(Clone, Debug, Default)]
struct Gap {
    sides: [BTreeMap<Bundle, Line>; 2],
    labelled: bool,
}

impl Gap {
    fn line(&mut self, side: Side, bundle: Bundle) -> &mut Line {
        self.sides[side as usize].entry(bundle).or_default()
    }

    fn assigned(&self) -> (Vec<(Bundle, usize)>, usize) {
        let mut all = Vec::new();
        let mut most = 0;
        for lines in &self.sides {
            let (tracks, count) = tracks::assign(&lines.values().cloned().collect::<Vec<_>>());
            all.extend(lines.keys().copied().zip(tracks));
            most = most.max(count);
        }
        (all, most)
    }
}
