//! The drawing as text: always well-formed, without scripts and inline styles, whatever a state or an error is called.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod story;

use std::collections::BTreeSet;
use std::path::Path;

use asl_graph::{Layout, Overlay, Theme, statuses, stylesheet, svg};
use proptest::prelude::*;
use roxmltree::Document;
use serde_json::{Value, json};
use statemachine::Definition;
use story::pictures::PICTURES;
use story::{Answer, Story};

#[test]
fn the_documentation_shows_what_is_drawn_now() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (name, picture) in PICTURES.iter().filter(|(name, _)| name.starts_with("graph")) {
        let file = docs.join(name).with_extension("svg");
        let shown = std::fs::read_to_string(&file).unwrap();
        assert!(shown.trim_end() == picture(), "{} is another: `cargo xtask picture` draws it", file.display());
    }
}

/// A definition with this text wherever its author can put one.
fn named(text: &str) -> Value {
    let (first, last) = (format!("{text} first"), format!("{text} last"));
    json!({
        "Comment": text,
        "StartAt": first,
        "States": {
            &first: {
                "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {}, "Comment": text,
                "Catch": [{"ErrorEquals": [text], "Next": last}], "End": true
            },
            last: {"Type": "Fail", "Error": text}
        }
    })
}

/// Draws that definition, and an execution of it that fails by that name, and returns both.
fn drawings(text: &str) -> [String; 2] {
    let definition = std::sync::Arc::new(Definition::parse(&named(text).to_string()).unwrap());
    let mut story = Story::start_with(&definition, json!({}));
    story.answer([Answer::Fails(text, 1)]);
    let execution = statuses(&definition, &story.history, story.now);
    let layout = Layout::of(&definition);
    [svg(&layout, Overlay::Definition, Theme::Auto), svg(&layout, Overlay::Execution(&execution), Theme::External)]
}

fn check(drawing: &str) -> Document<'_> {
    const ELEMENTS: [&str; 12] =
        ["svg", "title", "desc", "style", "defs", "symbol", "path", "rect", "g", "text", "circle", "use"];
    let document = Document::parse(drawing).unwrap();
    let mut ids = BTreeSet::new();
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        let name = element.tag_name().name();
        assert!(ELEMENTS.contains(&name), "<{name}>");
        for attribute in element.attributes() {
            let name = attribute.name();
            assert!(name != "style" && !name.starts_with("on"), "{attribute:?}");
            assert!(name != "href" || attribute.value().starts_with("#asl-"), "{attribute:?}");
            assert!(name != "id" || ids.insert(attribute.value()), "{attribute:?} is there twice");
        }
    }
    let sheet = document.descendants().find(|it| it.has_tag_name("style")).and_then(|it| it.text());
    assert!(sheet.is_none_or(|sheet| sheet == stylesheet(Theme::Auto)));
    document
}

#[test]
fn a_hostile_name_stays_a_text() {
    let long = "long ".repeat(14);
    for text in [
        "</text><script>alert(1)</script>",
        "\" onload=\"alert(1)",
        "' onclick='alert(1)",
        "&lt;b&gt;&amp;&#x3c;",
        "]]><!--",
        "</style><style>*{display:none}",
        "javascript:alert(1)",
        "{{ 7 * 7 }}{% raw %}",
        long.as_str(),
        "Größe 在庫 👩‍👩‍👧‍👦",
    ] {
        for drawing in drawings(text) {
            let document = check(&drawing);
            let names: Vec<&str> = document.descendants().filter_map(|it| it.attribute("data-state")).collect();
            assert_eq!(names, [format!("{text} first"), format!("{text} last")]);
        }
    }
}

#[test]
fn characters_that_xml_or_a_reader_cannot_bear_are_blanks() {
    for text in ["a\u{0}b", "a\u{1b}[2Jb", "a\nb", "a\u{fffe}b", "gnp\u{202e}exe.", "\u{2066}a\u{2069}"] {
        for drawing in drawings(text) {
            check(&drawing);
            let odd = |c: char| (c.is_control() && c != '\n') || "\u{fffe}\u{202e}\u{2066}\u{2069}".contains(c);
            assert!(!drawing.contains(odd), "{text:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_name_is_drawn_well_formed(text in "\\PC{0,60}|[<>&\"'/ a-z]{0,60}") {
        for drawing in drawings(&text) {
            check(&drawing);
        }
    }
}
