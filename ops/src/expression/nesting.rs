//! How deep an expression can become, told from its text alone: parser, interpreter and whatever else walks its tree
//! recurse.

/// Brackets and operators, each of which makes the tree one deeper at most.
const MOST: usize = 100;

/// # Errors
/// There are too many brackets and operators.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut characters = text.chars().zip(1_usize..).peekable();
    let mut count = 0;
    while let Some((character, at)) = characters.next() {
        match character {
            // Text and literals are read by the lexer, and a literal by serde_json, which has a limit of its own.
            '\'' | '"' | '`' => {
                while let Some((inner, _)) = characters.next() {
                    if inner == '\\' {
                        characters.next();
                    } else if inner == character {
                        break;
                    }
                }
            }
            '[' | '{' | '(' | '.' | '&' | '|' | '!' | '=' | '<' | '>' => {
                let is_twofold = |next: char| next == '=' || (next == character && "&|".contains(character));
                characters.next_if(|(next, _)| "&|!=<>".contains(character) && is_twofold(*next));
                count += 1;
                if count > MOST {
                    return Err(format!(
                        "character {at}: this is bracket or operator number {count}; {MOST} are allowed. Ask for \
                         less at a time, and for one of many values with contains(`[\"a\", \"b\"]`, body.step)"
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_operators_count_and_what_is_quoted_does_not() {
        let one = [
            "a.b", "a[0]", "(a)", "!a", "a || b", "a && b", "a == b", "a != b", "a <= b", "a | b", "{a: b}", "f(a)",
            "a[]",
        ];
        for one in one {
            let (fits, too_many) = (vec![one; MOST].join(" "), vec![one; MOST + 1].join(" "));
            assert_eq!(check(&fits), Ok(()), "{one}");
            assert!(check(&too_many).is_err_and(|why| why.contains("number 101")), "{one}");
        }
        assert_eq!(check(&format!("'{}'", "[".repeat(1_000))), Ok(()));
        assert_eq!(check(&format!(r"'\'{}'", "[".repeat(1_000))), Ok(()));
        assert_eq!(check(&format!("`{}`", "[".repeat(1_000))), Ok(()));
        assert!(check(&format!("'a'{}", "[".repeat(1_000))).is_err());
    }
}
