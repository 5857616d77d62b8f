//! Draws the documentation's pictures: the demo's table as it stands in a terminal, and the workflow's graphs.

use std::fmt::Write as _;
use std::process::Command;

const FILE: &str = "docs/demo.svg";
/// Of a character, of a line, and around it all, in pixels.
const CHAR: f64 = 7.8;
const LINE: f64 = 17.0;
const PAD: f64 = 20.0;

/// Writes all of them.
pub(crate) fn draw() -> Result<(), String> {
    demo()?;
    super::cargo("run --quiet --package asl-graph --example gallery -- docs graph graph-compensation graph-traffic")
}

/// Runs the demo and writes its table as an SVG.
fn demo() -> Result<(), String> {
    let demo =
        Command::new(env!("CARGO")).args(["run", "--quiet", "--package", "orderflow", "--", "demo", "--exit"]).output();
    let demo = demo.map_err(|error| format!("cargo run: {error}"))?;
    if !demo.status.success() {
        return Err(String::from_utf8_lossy(&demo.stderr).into_owned());
    }
    let table = String::from_utf8_lossy(&demo.stdout);
    std::fs::write(FILE, svg(table.trim_end())).map_err(|error| format!("{FILE}: {error}"))
}

fn svg(table: &str) -> String {
    let lines: Vec<&str> = std::iter::once("$ cargo run -- demo").chain(table.lines()).collect();
    let columns = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let width = columns as f64 * CHAR + 2.0 * PAD;
    let height = lines.len() as f64 * LINE + 2.0 * PAD;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-size=\"13\" \
         font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let y = PAD + (index as f64 + 0.75) * LINE;
        // Each cell of the table stands at its own column, so that no font can bend the frame.
        for (column, text) in words(line) {
            let x = PAD + column as f64 * CHAR;
            let length = text.chars().count() as f64 * CHAR;
            let (color, text) = (color(text), escaped(text));
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{color}\" textLength=\"{length:.1}\" xml:space=\"preserve\">{text}</text>")
                .expect("writing to a string never fails");
        }
    }
    svg + "</svg>\n"
}

/// The line's parts between its frame, and the frame's own, each with its column.
fn words(line: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let mut column = 0;
    for part in line.split_inclusive(['│', '┆']) {
        let (text, frame) = match part.char_indices().last() {
            Some((at, '│' | '┆')) => part.split_at(at),
            _ => (part, ""),
        };
        let indent = text.chars().take_while(|c| *c == ' ').count();
        if !text.trim().is_empty() {
            parts.push((column + indent, text.trim()));
        }
        column += text.chars().count();
        if !frame.is_empty() {
            parts.push((column, frame));
            column += 1;
        }
    }
    parts
}

fn color(text: &str) -> &'static str {
    let frame = text.chars().all(|c| "│┆┌┐└┘├┤─═╞╡╪┬┴┼╌".contains(c));
    match text {
        _ if frame => "#4a5060",
        _ if text.starts_with("confirmed") => "#7fd88f",
        _ if text.starts_with("rejected") => "#f2c14e",
        _ if text.starts_with("dead-lettered") => "#f47c7c",
        _ if text.starts_with('$') => "#8ab4f8",
        _ if text.starts_with("ord_") => "#7c8496",
        _ => "#d7dae0",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
