//! The reports: JSON, a table, a page.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::under_load::{report, service};

fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Scripts rely on these names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_has_the_documented_fields() {
    let night = service().await;
    let (_, report) = report(&night, &["--rate", "200/s", "--orders", "20", "--assert", "errors<1"]);
    let documented = include_str!("../../docs/OPERATIONS.md");
    for field in fields(&report) {
        assert!(documented.contains(&format!("`{field}`")), "docs/OPERATIONS.md does not name {field}");
    }
    let latency = BTreeSet::from(["count", "p50", "p90", "p99", "p999", "max", "histogram"]);
    assert_eq!((fields(&report["accept"]), fields(&report["end_to_end"])), (latency.clone(), latency));
    let slice = ["at", "seconds", "sent", "accepted", "ended", "errors"].into_iter();
    let slice = slice.chain(["accept_p50", "accept_p99", "end_to_end_p50", "end_to_end_p99"]).collect();
    assert_eq!(fields(&report["timeline"][0]), slice);
    assert_eq!(fields(&report["checks"][0]), BTreeSet::from(["what", "expected", "found"]));
    assert_eq!(fields(&report["assertions"][0]), BTreeSet::from(["assertion", "measured", "holds"]));
    for latency in [&report["accept"], &report["end_to_end"], &report["by_kind"]["good"]] {
        let quantiles: Vec<f64> =
            ["p50", "p90", "p99", "p999", "max"].iter().map(|name| latency[name].as_f64().unwrap()).collect();
        assert!(quantiles.is_sorted() && quantiles[0] > 0.0, "{quantiles:?}");
        let bars = latency["histogram"].as_array().unwrap().iter();
        assert_eq!(bars.map(|bar| bar["count"].as_u64().unwrap()).sum::<u64>(), latency["count"].as_u64().unwrap());
    }
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_stands_alone_and_says_what_the_table_says() {
    let night = service().await;
    let load = ["load", "--rate", "100/s", "--orders", "100", "--html", "report.html", "--assert", "accept_p99<1000s"];
    let table = night.says(&load);
    let page = std::fs::read_to_string(night.path().join("report.html")).unwrap();
    for name in ["p50", "p90", "p99", "p99.9", "max", "end to end", "accepted", "good", "declined"] {
        assert!(table.contains(name) && page.contains(&format!(">{name}<")), "{name}");
    }
    assert!(page.contains("Held") && page.contains("accept_p99&#60;1000s"), "{page}");
    // Nothing is fetched and nothing runs: no element that could, no handler, no style from elsewhere.
    let page = page.to_lowercase();
    for foreign in
        ["<script", "<link", "<img", "<iframe", "<object", "<use", "src=", "href=", "url(", "@import", "javascript:"]
    {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let handler = page.split('<').filter_map(|tag| tag.split('>').next()).find(|tag| tag.contains(" on"));
    assert_eq!(handler, None);
    assert!(!page.contains("http"), "not even a name of elsewhere");
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_can_not_be_written_is_said() {
    let night = service().await;
    let (code, why) = night.refuses(&["load", "--rate", "100/s", "--orders", "5", "--html", "nowhere/report.html"]);
    assert!(code == 1 && why.contains("nowhere/report.html can't be written"), "{why}");
    night.ends();
}
