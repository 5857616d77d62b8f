//! How wide a text will be, without a font: on the safe side of common sans-serif fonts, so that nothing overflows.

use unicode_width::UnicodeWidthChar;

/// The kinds of text in a drawing, as the stylesheet has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Font {
    Caption,
    Name,
    Detail,
    Label,
    Badge,
}

impl Font {
    const fn size(self) -> i64 {
        match self {
            Self::Caption | Self::Name => 14,
            Self::Detail => 12,
            Self::Label | Self::Badge => 11,
        }
    }

    /// The width of a character in thousandths of a pixel.
    fn advance(self, c: char) -> i64 {
        let bold = em(c) * self.size();
        // No character of the widest font is wider than this when it is regular.
        if matches!(self, Self::Detail | Self::Label) { bold * 9 / 10 } else { bold }
    }
}

/// An upper estimate of a text's width in pixels.
pub(crate) fn width(text: &str, font: Font) -> i32 {
    let thousandths: i64 = text.chars().map(|c| font.advance(c)).sum();
    i32::try_from((thousandths + 999) / 1000).unwrap_or(i32::MAX / 4)
}

/// The text without the characters that XML cannot hold, even escaped, and without those that turn the text around them
/// (Unicode Annex 9, "Directional Formatting Characters").
pub(crate) fn clean(text: &str) -> String {
    let is_bad = |c: char| {
        c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_bad(c) { ' ' } else { c }).collect()
}

/// The text, cut short with an ellipsis if it would be wider than that.
pub(crate) fn fit(text: &str, font: Font, most: i32) -> String {
    let text = clean(text);
    if width(&text, font) <= most {
        return text;
    }
    let room = i64::from(most) * 1000 - font.advance('…');
    if room < 0 {
        return String::new();
    }
    let mut used = 0;
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            used += font.advance(*c);
            used <= room
        })
        .collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// Thousandths of the font size, in bold DejaVu Sans: the widest of the fonts that a page falls back to.
fn em(c: char) -> i64 {
    match c {
        'i' | 'j' | 'l' | '\'' | ' ' => 355,
        'I' | 'J' | '/' | '\\' | '|' | ',' | '.' | ':' | ';' | '·' => 400,
        'f' | 'r' | 't' | '-' | '(' | ')' | '[' | ']' | '!' => 500,
        'c' | 's' | 'z' | '?' | '*' | '_' | '`' | '"' => 615,
        'a' | 'e' | 'k' | 'o' | 'v' | 'x' | 'y' => 690,
        'w' | '=' | '<' | '>' | '+' | '#' | '^' | '~' | '&' => 940,
        'm' | 'M' | 'W' | '@' | '%' | '…' => 1115,
        'A'..='Z' => 880,
        ' '..='~' => 720,
        other => match other.width() {
            Some(0) | None => 0,
            Some(1) => 940,
            Some(_) => 1115,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_was_cut_fits() {
        for text in
            ["ReserveInventory", "WWWWWWWWWWWWWWWW", "在庫を予約する状態の名前はとても長い", "e\u{301}e\u{301}", ""]
        {
            for most in [5, 20, 60, 200] {
                assert!(width(&fit(text, Font::Name, most), Font::Name) <= most, "{text} in {most}");
            }
        }
        assert_eq!(fit("ChargePayment", Font::Name, 200), "ChargePayment");
    }

    #[test]
    fn control_characters_are_not_drawn() {
        assert_eq!(fit("a\u{0}b\nc", Font::Name, 200), "a b c");
    }
}
