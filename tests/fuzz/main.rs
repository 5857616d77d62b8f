//! The HTTP API, fuzzed by schemathesis (a Python package; `xtask` installs it) from the service's own `/openapi.json`, with each kind
//! of key and with none.
//!
//! Proves: whatever is sent, well-formed or not, alone or in sequences, there is no 5xx, no status, header or body that is not
//! documented, nothing invalid is accepted and nobody gets in without a key. Misses: what the document does not have (`/ops`, the
//! mailbox: `tests/ops`).

#![allow(clippy::unwrap_used)] // a test

#[path = "../service/mod.rs"]
mod service;

use std::process::Command;

use service::{Service, free_port};

const SHOP: &str = "0123456789abcdef";
const NIGHT: &str = "fedcba9876543210";

/// Cases per operation and way of making them.
const EXAMPLES: &str = "20";

/// What the document allows may be refused all the same, by rules that no schema can say: a cursor is one that was given, a precondition
/// holds, `expected_total` is in the order's currency, an idempotency key is new, and a whole number has no point (2.0 is one to JSON
/// Schema).
const LEFT_OUT: &str = "positive_data_acceptance";

/// Fuzzes everything as whoever has this key, the same way each time.
fn fuzz(service: &Service, key: Option<&str>) {
    let venv = Command::new(env!("CARGO")).args(["xtask", "venv", "fuzz"]).output().unwrap();
    assert!(venv.status.success(), "{}", String::from_utf8_lossy(&venv.stderr));
    let bin = String::from_utf8(venv.stdout).unwrap();
    let work = tempfile::tempdir().unwrap();
    let mut schemathesis = Command::new(format!("{}/schemathesis", bin.trim_end()));
    schemathesis.args(["--no-color", "run", &format!("{}/openapi.json", service.url)]).current_dir(work.path());
    schemathesis.args(["--generation-deterministic", "--max-examples", EXAMPLES, "--exclude-checks", LEFT_OUT]);
    if let Some(key) = key {
        schemathesis.arg("--header").arg(format!("Authorization: Bearer {key}"));
    }
    let found = schemathesis.output().unwrap();
    let said = String::from_utf8_lossy(&found.stdout).into_owned() + &String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{said}");
    // A run that tests nothing must not pass for a good one.
    assert!(said.contains("Tested: 13"), "every operation was tested: {said}");
    println!("{said}");
}

async fn service(data: &std::path::Path) -> Service {
    let keys = format!("shop:storefront:{SHOP},night:ops:{NIGHT}");
    Service::start_with(data, free_port(), &[("ORDERFLOW_API_KEYS", &keys)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_find_nothing_that_is_not_documented() {
    let data = tempfile::tempdir().unwrap();
    let service = service(data.path()).await;
    fuzz(&service, Some(NIGHT));
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storefront_finds_nothing_that_is_not_documented() {
    let data = tempfile::tempdir().unwrap();
    let service = service(data.path()).await;
    fuzz(&service, Some(SHOP));
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_key_finds_nothing_that_is_not_documented() {
    let data = tempfile::tempdir().unwrap();
    let service = service(data.path()).await;
    fuzz(&service, None);
    service.stop();
}
