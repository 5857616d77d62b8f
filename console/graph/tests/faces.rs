//! What a page patches: the JSON of the faces fits the drawing.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod story;

use asl_graph::traffic::{Load, Rate};
use asl_graph::{EdgeKind, Faces, Layout, Overlay, Theme, Traffic, statuses, svg};
use roxmltree::{Document, Node};
use serde_json::{Value, json};
use story::{Answer, Story};

/// Checks that a drawing of this overlay shows what its faces say, and returns those as a page gets them.
fn drawn(overlay: Overlay<'_>) -> Value {
    let layout = Layout::of(&story::order());
    let faces = serde_json::to_value(Faces::of(&layout, overlay)).unwrap();
    let drawing = svg(&layout, overlay, Theme::External);
    let document = Document::parse(&drawing).unwrap();
    check_data(document.root_element(), &faces["data"]);
    for face in faces["nodes"].as_array().unwrap().iter().chain(faces["edges"].as_array().unwrap()) {
        let element = document.descendants().find(|it| it.attribute("id") == face["id"].as_str()).unwrap();
        check_data(element, &face["data"]);
        for class in ["detail", "note"] {
            if let Some(text) = face[class].as_str() {
                assert_eq!(child(element, class).text(), Some(text));
            }
        }
    }
    faces
}

fn check_data(element: Node<'_, '_>, data: &Value) {
    for (name, value) in data.as_object().unwrap() {
        assert_eq!(element.attribute(format!("data-{name}").as_str()), value.as_str(), "{name} of {element:?}");
    }
}

fn child<'a>(element: Node<'a, 'a>, class: &str) -> Node<'a, 'a> {
    element.children().find(|it| it.attribute("class") == Some(class)).unwrap()
}

/// The face of a state of orders.
fn face<'f>(faces: &'f Value, name: &str) -> &'f Value {
    let layout = Layout::of(&story::order());
    let node = layout.node(name).unwrap();
    faces["nodes"].as_array().unwrap().iter().find(|face| face["id"] == *node.id).unwrap()
}

#[test]
fn a_definition_has_no_statuses() {
    let faces = drawn(Overlay::Definition);
    assert_eq!(faces["data"]["view"], "definition");
    assert_eq!(face(&faces, "ChargePayment")["data"], json!({"status": null}));
    assert_eq!(face(&faces, "ChargePayment")["badge"]["text"], "↻ 20");
}

#[test]
fn a_running_state_says_since_when_and_until_when() {
    let mut story = Story::start(&story::order());
    story.answer([Answer::Done(310)]).pass(2_600);
    let execution = statuses(&story::order(), &story.history, story.now);
    let faces = drawn(Overlay::Execution(&execution));
    let charge = face(&faces, "ChargePayment");
    assert_eq!(charge["detail"], "Running · 2.6 s");
    assert_eq!(charge["clock"], "23 h 59 min left");
    assert_eq!(charge["data"]["since"], "2026-11-25T09:30:00.31Z");
    assert_eq!(charge["data"]["times-out"], "2026-11-26T09:30:00.31Z");
    assert_eq!(charge["data"]["attempts"], "1");
    assert_eq!(faces["data"], json!({"view": "execution", "execution": "running", "as-of": "2026-11-25T09:30:02.91Z"}));
}

#[test]
fn a_long_error_is_cut_short_but_not_the_time() {
    let mut story = Story::start(&story::order());
    story.answer([Answer::Fails("SQS.AnErrorWithANameThatIsLongerThanAnyState", 2_000)]);
    let execution = statuses(&story::order(), &story.history, story.now);
    let reserve = face(&drawn(Overlay::Execution(&execution)), "ReserveInventory").clone();
    let detail = reserve["detail"].as_str().unwrap();
    assert!(detail.starts_with("Retrying SQS.AnError") && detail.ends_with("… · 2.0 s"), "{detail}");
    assert!(reserve["title"].as_str().unwrap().contains("SQS.AnErrorWithANameThatIsLongerThanAnyState"));
}

#[test]
fn a_state_that_was_left_has_no_clock() {
    let mut story = Story::start(&story::order());
    story.answer([Answer::Done(310)]);
    let execution = statuses(&story::order(), &story.history, story.now);
    let reserve = face(&drawn(Overlay::Execution(&execution)), "ReserveInventory").clone();
    assert_eq!(reserve["data"]["status"], "succeeded");
    assert_eq!((&reserve["clock"], &reserve["data"]["since"]), (&Value::Null, &Value::Null));
}

#[test]
fn traffic_shows_counts_rates_and_failures() {
    let traffic = Traffic {
        states: [("ChargePayment".to_owned(), Load { now: 12_400, failed: 3 })].into(),
        edges: vec![Rate {
            from: Some("ReserveInventory".to_owned()),
            to: Some("ChargePayment".to_owned()),
            kind: EdgeKind::Next,
            per_minute: 90.4,
        }],
    };
    let faces = drawn(Overlay::Traffic(&traffic));
    let charge = face(&faces, "ChargePayment");
    assert_eq!(charge["data"], json!({"status": "failed", "now": "12400", "failed": "3"}));
    assert_eq!(charge["detail"], "3 failed · 12k here now");
    let moving = faces["edges"].as_array().unwrap().iter().filter(|edge| edge["data"]["taken"] == "true");
    assert_eq!(moving.map(|edge| edge["note"].as_str().unwrap()).collect::<Vec<_>>(), ["90/min"]);
    assert_eq!(face(&faces, "ReserveInventory")["data"]["status"], "pending");
}
