//! Text that people wrote and people read: names, addresses, descriptions, notes.
//!
//! Any alphabet will do, in either direction. What steers the text around it will not: a direction override makes
//! `gnp.exe` of `exe.png`, and a line break or an escape makes what it likes of a mail or a terminal.

use std::borrow::Cow;

/// A character that no text needs, and that harms whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has U+{:04X} ({why}) at character {at}: leave it out", u32::from(*.found))]
pub struct InvalidText {
    found: char,
    why: &'static str,
    at: usize,
}

/// Whether it is safe to show. Only where a text comes in: what was stored before stays readable ([`shown`]).
///
/// # Errors
/// [`InvalidText`], with the character and its place, counted from 1.
pub fn check(text: &str) -> Result<(), InvalidText> {
    let refused = text.chars().zip(1..).find_map(|(found, at)| harm(found).map(|why| InvalidText { found, why, at }));
    refused.map_or(Ok(()), Err)
}

/// What a character would do (Unicode 16, chapters 23.1 to 23.8; UAX #9, 2). Joiners and variation selectors, which
/// Persian, Hindi and emoji are written with, do no harm.
const fn harm(character: char) -> Option<&'static str> {
    match character {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Some("a control character"),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some("it steers the direction of text")
        }
        '\u{2028}' | '\u{2029}' => Some("a line break"),
        '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => {
            Some("it is invisible")
        }
        _ => None,
    }
}

/// As it may be shown, also if it was stored when the rule was laxer.
pub fn shown(text: &str) -> Cow<'_, str> {
    match check(text) {
        Ok(()) => text.into(),
        Err(_) => text.chars().filter(|character| harm(*character).is_none()).collect::<String>().into(),
    }
}

/// For plain text: a name that runs from right to left is kept from reordering the numbers beside it (UAX #9, 2.2:
/// U+2068 to U+2069). Others are as they are.
pub fn isolated(text: &str) -> Cow<'_, str> {
    if text.chars().any(runs_right_to_left) { format!("\u{2068}{text}\u{2069}").into() } else { text.into() }
}

/// The blocks of the scripts that do (Unicode, `DerivedBidiClass.txt`: where R and AL are the default).
const fn runs_right_to_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_alphabet_are_fine() {
        for name in ["Ada", "Zoë", "שרה", "محمد", "می‌خواهم", "क्ष", "李明", "👩‍👩‍👧", "❤️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "O’Neil"]
        {
            assert_eq!((check(name), &*shown(name)), (Ok(()), name));
        }
    }

    #[test]
    fn what_steers_the_text_around_it_is_refused_by_its_code_point() {
        let refused = check("Ada\u{202e}adA").unwrap_err().to_string();
        assert_eq!(refused, "has U+202E (it steers the direction of text) at character 4: leave it out");
        let bidi = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain(['\u{200e}', '\u{200f}', '\u{61c}']);
        let controls = ('\0'..='\u{10ffff}').filter(|character| character.is_control());
        for character in bidi.chain(controls).chain(['\u{2028}', '\u{2029}', '\u{feff}', '\u{2060}', '\u{fff9}']) {
            let text = format!("A{character}b");
            assert_eq!((check(&text).is_err(), &*shown(&text)), (true, "Ab"), "U+{:04X}", u32::from(character));
        }
    }

    #[test]
    fn only_what_runs_from_right_to_left_is_isolated() {
        assert_eq!((&*isolated("Ada"), &*isolated("שרה")), ("Ada", "\u{2068}שרה\u{2069}"));
    }
}
