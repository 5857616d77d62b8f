//! A file beside the WAL of another: told at start, and no crash is ever taken for it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::night::Night;
use crate::service::{Service, free_port};
use crate::taken::orders;

const KILLS: usize = 30;

/// What `serve` says of why it doesn't start there.
fn refusal(data: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderflow"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).current_dir(data);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn an_older_file_beside_a_crashs_wal_is_refused_and_either_way_out_works() {
    let mut night = Night::begins().await;
    night.stop();
    let file = night.path().join("orderflow.db");
    let older = std::fs::read(&file).unwrap();
    for key in ["a", "b"] {
        night.start().await;
        night.post(key, 2).await;
        night.until_quiet().await;
        night.stop();
    }
    night.start().await;
    let last = night.post("c", 2).await;
    night.kill();
    let its_own = std::fs::read(&file).unwrap();

    std::fs::write(&file, &older).unwrap();
    let why = refusal(night.path());
    assert!(why.contains("orderflow.db-wal does not belong to") && why.contains("move"), "{why}");
    assert!(std::fs::read(&file).unwrap() == older, "nothing was changed");

    std::fs::write(&file, &its_own).unwrap();
    night.start().await;
    night.until_quiet().await;
    night.stop();
    let found = orders(&file);
    assert!(last.iter().all(|id| found.contains(id)));

    std::fs::write(&file, &older).unwrap();
    night.start().await;
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_leaves_a_pair_that_is_refused_and_an_older_file_always_is() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("orderflow.db");
    let seed = std::env::var("ORDERFLOW_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("ORDERFLOW_SEED={seed} repeats the moments of the kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let port = free_port();
    Service::start(data.path(), port).await.stop();
    Service::start(data.path(), port).await.stop();
    let older = std::fs::read(&file).unwrap();
    Service::start(data.path(), port).await.stop();
    let mut accepted = Vec::new();
    for kill in 0..KILLS {
        // The start is the claim: it would not be ready if the pair were refused.
        let service = Service::start(data.path(), port).await;
        let body = serde_json::json!({
            "customer": { "id": "c-42", "email": "ada@example.com" },
            "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }],
            "currency": "EUR", "payment_method": "pm_card_visa",
        });
        for number in 0..random.usize(0..6) {
            let answer = service.post(&format!("{kill}-{number}"), &body.to_string()).await.unwrap();
            let answer: serde_json::Value = answer.error_for_status().unwrap().json().await.unwrap();
            accepted.push(answer["order_id"].as_str().unwrap().to_owned());
        }
        tokio::time::sleep(Duration::from_millis(random.u64(0..40))).await;
        service.kill();
        let own = std::fs::read(&file).unwrap();
        std::fs::write(&file, &older).unwrap();
        let why = refusal(data.path());
        assert!(why.contains("does not belong to"), "kill {kill}: {why}");
        std::fs::write(&file, own).unwrap();
    }
    Service::start(data.path(), port).await.stop();
    let found = orders(&file);
    assert!(accepted.iter().all(|id| found.contains(id)));
}
