//! The report as a page: one file, its pictures drawn in it (SVG), no script, light and dark. Not for judging; that is the
//! report's.

use std::fmt::Write as _;

use askama::Template;

use super::report::{Bar, Latency, Pace, Report, Slice};

#[derive(Template)]
#[template(path = "load.html")]
struct Page<'r> {
    report: &'r Report,
    shortfall: Option<String>,
    rows: Vec<(&'static str, &'r Latency)>,
    histograms: [Picture; 2],
    rates: String,
    latencies: String,
}

struct Picture {
    title: &'static str,
    svg: String,
}

/// The page of a report.
///
/// # Errors
/// If it can't be rendered.
pub fn page(report: &Report) -> Result<String, askama::Error> {
    let kinds = report.by_kind.iter().map(|(kind, latency)| (kind.name(), latency));
    let all = [("accepted", &report.accept), ("end to end", &report.end_to_end)];
    let picture = |title, class, latency: &Latency| Picture { title, svg: histogram(&latency.histogram, class) };
    let per_second = |count: fn(&Slice) -> u64| move |slice: &Slice| Some(count(slice) as f64 / slice.seconds);
    let slices = whole(&report.timeline);
    Page {
        report,
        shortfall: report.pace.as_ref().and_then(Pace::shortfall),
        rows: all.into_iter().chain(kinds).collect(),
        histograms: [
            picture("Until accepted, ms", "accept", &report.accept),
            picture("End to end, ms", "end", &report.end_to_end),
        ],
        rates: curves(
            slices,
            &[
                ("sent", &per_second(|slice| slice.sent)),
                ("accept", &per_second(|slice| slice.accepted)),
                ("end", &per_second(|slice| slice.ended)),
            ],
        ),
        latencies: curves(
            slices,
            &[("accept", &|slice: &Slice| slice.accept_p99), ("end", &|slice: &Slice| slice.end_to_end_p99)],
        ),
    }
    .render()
}

/// A slice at the end that was cut short would look like a slump.
fn whole(slices: &[Slice]) -> &[Slice] {
    if slices.len() > 2 { &slices[..slices.len() - 1] } else { slices }
}

/// Three digits, and no more after the point than matter.
fn digits(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

mod filters {
    /// [`super::digits`].
    #[askama::filter_fn]
    pub(super) fn digits(value: &f64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::digits(*value))
    }
}

/// A picture's sizes, and what its axes need of it.
const WIDTH: f64 = 900.0;
const HALF: f64 = 430.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 46.0;
/// Half of the last bar's name.
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 22.0;
const TOP: f64 = 10.0;

fn open(width: f64) -> String {
    format!("<svg viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\">")
}

/// Lines across, with their values, up to a round number that is at least `most`; which it returns.
fn grid(svg: &mut String, width: f64, most: f64) -> f64 {
    let step = round_up(most.max(f64::MIN_POSITIVE) / 4.0);
    let top = step * (most / step).ceil().max(1.0);
    let mut value = 0.0;
    while value <= top + step / 2.0 {
        let y = height(value, top);
        // Writing to a String never fails, here and below.
        write!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{width}\"/>").ok();
        write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, y + 4.0, label(value))
            .ok();
        value += step;
    }
    top
}

/// 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|round| *round >= value).unwrap_or(value)
}

fn label(value: f64) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    short.to_owned()
}

fn height(value: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value / top).min(1.0)
}

/// Bars over a logarithmic axis of milliseconds.
fn histogram(bars: &[Bar], class: &str) -> String {
    let mut svg = open(HALF);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or_default();
    let top = grid(&mut svg, HALF, most.max(1) as f64);
    let width = (HALF - LEFT - RIGHT) / bars.len().max(1) as f64;
    // A name under each bar would be a blot.
    let named = bars.len().div_ceil(8).max(1);
    for (index, bar) in bars.iter().enumerate() {
        let (x, y) = (LEFT + width * index as f64, height(bar.count as f64, top));
        let tall = HEIGHT - BOTTOM - y;
        let said = format!("up to {} ms: {}", digits(bar.up_to), bar.count);
        write!(
            svg,
            "<rect class=\"bar {class}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"><title>{said}</title></rect>",
            x + 0.5,
            (width - 1.0).max(0.5),
        )
        .ok();
        if index % named == 0 {
            let (x, y) = (x + width / 2.0, HEIGHT - 6.0);
            write!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", digits(bar.up_to)).ok();
        }
    }
    svg + "</svg>"
}

/// A value of a slice.
type Value<'v> = &'v dyn Fn(&Slice) -> Option<f64>;

/// A curve for each value, over seconds.
fn curves(slices: &[Slice], values: &[(&str, Value<'_>)]) -> String {
    let mut svg = open(WIDTH);
    let all = slices.iter().flat_map(|slice| values.iter().filter_map(move |(_, value)| value(slice)));
    let top = grid(&mut svg, WIDTH, all.fold(0.0, f64::max));
    let end = slices.last().map_or(1.0, |slice| slice.at + slice.seconds);
    let across = |seconds: f64| LEFT + (WIDTH - LEFT) * seconds / end;
    for part in 0..=4 {
        let seconds = end * f64::from(part) / 4.0;
        let anchor = if part == 4 { "end" } else { "middle" };
        let (x, y) = (across(seconds), HEIGHT - 6.0);
        write!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{} s</text>", label(seconds)).ok();
    }
    for (class, value) in values {
        let points = slices.iter().filter_map(|slice| {
            Some(format!("{:.1},{:.1}", across(slice.at + slice.seconds / 2.0), height(value(slice)?, top)))
        });
        let points = points.collect::<Vec<_>>().join(" ");
        write!(svg, "<polyline class=\"curve {class}\" points=\"{points}\"/>").ok();
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_stands_alone_and_shows_what_failed() {
        let slice = |at: f64| Slice { at, seconds: 1.0, sent: 200, accept_p99: Some(3.5), ..Slice::default() };
        let report = Report {
            load: "--rate 200 <script>".to_owned(),
            timeline: (0..5).map(|at| slice(at.into())).collect(),
            checks: vec![super::super::Check { what: "orders charged twice", expected: 0, found: 1 }],
            errors: [("status 503".to_owned(), 7)].into(),
            ..Report::default()
        };
        let page = page(&report).unwrap();
        assert!(
            page.contains("The books don’t balance")
                && page.contains("orders charged twice")
                && page.contains("status 503")
        );
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("src="));
        assert!(page.contains("<polyline class=\"curve accept\" points=\""));
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!([0.03, 1.0, 1.2, 42.0, 600.0].map(round_up), [0.05, 1.0, 2.0, 50.0, 1000.0]);
        assert_eq!([0.0, 0.5, 250.0].map(label), ["0", "0.5", "250"]);
        assert_eq!([0.123, 12.34, 1234.5].map(digits), ["0.12", "12.3", "1234"]);
    }
}
