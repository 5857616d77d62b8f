//! Where a rate or a count can be written on an edge without covering anything: on its longest piece that has room.

use super::sizes::{NOTE_HEIGHT, NOTE_WIDTH, STUB};
use super::{Edge, Layout, Point, Rect};

/// Places the notes of all edges.
pub(crate) fn place(layout: &mut Layout) {
    let mut taken: Vec<Rect> = (layout.nodes.iter().filter(|node| !node.is_box()).map(|node| node.rect))
        .chain(layout.edges.iter().filter_map(|edge| Some(edge.label.as_ref()?.rect)))
        .collect();
    // Long edges have more room to choose from, so they come last.
    let mut order: Vec<usize> = (0..layout.edges.len()).collect();
    order.sort_by_key(|at| layout.edges[*at].points.windows(2).map(|pair| length(pair[0], pair[1])).sum::<i32>());
    for edge in order {
        let edge = &mut layout.edges[edge];
        let places = candidates(edge);
        let free = places.iter().find(|at| !taken.iter().any(|other| around(**at).overlaps(other)));
        if let Some(at) = free.or(places.first()) {
            edge.note = *at;
            taken.push(around(*at));
        }
    }
}

fn around(at: Point) -> Rect {
    Rect { x: at.x - NOTE_WIDTH / 2, y: at.y - NOTE_HEIGHT / 2, width: NOTE_WIDTH, height: NOTE_HEIGHT }
}

/// The middle of each piece, that of the longest first, and then points nearer to its ends.
fn candidates(edge: &Edge) -> Vec<Point> {
    let mut pieces: Vec<(Point, Point)> = edge.points.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pieces.sort_by_key(|(a, b)| std::cmp::Reverse(length(*a, *b)));
    let on = |(a, b): &(Point, Point), eighths: i32| {
        // A line that is hardly longer than the text is high would vanish behind it.
        let beside = if a.x == b.x && length(*a, *b) < 2 * NOTE_HEIGHT { NOTE_WIDTH / 2 + STUB } else { 0 };
        Point { x: a.x + (b.x - a.x) * eighths / 8 - beside, y: a.y + (b.y - a.y) * eighths / 8 }
    };
    [4, 3, 5, 2, 6].into_iter().flat_map(|eighths| pieces.iter().map(move |piece| on(piece, eighths))).collect()
}

/// Of a piece that is horizontal or vertical.
fn length(a: Point, b: Point) -> i32 {
    (b.x - a.x).abs() + (b.y - a.y).abs()
}
