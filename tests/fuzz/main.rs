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

use serde_json::Value;
use service::{Service, free_port};

const SHOP: &str = "0123456789abcdef";
const NIGHT: &str = "fedcba9876543210";

/// Cases per operation and way of making them.
const EXAMPLES: &str = "20";

/// What the document allows may be refused all the same, by rules that no schema can say: a cursor is one that was given, a precondition
/// holds, `expected_total` is in the order's currency, an idempotency key is new, and a whole number has no point (2.0 is one to JSON
/// Schema).
const LEFT_OUT: &str = "positive_data_acceptance";

/// Fuzzes everything, on a service of its own, as whoever has this key; the same way each time.
async fn fuzz(key: Option<&str>) {
    let data = tempfile::tempdir().unwrap();
    let keys = format!("shop:storefront:{SHOP},night:ops:{NIGHT}");
    let service = Service::start_with(data.path(), free_port(), &[("ORDERFLOW_API_KEYS", &keys)]).await;
    let venv = Command::new(env!("CARGO")).args(["xtask", "venv", "fuzz"]).output().unwrap();
    assert!(venv.status.success(), "{}", String::from_utf8_lossy(&venv.stderr));
    let bin = String::from_utf8(venv.stdout).unwrap();
    let mut schemathesis = Command::new(format!("{}/schemathesis", bin.trim_end()));
    // From a file: of a document that it reads from the service it leaves out the document's own path.
    let document = service.get("/openapi.json").send().await.unwrap().bytes().await.unwrap();
    std::fs::write(data.path().join("openapi.json"), &document).unwrap();
    schemathesis.args(["--no-color", "run", "openapi.json", "--url", &service.url]).current_dir(data.path());
    schemathesis.args(["--generation-deterministic", "--max-examples", EXAMPLES, "--exclude-checks", LEFT_OUT]);
    if let Some(key) = key {
        schemathesis.arg("--header").arg(format!("Authorization: Bearer {key}"));
    }
    let found = schemathesis.output().unwrap();
    let said = String::from_utf8_lossy(&found.stdout).into_owned() + &String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{said}");
    // A run that tests nothing must not pass for a good one.
    let tested = said.lines().find_map(|line| line.trim().strip_prefix("Tested: ")?.parse::<usize>().ok());
    assert_eq!(tested, Some(operations(&serde_json::from_slice(&document).unwrap())), "{said}");
    service.stop();
}

fn operations(document: &Value) -> usize {
    let paths = document["paths"].as_object().unwrap().values();
    paths.flat_map(|path| path.as_object().unwrap().values()).filter(|it| it["responses"].is_object()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_find_nothing_that_is_not_documented() {
    fuzz(Some(NIGHT)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storefront_finds_nothing_that_is_not_documented() {
    fuzz(Some(SHOP)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_key_finds_nothing_that_is_not_documented() {
    fuzz(None).await;
}
