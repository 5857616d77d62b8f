//! Where lines run, now that rows and columns are known: by right angles, between rows and through the channels.

use super::channels::{Channels, Lines};
use super::gaps::{Bundle, Gaps};
use super::ports::{End, Hand, Port, Ports, corner, way_down};
use super::rows::{Channel, Grid, Item, Way, What, Wire};
use super::sizes::{LABEL_HEIGHT, STUB};
use super::{Point, Rect};
use crate::model::Side;

/// Where everything of a machine is.
#[derive(Debug)]
pub(crate) struct Routes {
    /// The middle of each row.
    pub(crate) rows: Vec<i32>,
    /// For each wire: its line, and where its label is if it has one.
    pub(crate) lines: Vec<(Vec<Point>, Option<Rect>)>,
    /// From left to right of the compensations and what goes back among them, if there are any.
    pub(crate) lane: Option<(i32, i32)>,
}

/// Finds the way of every wire; moves the compensations beside the main side.
pub(crate) fn route(grid: &mut Grid, ports: &Ports) -> Routes {
    let gaps = Gaps::of(grid, ports);
    let mut ways: Vec<Option<[Leg; 2]>> = Vec::new();
    let mut lines = Lines::default();
    for (at, wire) in grid.wires.iter().enumerate() {
        let Way::Around(channel) = wire.way else {
            ways.push(None);
            continue;
        };
        let legs = [(wire.from, End::Out(at)), (wire.to, End::In)]
            .map(|(item, end)| Leg::new(grid, ports, &gaps, item, end, channel));
        for leg in &legs {
            let region = if leg.hand == Hand::Right { Hand::Left } else { Hand::Right };
            lines.add((channel, wire.to), region, leg.level);
        }
        ways.push(Some(legs));
    }
    // Lines that go down were laid out where the items are now; those of compensations move along with them.
    let down: Vec<_> = (0..grid.wires.len()).map(|at| go_down(grid, &gaps, at)).collect();
    let channels = Channels::of(grid, &lines);
    grid.items.iter_mut().filter(|item| item.side == Side::Compensation).for_each(|item| item.x += channels.moved);

    let lines = (grid.wires.iter().zip(ways).zip(down))
        .map(|((wire, legs), down)| {
            let moved = |item: usize| if grid.items[item].side == Side::Main { 0 } else { channels.moved };
            let (points, label) = match (&wire.way, legs) {
                (Way::Around(channel), Some([out, into])) => go_around(
                    wire,
                    out.moved(moved(wire.from)),
                    into.moved(moved(wire.to)),
                    channels.track((*channel, wire.to)),
                ),
                _ => {
                    let (mut points, mut label) = down;
                    points.iter_mut().for_each(|point| point.x += moved(wire.from));
                    label.iter_mut().for_each(|rect: &mut Rect| rect.x += moved(wire.from));
                    (points, label)
                }
            };
            (without_detours(points), label)
        })
        .collect();
    Routes { rows: gaps.rows, lines, lane: channels.lane }
}

/// One end of a line that goes around, up to its channel.
#[derive(Clone, Copy, Debug)]
struct Leg {
    /// On the state's border.
    port: Point,
    /// The height at which the line is in the channel.
    level: i32,
    /// Where the channel is, seen from the state.
    hand: Hand,
}

impl Leg {
    fn new(grid: &Grid, ports: &Ports, gaps: &Gaps, item: usize, end: End, channel: Channel) -> Self {
        let Item { x, row, side, width, height, .. } = grid.items[item];
        let hand = Hand::toward(channel, side);
        let middle = gaps.rows[row];
        match ports.port(grid, item, hand, end) {
            Port::Beside(offset) => {
                let level = middle + offset;
                Self { port: Point { x: x + hand.sign() * width / 2, y: level }, level, hand }
            }
            Port::Across => {
                let x = corner(grid, item, hand);
                let (y, track) = match end {
                    End::Out(wire) => (middle + height / 2, gaps.track(row + 1, Bundle::Leave(wire))),
                    End::In => (middle - height / 2, gaps.track(row, Bundle::Join(item, hand))),
                };
                Self { port: Point { x, y }, level: track.unwrap_or(y), hand }
            }
        }
    }

    const fn moved(self, by: i32) -> Self {
        Self { port: Point { x: self.port.x + by, y: self.port.y }, ..self }
    }
}

fn go_around(wire: &Wire, out: Leg, into: Leg, track: i32) -> (Vec<Point>, Option<Rect>) {
    let points = vec![
        out.port,
        Point { x: out.port.x, y: out.level },
        Point { x: track, y: out.level },
        Point { x: track, y: into.level },
        Point { x: into.port.x, y: into.level },
        into.port,
    ];
    let label = wire.label.as_ref().map(|label| Rect {
        x: match out.hand {
            Hand::Left => out.port.x - STUB - label.width,
            Hand::Right => out.port.x + STUB,
        },
        y: out.level - LABEL_HEIGHT / 2,
        width: label.width,
        height: LABEL_HEIGHT,
    });
    (points, label)
}

fn go_down(grid: &Grid, gaps: &Gaps, at: usize) -> (Vec<Point>, Option<Rect>) {
    let Way::Down(chain) = &grid.wires[at].way else { return Default::default() };
    let mut points = Vec::new();
    let mut label = None;
    for pair in chain.windows(2) {
        let (upper, lower) = (&grid.items[pair[0]], &grid.items[pair[1]]);
        let x = way_down(grid, at, pair[0], pair[1]);
        let bottom = gaps.rows[upper.row] + upper.height / 2;
        let top = gaps.rows[lower.row] - lower.height / 2;
        let track = gaps.track(lower.row, Bundle::Fork(pair[0], x)).unwrap_or(bottom);
        points.extend([(x, bottom), (x, track), (lower.x, track), (lower.x, top)].map(|(x, y)| Point { x, y }));
        if lower.what == What::Label {
            let (x, y, width, height) = (lower.x - lower.width / 2, top, lower.width, lower.height);
            label = Some(Rect { x, y, width, height });
        }
    }
    (points, label)
}

/// The same line without points that are on the way between their neighbours.
fn without_detours(points: Vec<Point>) -> Vec<Point> {
    let mut line: Vec<Point> = Vec::new();
    for point in points {
        let straight = |a: &Point, b: &Point| (a.x == b.x && b.x == point.x) || (a.y == b.y && b.y == point.y);
        while matches!(line.as_slice(), [.., a, b] if straight(a, b)) {
            line.pop();
        }
        if line.last() != Some(&point) {
            line.push(point);
        }
    }
    line
}
