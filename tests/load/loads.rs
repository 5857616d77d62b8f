//! What is sent and what becomes of it, in every shape of load.

use serde_json::Value;

use crate::under_load::{ended, mismatches, report, service};

const EVERY_KIND: &str = "good=13,declined=2,out_of_stock=2,flaky=1,duplicate=1,poison=1";

/// All of 100 orders of [`EVERY_KIND`] met the fate of their kind; 5 of them are poison, which is none.
fn all_met_their_fate(report: &Value) {
    assert_eq!(mismatches(report), [], "{report:#}");
    let count = |field: &str| report[field].as_u64().unwrap();
    assert_eq!((count("sent"), count("accepted")), (95, 95));
    assert_eq!((count("confirmed"), count("rejected"), count("dead_lettered")), (75, 20, 0));
    let kinds = ["good", "declined", "out_of_stock", "flaky", "duplicate", "poison"];
    assert_eq!(kinds.map(|kind| ended(report, kind)), [65, 10, 10, 5, 5, 0]);
    assert_eq!(report["end_to_end"]["count"], 90, "without the flaky ones");
    assert_eq!(report["errors"], serde_json::json!({}));
    let poison = report["checks"].as_array().unwrap().iter().find(|it| it["what"] == "poison messages in the DLQ");
    assert_eq!(poison.unwrap()["found"], 5);
    let slices = report["timeline"].as_array().unwrap();
    let over = |field: &str| slices.iter().map(|slice| slice[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((over("sent"), over("accepted"), over("ended"), over("errors")), (95, 95, 95, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_of_any_shape_sends_every_kind_by_its_weight_and_all_meet_their_fate() {
    let night = service().await;
    for shape in [&["--rate", "200/s"][..], &["--rate", "100/s", "--ramp"], &["--rate", "50/s", "--spike"]] {
        let (code, report) = report(&night, &[&["--orders", "100", "--mix", EVERY_KIND], shape].concat());
        all_met_their_fate(&report);
        assert_eq!(code, 0, "{shape:?}");
    }
    // A load leaves the catalogue as it was.
    let products = night.get("/products").await;
    let left = products["products"].as_array().unwrap().iter().filter(|it| it["name"] == "Load test").count();
    assert_eq!(left, 0, "{products:#}");
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_loop_ends_after_its_orders_or_its_time() {
    let night = service().await;
    let (code, counted) = report(&night, &["--closed", "--connections", "8", "--orders", "100", "--mix", EVERY_KIND]);
    all_met_their_fate(&counted);
    assert_eq!(code, 0);
    let (code, timed) = report(&night, &["--closed", "--connections", "4", "--duration", "500ms", "--mix", "good=1"]);
    let sent = timed["sent"].as_u64().unwrap();
    assert_eq!((code, &timed["accepted"], &timed["confirmed"]), (0, &sent.into(), &sent.into()));
    assert!(sent >= 4, "each connection sent at least one: {sent}");
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_over_few_connections_sends_all_and_its_waiting_counts() {
    let night = service().await;
    let load = ["--rate", "100000/s", "--orders", "50", "--connections", "1", "--mix", "good=1"];
    let (code, report) = report(&night, &load);
    assert_eq!((code, &report["sent"], &report["confirmed"]), (0, &50.into(), &50.into()));
    // All are due at about the same time, and one after the other is sent. Measured from when each was sent, the slower half would
    // together be within the time of all.
    let (p50, seconds) = (report["accept"]["p50"].as_f64().unwrap(), report["seconds"].as_f64().unwrap());
    assert!(p50 * 25.0 > seconds * 1000.0, "{p50} ms, {seconds} s");
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    let mut night = service().await;
    let arguments =
        ["load", "--json", "--rate", "100/s", "--orders", "400", "--patience", "2s", "--mix", "good=9,declined=1"];
    let load = night.spawn(&arguments);
    night.until("under load", |status| status["started_per_second"].as_f64().unwrap() > 0.0).await;
    night.kill();
    night.start().await;
    let (code, report) = crate::under_load::read(&load.wait_with_output().unwrap());
    assert_eq!(mismatches(&report), [], "{report:#}");
    let count = |field: &str| report[field].as_u64().unwrap();
    assert_eq!((code, count("sent")), (0, 400));
    assert_eq!(count("confirmed") + count("rejected"), count("accepted"));
    assert!(!report["errors"].as_object().unwrap().is_empty(), "it was away: {report:#}");
    night.ends();
}
