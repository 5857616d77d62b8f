//! The data of SVG paths.

use std::fmt::Write as _;

use crate::layout::Point;

const CORNER: i32 = 9;
/// The length and half the width of an arrowhead.
const HEAD: (i32, i32) = (9, 5);

/// A line with rounded corners, which ends where its arrowhead begins.
pub(crate) fn rounded(points: &[Point]) -> String {
    let mut path = String::new();
    let ([first, ..], [.., before, last]) = (points, points) else { return path };
    let mut to = |command: char, point: Point| {
        // Writing to a String never fails.
        write!(path, "{command}{} {}", point.x, point.y).ok();
    };
    to('M', *first);
    for corner in points.windows(3) {
        let radius = CORNER.min(length(corner[0], corner[1]) / 2).min(length(corner[1], corner[2]) / 2);
        to('L', toward(corner[1], corner[0], radius));
        to('Q', corner[1]);
        to(' ', toward(corner[1], corner[2], radius));
    }
    to('L', toward(*last, *before, (HEAD.0 - 1).min(length(*before, *last))));
    path
}

/// The head at the end of a line.
pub(crate) fn arrowhead(points: &[Point]) -> String {
    let [.., before, tip] = points else { return String::new() };
    let base = toward(*tip, *before, HEAD.0);
    let (across, along) = ((tip.y - before.y).signum() * HEAD.1, (tip.x - before.x).signum() * HEAD.1);
    let (one, other) = ((base.x - across, base.y - along), (base.x + across, base.y + along));
    format!("M{} {}L{} {}L{} {}Z", tip.x, tip.y, one.0, one.1, other.0, other.1)
}

/// A box with a point at either side.
pub(crate) fn hexagon(width: i32, height: i32) -> String {
    let tip = 14;
    format!("M{tip} 0H{}L{width} {}L{} {height}H{tip}L0 {}Z", width - tip, height / 2, width - tip, height / 2)
}

/// The point so far from the first towards the second; they are on a horizontal or a vertical.
fn toward(from: Point, to: Point, distance: i32) -> Point {
    Point { x: from.x + (to.x - from.x).signum() * distance, y: from.y + (to.y - from.y).signum() * distance }
}

fn length(a: Point, b: Point) -> i32 {
    (b.x - a.x).abs() + (b.y - a.y).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_turns_in_a_curve_and_stops_short_of_its_head() {
        let points = [(0, 0), (0, 40), (30, 40)].map(|(x, y)| Point { x, y });
        assert_eq!(rounded(&points), "M0 0L0 31Q0 40 9 40L22 40");
        assert_eq!(arrowhead(&points), "M30 40L21 35L21 45Z");
    }
}
