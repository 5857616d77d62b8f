//! A service for the loads of a test, and what they report.

use std::process::Output;

use serde_json::Value;

use crate::night::Night;

/// Short pauses, so that a flaky gateway doesn't take seconds.
const SETTINGS: &str = "\
[retries]
backoff = \"5ms\"
longest_backoff = \"20ms\"
";

pub async fn service() -> Night {
    Night::with(SETTINGS).await
}

/// What a load with these arguments and `--json` exits with and reports.
pub fn report(night: &Night, arguments: &[&str]) -> (i32, Value) {
    read(&night.run(&[&["load", "--json"], arguments].concat()))
}

pub fn read(output: &Output) -> (i32, Value) {
    let report = serde_json::from_slice(&output.stdout);
    let code = output.status.code().unwrap();
    (code, report.unwrap_or_else(|_| panic!("{code}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// The checks that don't hold, as (what, found).
pub fn mismatches(report: &Value) -> Vec<(&str, u64)> {
    let checks = report["checks"].as_array().unwrap().iter();
    let broken = checks.filter(|check| check["expected"] != check["found"]);
    broken.map(|check| (check["what"].as_str().unwrap(), check["found"].as_u64().unwrap())).collect()
}

/// How many of its kind ended.
pub fn ended(report: &Value, kind: &str) -> u64 {
    report["by_kind"][kind]["count"].as_u64().unwrap_or_default()
}
