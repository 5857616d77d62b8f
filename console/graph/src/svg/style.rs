//! The stylesheet: light and dark, with the contrast that WCAG 2.2 asks for at level AA.

use std::fmt::Write as _;

use crate::status::Status;

/// Which colours, and where they are said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the reader's system prefers.
    #[default]
    Auto,
    /// Light; also for programs that know no CSS variables.
    Light,
    /// Dark; likewise.
    Dark,
    /// The page has a stylesheet: [`stylesheet`]`(Theme::Auto)`, or its own.
    External,
}

/// A name, and what it is in light and in dark.
type Colour = (&'static str, &'static str, &'static str);

/// All colours. A `-tint` fills what its namesake borders.
const PALETTE: [Colour; 20] = [
    ("canvas", "#f8fafc", "#0b1120"),
    ("surface", "#ffffff", "#172033"),
    ("text", "#0f172a", "#e8eef7"),
    ("muted", "#475569", "#a8b5c8"),
    ("line", "#64748b", "#8292a8"),
    ("border", "#94a3b8", "#52627a"),
    ("blue", "#1d4ed8", "#7fb2ff"),
    ("blue-tint", "#eff6ff", "#14264a"),
    ("green", "#15803d", "#4ade80"),
    ("green-tint", "#f0fdf4", "#0f2a20"),
    ("amber", "#a16207", "#facc15"),
    ("amber-tint", "#fefce8", "#2b2508"),
    ("orange", "#c2410c", "#fb923c"),
    ("orange-tint", "#fff7ed", "#33200f"),
    ("red", "#b91c1c", "#fca5a5"),
    ("red-tint", "#fef2f2", "#3a1620"),
    ("violet", "#6d28d9", "#c4b5fd"),
    ("violet-tint", "#f5f3ff", "#1d1a3a"),
    ("grey", "#475569", "#a8b5c8"),
    ("grey-tint", "#f1f5f9", "#1c2638"),
];

/// What does not depend on a status. Animations are only for those who don't mind.
const RULES: &str = include_str!("graph.css");

/// The stylesheet of a theme; empty for [`Theme::External`]. All selectors are within `.asl-graph`.
pub fn stylesheet(theme: Theme) -> String {
    match theme {
        Theme::Auto => {
            let (light, dark) = (variables(|(_, light, _)| light), variables(|(_, _, dark)| dark));
            format!(
                ".asl-graph{{{light}}}@media(prefers-color-scheme:dark){{.asl-graph{{{dark}}}}}\
                 [data-theme=light] .asl-graph{{{light}}}[data-theme=dark] .asl-graph{{{dark}}}{}",
                rules()
            )
        }
        Theme::Light => resolved(|(_, light, _)| light),
        Theme::Dark => resolved(|(_, _, dark)| dark),
        Theme::External => String::new(),
    }
}

fn variables(shade: fn(Colour) -> &'static str) -> String {
    PALETTE.iter().map(|colour| format!("--asl-{}:{};", colour.0, shade(*colour))).collect()
}

fn resolved(shade: fn(Colour) -> &'static str) -> String {
    PALETTE.iter().fold(rules(), |rules, colour| rules.replace(&format!("var(--asl-{})", colour.0), shade(*colour)))
}

fn rules() -> String {
    let mut rules: String = RULES.lines().collect();
    for status in Status::ALL {
        let tone = match status {
            Status::Pending => continue,
            Status::Running => "blue",
            Status::Retrying => "amber",
            Status::Succeeded => "green",
            Status::Caught => "orange",
            Status::Failed | Status::TimedOut => "red",
            Status::Aborted => "grey",
        };
        let name = status.name();
        let (state, ink) = (format!(".asl-graph [data-status={name}]>"), format!("var(--asl-{tone})"));
        // Writing to a String never fails.
        write!(
            rules,
            "{state}.body{{stroke:{ink};fill:var(--asl-{tone}-tint);}}{state}.detail{{fill:{ink};}}{state}.sign>.disc{{fill:{ink};}}\
             {state}.sign>.icon{{color:var(--asl-surface);}}{state}.badge>rect{{fill:{ink};}}\
             .asl-graph[data-execution={name}]>.caption{{fill:{ink};}}"
        )
        .ok();
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2, "relative luminance".
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_is_that_of_wcag_aa() {
        for shade in [|(_, light, _): Colour| light, |(_, _, dark): Colour| dark] {
            let named = |name: &str| shade(*PALETTE.iter().find(|colour| colour.0 == name).unwrap());
            let tints = PALETTE.iter().filter(|colour| colour.0.ends_with("-tint"));
            let backgrounds: Vec<&str> =
                ["canvas", "surface"].map(named).into_iter().chain(tints.map(|it| shade(*it))).collect();
            for background in backgrounds {
                for name in ["text", "muted"] {
                    assert!(contrast(named(name), background) >= 4.5, "{name} on {background}");
                }
                assert!(contrast(named("line"), background) >= 3.0, "line on {background}");
            }
            for (tint, ..) in PALETTE {
                if let Some(ink) = tint.strip_suffix("-tint") {
                    for background in ["canvas", "surface", tint] {
                        assert!(contrast(named(ink), named(background)) >= 4.5, "{ink} on {background}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_plain_theme_has_no_variables() {
        assert!(!stylesheet(Theme::Light).contains("var("));
        assert!(!stylesheet(Theme::Dark).contains("var("));
        assert!(stylesheet(Theme::Auto).contains("var(--asl-canvas)"));
    }
}
