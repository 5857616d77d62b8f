//! How things are shown: tables for people, as wide as their terminal and coloured only there; JSON for scripts.

use std::fmt::Display;
use std::io::IsTerminal;

use anyhow::Result;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use jiff::{Timestamp, Unit};
use serde::Serialize;

/// A table without lines between its rows.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table
}

/// How good or bad a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Good,
    Plain,
    Bad,
}

/// A cell in the colour of its mood, where colours are wanted (<https://no-color.org>).
pub fn cell(text: impl Display, mood: Mood) -> Cell {
    let cell = Cell::new(text);
    let colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match mood {
        _ if colourless || !std::io::stdout().is_terminal() => cell,
        Mood::Good => cell.fg(Color::Green),
        Mood::Bad => cell.fg(Color::Red),
        Mood::Plain => cell,
    }
}

/// Bad if it is not zero.
pub fn count(number: u64) -> Cell {
    cell(number, if number == 0 { Mood::Plain } else { Mood::Bad })
}

pub use crate::output::say;

/// As JSON.
///
/// # Errors
/// If it can't be written as JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    say(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// To the second, for people.
pub fn time(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

/// Since then, roughly.
pub fn age(since: Timestamp) -> String {
    let seconds = Timestamp::now().duration_since(since).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Or a dash.
pub fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
