//! The timestamps that the Amazon States Language knows: RFC 3339 with an upper-case `T` and an offset or `Z`.
//!
//! Source: Amazon States Language specification, "Timestamps".

use jiff::Timestamp;

/// The instant a text names, or `None` when it is not such a timestamp.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let offset = bytes.last() == Some(&b'Z')
        || bytes.len().checked_sub(6).is_some_and(|at| matches!(bytes[at], b'+' | b'-') && bytes[at + 3] == b':');
    if bytes.get(10) != Some(&b'T') || bytes.get(16) != Some(&b':') || !offset || bytes.contains(&b'[') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_profile_of_the_language_is_a_timestamp() {
        for good in ["2016-03-14T01:59:00Z", "2016-03-14T01:59:00.123456789Z", "2016-03-14T01:59:00+02:00"] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2016-03-14",
            "2016-03-14 01:59:00Z",
            "2016-03-14T01:59:00",
            "2016-13-14T01:59:00Z",
            "2016-03-14t01:59:00z",
            "x",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
