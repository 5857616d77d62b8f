//! How wide a text will be, without a font: on the safe side of common sans-serif fonts, so that nothing overflows.

use unicode_width::UnicodeWidthChar;

/// An upper estimate of a text's width in pixels.
pub(crate) fn width(text: &str, font_size: i32) -> i32 {
    let thousandths: i64 = text.chars().map(em).sum();
    i32::try_from((thousandths * i64::from(font_size) + 999) / 1000).unwrap_or(i32::MAX / 4)
}

/// The text without the characters that XML cannot hold, even escaped.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') { ' ' } else { c }).collect()
}

/// The text, cut short with an ellipsis if it would be wider than that.
pub(crate) fn fit(text: &str, font_size: i32, most: i32) -> String {
    let text = clean(text);
    if width(&text, font_size) <= most {
        return text;
    }
    let room = i64::from(most) * 1000 / i64::from(font_size) - em('…');
    let mut used = 0;
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            used += em(*c);
            used <= room
        })
        .collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// Thousandths of the font size. Measured on semi-bold DejaVu Sans, the widest of the fonts a page falls back to.
fn em(c: char) -> i64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' => 400,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '[' | ']' | '-' | '/' | '"' => 500,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1100,
        'A'..='Z' => 820,
        '=' | '<' | '>' | '+' | '&' => 840,
        ' '..='~' => 720,
        other => match other.width() {
            Some(0) | None => 0,
            Some(1) => 820,
            Some(_) => 1100,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_was_cut_fits() {
        for text in ["ReserveInventory", "WWWWWWWWWWWWWWWW", "在庫を予約する状態の名前はとても長い", "e\u{301}e\u{301}", ""] {
            for most in [20, 60, 200] {
                assert!(width(&fit(text, 14, most), 14) <= most, "{text} in {most}");
            }
        }
        assert_eq!(fit("ChargePayment", 14, 200), "ChargePayment");
    }

    #[test]
    fn control_characters_are_not_drawn() {
        assert_eq!(fit("a\u{0}b\nc", 14, 200), "a b c");
    }
}
