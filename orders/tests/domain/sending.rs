//! SQS's rules for a message, at their limits. The numbers are SQS's own, and so stand here as numbers.

use std::time::Duration;

use orders::ports::{MAX_DELAY, MAX_MESSAGE_ATTRIBUTES, MAX_MESSAGE_BYTES, MAX_VISIBILITY, Outgoing, SendError};

fn message(body: &str) -> Outgoing {
    Outgoing { body: body.to_owned(), ..Outgoing::default() }
}

fn with(name: &str, value: &str) -> Outgoing {
    Outgoing { attributes: [(name.to_owned(), value.to_owned())].into(), ..message("x") }
}

/// The rule that refuses it.
fn refused(message: &Outgoing) -> Option<String> {
    match message.check() {
        Ok(()) => None,
        Err(SendError::Invalid(rule)) => Some(rule),
        Err(SendError::Unavailable(_)) => panic!("nobody was asked"),
    }
}

#[test]
fn the_limits_are_those_of_sqs() {
    assert_eq!((MAX_MESSAGE_BYTES, MAX_MESSAGE_ATTRIBUTES), (1_048_576, 10));
    assert_eq!((MAX_VISIBILITY, MAX_DELAY), (Duration::from_secs(43_200), Duration::from_secs(900)));
}

#[test]
fn a_message_has_a_body_and_is_not_too_large_with_its_attributes() {
    assert_eq!(refused(&message("")), Some("the body is empty".into()));
    assert_eq!(refused(&message(&"x".repeat(1_048_576))), None);
    assert_eq!(
        refused(&message(&"x".repeat(1_048_577))),
        Some("1048577 bytes with its attributes, 1048576 at most".into())
    );
    // A name, a type (`String`) and a value count too.
    let large = |body: usize| Outgoing { body: "x".repeat(body), ..with("name", "value") };
    assert_eq!(refused(&large(1_048_576 - 4 - 6 - 5)), None);
    assert!(refused(&large(1_048_576 - 4 - 6 - 5 + 1)).unwrap().starts_with("1048577 bytes"));
}

#[test]
fn a_message_has_ten_attributes_at_most_and_is_delayed_by_a_quarter_of_an_hour_at_most() {
    let many = |count: usize| Outgoing {
        attributes: (0..count).map(|number| (format!("a{number}"), "v".to_owned())).collect(),
        ..message("x")
    };
    assert_eq!(refused(&many(10)), None);
    assert_eq!(refused(&many(11)), Some("11 attributes, 10 at most".into()));
    let delayed = |seconds| Outgoing { delay: Duration::from_secs(seconds), ..message("x") };
    assert_eq!((refused(&delayed(0)), refused(&delayed(900))), (None, None));
    assert_eq!(refused(&delayed(901)), Some("a delay of 901 s, 900 s at most".into()));
}

#[test]
fn an_attributes_name_is_of_its_characters_and_not_awss_own() {
    for good in ["a", "A-b_c.9", "aws", "awsome", "amazon", "x.aws.y", &"n".repeat(256)] {
        assert_eq!(refused(&with(good, "v")), None, "{good}");
    }
    let long = "n".repeat(257);
    for bad in ["", "a b", "ä", "aws.x", "AWS.x", "amazon.x", "Amazon.X", ".a", "a.", "a..b", &long] {
        assert!(refused(&with(bad, "v")).unwrap().starts_with("an attribute's name is 1 to 256 of"), "{bad}");
    }
    assert_eq!(refused(&with("a", "")), Some("the attribute `a` is empty".into()));
}

#[test]
fn a_message_is_of_characters_that_xml_allows() {
    for good in ["\t\n\r ~", "\u{D7FF}\u{E000}\u{FFFD}\u{10000}\u{10FFFF}"] {
        assert_eq!((refused(&message(good)), refused(&with("a", good))), (None, None), "{good:?}");
    }
    for bad in ["\0", "\u{8}", "\u{B}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"] {
        let rule = Some("a control character that XML does not allow".to_owned());
        assert_eq!((refused(&message(bad)), refused(&with("a", bad))), (rule.clone(), rule), "{bad:?}");
    }
}
