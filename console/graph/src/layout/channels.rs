//! The channels beside the regions: which line runs on which track, and so how far the regions are apart.

use std::collections::BTreeMap;

use super::ports::Hand;
use super::rows::{Channel, Grid};
use super::sizes::{APART, ARROW, LANE_PADDING, TRACK};
use super::tracks::{self, Line};
use crate::model::Side;

/// What shares a track: whatever goes to one state through one channel.
pub(crate) type Bundle = (Channel, usize);

/// The channels, before they are placed.
#[derive(Debug, Default)]
pub(crate) struct Lines(BTreeMap<Bundle, Line>);

impl Lines {
    /// A line of the bundle comes from, or goes to, a region on this hand of the channel at this height.
    pub(crate) fn add(&mut self, bundle: Bundle, region: Hand, y: i32) {
        let line = self.0.entry(bundle).or_default();
        match region {
            Hand::Left => line.before.insert(y),
            Hand::Right => line.after.insert(y),
        };
    }
}

/// The channels, placed.
#[derive(Debug)]
pub(crate) struct Channels {
    tracks: BTreeMap<Bundle, i32>,
    /// How far the compensations are moved to the right.
    pub(crate) moved: i32,
    /// From left to right of the compensations and what goes back among them, if there are any.
    pub(crate) lane: Option<(i32, i32)>,
}

impl Channels {
    /// Puts the regions side by side; the main one stays.
    pub(crate) fn of(grid: &Grid, lines: &Lines) -> Self {
        let extent = |side: Side| {
            let items = || grid.items.iter().filter(|item| item.side == side);
            let left = items().map(|item| item.x - item.left).min()?;
            Some((left, items().map(|item| item.x + item.right).max()?))
        };
        let (left, right) = extent(Side::Main).unwrap_or_default();
        let mut channels = Self { tracks: BTreeMap::new(), moved: 0, lane: None };
        let steps = |n: usize| i32::try_from(n).unwrap_or_default() * TRACK;

        let (back, count) = assigned(lines, Channel::Left);
        channels.tracks.extend(back.into_iter().map(|(bundle, track)| (bundle, left - steps(count - track))));
        let Some((lane_left, lane_right)) = extent(Side::Compensation) else { return channels };

        let (across, count) = assigned(lines, Channel::Middle);
        channels.tracks.extend(across.into_iter().map(|(bundle, track)| (bundle, right + steps(track + 1))));
        let lane_begins = right + (steps(count) + ARROW + LANE_PADDING).max(APART);
        channels.moved = lane_begins - lane_left;

        let (back, count) = assigned(lines, Channel::Right);
        let right = lane_right + channels.moved;
        channels.tracks.extend(back.into_iter().map(|(bundle, track)| (bundle, right + steps(track + 1))));
        channels.lane = Some((lane_begins, right + steps(count)));
        channels
    }

    /// The column of a bundle's track.
    pub(crate) fn track(&self, bundle: Bundle) -> i32 {
        self.tracks.get(&bundle).copied().unwrap_or_default()
    }
}

fn assigned(lines: &Lines, channel: Channel) -> (Vec<(Bundle, usize)>, usize) {
    let own: Vec<(&Bundle, &Line)> = lines.0.iter().filter(|(bundle, _)| bundle.0 == channel).collect();
    let (tracks, count) = tracks::assign(&own.iter().map(|(_, line)| (*line).clone()).collect::<Vec<_>>());
    (own.iter().map(|(bundle, _)| **bundle).zip(tracks).collect(), count)
}
