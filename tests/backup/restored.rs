//! Restoring a backup, and going on from it.

use serde_json::json;

use crate::night::Night;
use crate::taken::orders;

/// A night whose service has crashed after a backup was made and more was written, with the ids of before and after.
async fn crashed_after_a_backup() -> (Night, Vec<String>, Vec<String>) {
    let mut night = Night::begins().await;
    let before = night.post("before", 3).await;
    night.until_quiet().await;
    night.says(&["backup", "nightly.db"]);
    let after = night.post("after", 3).await;
    night.kill();
    (night, before, after)
}

#[tokio::test]
async fn a_backup_is_restored_into_a_new_directory_and_goes_on() {
    let mut night = Night::begins().await;
    night.says(&["gateway", "down"]);
    let under_way = night.post("k", 3).await;
    let made = night.json(&["backup", "nightly.db"]);
    night.stop();

    let elsewhere = Night::begins_at_nothing();
    let file = night.path().join("nightly.db");
    let (file, data) = (file.to_str().unwrap(), elsewhere.path().to_str().unwrap());
    let restored = elsewhere.json(&["restore", file, "--data", data]);
    assert_eq!(restored["kept"], json!(null));
    let mut elsewhere = elsewhere;
    elsewhere.start().await;
    elsewhere.says(&["gateway", "up"]);
    let confirmed = |status: &serde_json::Value| status["backlog"] == 0 && status["in_flight"] == 0;
    elsewhere.until("gone on", |status| confirmed(status) || status["dead_letters"] != 0).await;
    let mut found = orders(&elsewhere.path().join("orderflow.db"));
    found.sort();
    let mut posted = under_way;
    posted.sort();
    assert_eq!(found, posted, "{made}");
    elsewhere.ends();
}

#[tokio::test]
async fn a_restore_beside_what_is_there_is_refused_unless_told_and_keeps_it() {
    let (mut night, before, after) = crashed_after_a_backup().await;
    let restore = ["restore", "nightly.db", "--data", "."];
    let (code, why) = night.refuses(&restore);
    assert!(code == 1 && why.contains("has a database already") && why.contains("--replace"), "{why}");

    let restored = night.json(&[&restore[..], &["--replace"]].concat());
    let kept = night.path().join(restored["kept"].as_str().unwrap());
    night.start().await;
    let (code, why) = night.refuses(&[&restore[..], &["--replace"]].concat());
    assert!(code == 1 && why.contains("in use by another orderflow process"), "{why}");
    night.until_quiet().await;
    night.stop();
    let found = orders(&night.path().join("orderflow.db"));
    assert!(before.iter().all(|id| found.contains(id)) && !after.iter().any(|id| found.contains(id)));
    // With its WAL, which sqlite finds under its new name.
    let found = orders(&kept);
    assert!(before.iter().chain(&after).all(|id| found.contains(id)), "what was there is whole");
}
