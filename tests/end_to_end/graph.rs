//! `orderflow graph`: what it draws, and what it refuses with which advice.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use roxmltree::Document;
use serde_json::Value;

use crate::service::{Service, free_port};

/// No order's id.
const UNKNOWN: &str = "ord_00000000000000000000000000";

fn graph(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderflow"));
    command.arg("graph").args(arguments).current_dir(directory).output().unwrap()
}

fn drawn(directory: &Path, arguments: &[&str]) -> String {
    let output = graph(directory, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refusal(directory: &Path, arguments: &[&str]) -> String {
    let output = graph(directory, arguments);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), [].as_slice()));
    String::from_utf8(output.stderr).unwrap()
}

/// Each state with its status, in the order in which they are drawn.
fn statuses(drawing: &str) -> Vec<(String, Option<String>)> {
    let document = Document::parse(drawing).unwrap();
    let states = document.descendants().filter_map(|it| Some((it.attribute("data-state")?, it)));
    states.map(|(name, it)| (name.to_owned(), it.attribute("data-status").map(str::to_owned))).collect()
}

#[test]
fn the_workflow_is_drawn_without_a_service_into_one_file_that_needs_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let drawing = drawn(directory.path(), &[]);
    let names: Vec<String> = statuses(&drawing).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 7);
    for name in ["ReserveInventory", "ChargePayment", "SendConfirmation", "RefundPayment", "CloseOrder"] {
        assert!(names.iter().any(|it| it == name), "{names:?}");
    }
    let document = Document::parse(&drawing).unwrap();
    let outward = document.descendants().flat_map(|it| it.attributes()).find(|it| it.value().contains("//"));
    assert_eq!(outward, None);

    assert_eq!(drawn(directory.path(), &["--out", "order.svg"]), "");
    assert_eq!(std::fs::read_to_string(directory.path().join("order.svg")).unwrap(), drawing);
    let dark = drawn(directory.path(), &["--theme", "dark"]);
    assert!(drawing.contains("prefers-color-scheme") && !dark.contains("prefers-color-scheme"));
    let json: Value = serde_json::from_str(&drawn(directory.path(), &["--json"])).unwrap();
    assert_eq!(json["layout"]["nodes"][0]["id"], json["faces"]["nodes"][0]["id"]);
}

#[tokio::test]
async fn a_declined_order_is_drawn_with_the_way_it_was_undone() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), free_port()).await;
    let order = include_str!("../../examples/orders/2-card-declined.json");
    let accepted: Value = service.post("declined", order).await.unwrap().json().await.unwrap();
    let id = accepted["order_id"].as_str().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        // Until dispatched there is no execution.
        let execution = service.get(&format!("/ops/executions/{id}")).send().await.unwrap();
        let execution: Value = execution.json().await.unwrap();
        if execution["status"] == "SUCCEEDED" {
            break;
        }
        assert!(Instant::now() < end, "{execution:#}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let drawing = drawn(data.path(), &["--execution", id, "--url", &service.url]);
    let found = statuses(&drawing);
    let status = |name: &str| found.iter().find(|it| it.0 == name).unwrap().1.as_deref();
    assert_eq!(status("ReserveInventory"), Some("succeeded"));
    assert_eq!(status("ChargePayment"), Some("caught"));
    assert_eq!(status("SendConfirmation"), Some("pending"));
    for name in ["RefundPayment", "ReleaseInventory", "NotifyRejected"] {
        assert_eq!(status(name), Some("succeeded"), "{name}");
    }
    assert!(drawing.contains("PaymentDeclined in ChargePayment was caught"));
    assert!(!drawing.contains("@example"), "no address gets into a drawing");

    std::fs::write(data.path().join("other.asl.json"), r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#)
        .unwrap();
    let why = refusal(data.path(), &["other.asl.json", "--execution", id, "--url", &service.url]);
    assert!(why.contains("was in `ReserveInventory`") && why.contains("give the file"), "{why}");
    let why = refusal(data.path(), &["--execution", UNKNOWN, "--url", &service.url]);
    assert!(why.contains("there is no execution") && why.contains("`orderflow executions ls`"), "{why}");
    service.stop();
}

#[test]
fn what_cannot_be_drawn_is_refused_with_the_place_and_the_next_step() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        std::fs::write(directory.path().join("it.asl.json"), text).unwrap();
        refusal(directory.path(), &["it.asl.json"])
    };
    let why = refused(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}"#);
    assert!(why.contains("it.asl.json can't be drawn") && why.contains("state `A`, `Next`"), "{why}");
    assert!(why.contains("Correct these"), "{why}");
    let why = refused(
        r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true, "ItemProcessor":
            {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}}}"#,
    );
    assert!(why.contains("`Map` is not supported yet") && why.contains("It may be right"), "{why}");

    let why = refusal(directory.path(), &["missing.asl.json"]);
    assert!(why.contains("missing.asl.json can't be read"), "{why}");
    let why = refusal(directory.path(), &["--out", "no/such/place.svg"]);
    assert!(why.contains("no/such/place.svg can't be written"), "{why}");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let why = refusal(directory.path(), &["--execution", UNKNOWN, "--url", &nobody]);
    assert!(why.contains("nobody listens there"), "{why}");
}
