//! Backups of a running service, and of a directory that nobody serves.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;
use serde_json::json;

use crate::night::Night;

/// The orders in a backup.
pub fn orders(file: &Path) -> Vec<String> {
    let file = Connection::open(file).unwrap();
    let mut ids = file.prepare("SELECT id FROM orders").unwrap();
    ids.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn files(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_ends_and_has_every_order_that_was_accepted_before_it() {
    let night = Night::begins().await;
    let accepted: Arc<Mutex<Vec<String>>> = Arc::default();
    let over = Arc::new(AtomicBool::new(false));
    let posting: Vec<_> = (0..4)
        .map(|storefront| {
            let (accepted, over) = (Arc::clone(&accepted), Arc::clone(&over));
            let (client, url) = (night.service().client.clone(), night.service().url.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let body = json!({
                        "customer": { "id": "c-42", "email": "ada@example.com" },
                        "lines": [{ "sku": "TEA-SENCHA", "quantity": 1 }],
                        "currency": "EUR", "payment_method": "pm_card_visa",
                    });
                    let request = client.post(format!("{url}/orders")).header("Content-Type", "application/json");
                    let request = request.header("Idempotency-Key", format!("{storefront}-{number}"));
                    let response = request.body(body.to_string()).send().await.unwrap();
                    assert_eq!(response.status().as_u16(), 202);
                    let answer: serde_json::Value = response.json().await.unwrap();
                    accepted.lock().push(answer["order_id"].as_str().unwrap().to_owned());
                }
            })
        })
        .collect();
    let backups = tempfile::tempdir().unwrap();
    for name in ["one.db", "two.db"] {
        while accepted.lock().len() < 50 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let before = std::mem::take(&mut *accepted.lock());
        let file = backups.path().join(name);
        let made = tokio::task::block_in_place(|| night.json(&["backup", file.to_str().unwrap()]));
        assert_eq!(made["bytes"].as_u64().unwrap(), std::fs::metadata(&file).unwrap().len());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let kept = orders(&file);
        assert!(before.iter().all(|id| kept.contains(id)), "{name}: {} of {}", kept.len(), before.len());
    }
    assert_eq!(files(backups.path()), ["one.db", "two.db"], "and nothing else");
    over.store(true, Ordering::Relaxed);
    for storefront in posting {
        storefront.await.unwrap();
    }
    let runs = night.json(&["audit", "ls"]);
    let run = &runs[0];
    assert_eq!((&run["action"], &run["by"], &run["counts"]["done"]), (&json!("backup"), &json!("local"), &json!(1)));
    assert!(run["finished_at"].is_string());
    night.ends();
}

#[tokio::test]
async fn a_backup_replaces_nothing_and_leaves_nothing_when_it_fails() {
    let mut night = Night::begins().await;
    let place = tempfile::tempdir().unwrap();
    let taken = place.path().join("taken.db");
    std::fs::write(&taken, "something dear").unwrap();
    let (code, why) = night.refuses(&["backup", taken.to_str().unwrap()]);
    assert!(code == 1 && why.contains("is there already"), "{why}");
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "something dear");

    let nowhere = place.path().join("nowhere/new.db");
    let (code, why) = night.refuses(&["backup", nowhere.to_str().unwrap()]);
    assert!(code == 1 && why.contains("nowhere"), "{why}");

    let new = place.path().join("new.db");
    let served = night.data.path().to_str().unwrap().to_owned();
    let (code, why) = night.refuses(&["backup", "--data", &served, new.to_str().unwrap()]);
    assert!(
        code == 1 && why.contains("in use by another orderflow process") && why.contains("leave out --data"),
        "{why}"
    );

    night.stop();
    let (code, why) = night.refuses(&["backup", new.to_str().unwrap()]);
    assert!(code == 1 && why.contains("can't be reached"), "{why}");
    assert_eq!(files(place.path()), ["taken.db"]);

    night.says(&["backup", "--data", &served, new.to_str().unwrap()]);
    assert_eq!(files(place.path()), ["new.db", "taken.db"]);
    let (code, why) = night.refuses(&["backup", "--data", place.path().to_str().unwrap(), "other.db"]);
    assert!(code == 1 && why.contains("orderflow.db"), "{why}");
}

#[tokio::test]
async fn only_ops_take_a_backup_and_no_other_sites_page() {
    let keys = "[[api_keys]]\nname = \"shop\"\nscope = \"storefront\"\nkey = \"0123456789abcdef\"\n";
    let ops = "[[api_keys]]\nname = \"night\"\nscope = \"ops\"\nkey = \"fedcba9876543210\"\n";
    let night = Night::with(&[keys, ops].concat()).await;
    assert!(crate::service::log(night.data.path()).contains("run `chmod 600 orderflow.toml`"));
    let service = night.service();
    let url = format!("{}/ops/backup", service.url);
    let asked = async |key: Option<&str>| {
        let request = service.client.post(&url);
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(asked(None).await, 401);
    assert_eq!(asked(Some("0123456789abcdef")).await, 403);
    assert_eq!(asked(Some("fedcba9876543210")).await, 200);
    night.ends();

    let open = Night::begins().await;
    let url = format!("{}/ops/backup", open.service().url);
    let foreign = open.service().client.post(&url).header("Origin", "http://elsewhere.example");
    assert_eq!(foreign.send().await.unwrap().status().as_u16(), 403);
    let got = open.service().client.get(&url).send().await.unwrap();
    assert_eq!(got.status().as_u16(), 405, "a picture's address reaches nothing");
    open.ends();
}

#[tokio::test]
async fn a_client_that_hangs_up_is_written_down_and_the_next_is_served() {
    let mut night = Night::begins().await;
    night.stop();
    // More than the sockets hold.
    let database = Connection::open(night.data.path().join("orderflow.db")).unwrap();
    database.execute("INSERT INTO probe (data) VALUES (zeroblob(50000000))", []).unwrap();
    drop(database);
    night.start().await;
    let url = format!("{}/ops/backup", night.service().url);
    let mut first = night.service().client.post(&url).send().await.unwrap();
    first.chunk().await.unwrap().unwrap();
    let second = night.service().client.post(&url).send().await.unwrap();
    assert_eq!(second.status().as_u16(), 409);
    assert!(second.text().await.unwrap().contains("another backup is being made"));
    drop(first);
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole.db");
    let end = Instant::now() + Duration::from_secs(60);
    while !night.run(&["backup", whole.to_str().unwrap()]).status.success() {
        assert!(Instant::now() < end, "the first is never let go");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let runs = night.json(&["audit", "ls", "--limit", "1000"]);
    let broken = runs.as_array().unwrap().last().unwrap();
    let shown = night.json(&["audit", "show", broken["id"].as_str().unwrap()]);
    let note = shown["entries"][0]["note"].as_str().unwrap();
    assert!(note.contains("broke off"), "{shown}");
    night.ends();
}

#[tokio::test]
async fn a_killed_backup_leaves_nothing_that_is_taken_for_one() {
    let night = Night::begins().await;
    // What has arrived is not finished, even if all of it has.
    let bytes = night.service().client.post(format!("{}/ops/backup", night.service().url)).send().await.unwrap();
    let bytes = bytes.bytes().await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let raw = place.path().join(".nightly.db.1.part");
    let data = place.path().join("data");
    for length in [bytes.len(), bytes.len() - 4096, bytes.len() / 2, 100, 0] {
        std::fs::write(&raw, &bytes[..length]).unwrap();
        let (code, why) = night.refuses(&["restore", raw.to_str().unwrap(), "--data", data.to_str().unwrap()]);
        assert!(code == 1 && why.contains("can't be restored"), "{length}: {why}");
    }
    assert!(!data.join("orderflow.db").exists());
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_looks_into_the_file_after_a_backup_takes_no_wal_from_under_the_service() {
    let mut night = Night::begins().await;
    let backups = tempfile::tempdir().unwrap();
    night.json(&["backup", backups.path().join("one.db").to_str().unwrap()]);
    // A program that takes itself for the last one on the file may delete the WAL when it leaves; the service's lock tells it.
    let database = night.path().join("orderflow.db");
    let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&database).unwrap());
    let is_of_it = |line: &str| line.contains("POSIX") && line.contains(&format!(":{inode} "));
    #[cfg(target_os = "linux")] // proc(5)
    assert!(std::fs::read_to_string("/proc/locks").unwrap().lines().any(is_of_it), "the service's lock is gone");
    assert!(orders(&database).is_empty());
    let accepted = night.post("after", 3).await;
    night.kill();
    night.start().await;
    let kept = orders(&database);
    assert!(accepted.iter().all(|id| kept.contains(id)), "{} of {}", kept.len(), accepted.len());
    night.ends();
}
