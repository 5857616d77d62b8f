//! What a path that may select several places may look like: bounded before it is parsed, since the parser recurses, and in how
//! often it can select one place, since places multiply with each step.
//!
//! Not for whether it is a path: the parser says that.

use crate::limits::{MAX_PATH_DEPTH, MAX_PATH_FAN, MAX_PATH_STEPS};

pub(super) fn too_many_steps(steps: usize) -> String {
    format!("a path has at most {MAX_PATH_STEPS} steps, this one has {steps}")
}

/// How often the path may select the same place; the error says which bound it breaks.
pub(super) fn check(path: &str) -> Result<usize, String> {
    let (mut steps, mut fan, mut descents) = (0, 1_usize, 0);
    let (mut depth, mut selectors, mut filter, mut quote) = (0, 1, false, None);
    let mut before = ' ';
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '(') => {
                depth += 1;
                if depth > MAX_PATH_DEPTH {
                    return Err(format!("brackets and parentheses nest at most {MAX_PATH_DEPTH} levels deep"));
                }
                if c == '(' && before.is_alphanumeric() {
                    return Err("a filter may call no function".to_owned());
                }
                (steps, selectors) = if depth == 1 { (steps + 1, 1) } else { (steps, selectors) };
            }
            (None, ']' | ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    filter = false;
                    fan = fan.saturating_mul(selectors);
                    selectors = 1;
                }
            }
            (None, '*' | ',' | ':' | '?') if filter => return Err(in_a_filter()),
            (None, ',') => selectors += 1,
            (None, '?') => filter = true,
            (None, '.') if chars.peek() == Some(&'.') => {
                if filter {
                    return Err(in_a_filter());
                }
                descents += 1;
            }
            (None, '.') if depth == 0 => steps += 1,
            (None, _) => {}
        }
        before = c;
    }
    if steps > MAX_PATH_STEPS {
        return Err(too_many_steps(steps));
    }
    if descents > 1 {
        return Err("a path has `..` at most once".to_owned());
    }
    if fan > MAX_PATH_FAN {
        return Err(format!(
            "the selectors in its brackets, multiplied, are {fan}, and at most {MAX_PATH_FAN} are allowed"
        ));
    }
    Ok(fan)
}

fn in_a_filter() -> String {
    "in a filter, what is compared is named by names and indexes alone".to_owned()
}
