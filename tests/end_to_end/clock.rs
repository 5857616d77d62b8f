//! The machine's date is set back while the service runs: with libfaketime (Debian's `faketime`), which tells a process another date.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::service::{Service, free_port, log};

/// Where Debian puts the library, on either processor.
fn library() -> Option<PathBuf> {
    let triples = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
    let libraries = triples.map(|triple| Path::new("/usr/lib").join(triple).join("faketime/libfaketime.so.1"));
    let found = libraries.into_iter().find(|library| library.is_file());
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "CI has Debian's package `faketime`");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backoff_waits_its_seconds_although_the_date_is_set_back_by_an_hour() {
    let Some(library) = library() else {
        eprintln!("left out: there is no libfaketime here (Debian: apt-get install faketime)");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let date = directory.path().join("date");
    std::fs::write(&date, "+0").unwrap();
    let settings = "[retries]\nmax_receive_count = 100\nbackoff = \"2s\"\nlongest_backoff = \"2s\"\n";
    std::fs::write(directory.path().join("orderflow.toml"), settings).unwrap();
    let (library, date_file) = (library.to_str().unwrap(), date.to_str().unwrap());
    let environment = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", date_file),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let service = Service::start_with(directory.path(), free_port(), &environment).await;
    let switch = async |down: bool| {
        let switched =
            service.client.put(format!("{}/ops/gateway", service.url)).json(&serde_json::json!({ "down": down }));
        assert!(switched.send().await.unwrap().status().is_success());
    };
    switch(true).await;
    let body = serde_json::json!({
        "customer": { "id": "c-42", "email": "ada@example.com" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }], "currency": "EUR", "payment_method": "pm_card_visa",
    });
    let posted: Value = service.post("k", &body.to_string()).await.unwrap().json().await.unwrap();
    let order = format!("/orders/{}", posted["order_id"].as_str().unwrap());
    let status = async || service.get(&order).send().await.unwrap().json::<Value>().await.unwrap()["status"].clone();
    let end = Instant::now() + Duration::from_secs(60);
    while !log(directory.path()).contains("the message comes again") {
        assert!(Instant::now() < end, "the charge never failed: {}", log(directory.path()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    std::fs::write(&date, "-3600").unwrap();
    switch(false).await;
    while status().await != "confirmed" {
        assert!(Instant::now() < end, "it waits for the hour to pass: {}", log(directory.path()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(log(directory.path()).contains("the machine's clock was set back"), "{}", log(directory.path()));
    service.stop();
}
