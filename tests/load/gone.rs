//! What a load says when the service hangs or goes away, and when the driver itself is the bound.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::night::Night;
use crate::under_load::{mismatches, read, report, service};

/// Longer than any of these may take, also on a busy machine, and shorter than what hung before.
const PATIENT: Duration = Duration::from_secs(30);

fn signal(process: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

/// The exit code and the report of a load that must end by itself.
fn ended(mut load: Child) -> (i32, Value) {
    let end = Instant::now() + PATIENT;
    while load.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            load.kill().unwrap();
            panic!("the load hangs: {}", String::from_utf8_lossy(&load.wait_with_output().unwrap().stderr));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    read(&load.wait_with_output().unwrap())
}

async fn under_load(night: &Night) {
    night.until("under load", |status| status["ended_per_second"].as_f64().unwrap() > 0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_a_load_on_a_service_that_hangs_and_what_is_known_is_reported() {
    let night = service().await;
    let load = night.spawn(&["load", "--json", "--rate", "50/s", "--duration", "10m", "--mix", "good=1"]);
    under_load(&night).await;
    signal(night.service().id(), "-STOP");
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(load.id(), "-INT");
    let (code, report) = ended(load);
    signal(night.service().id(), "-CONT");
    // The books could not be read, which is worse than having been stopped.
    assert_eq!((code, &report["stopped"]), (1, &true.into()), "{report:#}");
    assert!(report["unread"].as_str().unwrap().contains("no answer in time"), "{report:#}");
    let count = |field: &str| report[field].as_u64().unwrap();
    assert!(count("accepted") > 0 && count("confirmed") > 0, "{report:#}");
    assert_eq!(mismatches(&report), [], "what is under way is no mismatch");
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_a_load_that_has_not_begun() {
    let night = service().await;
    signal(night.service().id(), "-STOP");
    let load = night.spawn(&["load", "--json"]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(load.id(), "-INT");
    let output = load.wait_with_output().unwrap();
    signal(night.service().id(), "-CONT");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(130), 0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("stopped before any order was sent"));
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_goes_away_leaves_the_figures_so_far() {
    let mut night = service().await;
    let page = night.path().join("report.html");
    let (html, patience) = (["--html", page.to_str().unwrap()], ["--patience", "1s"]);
    let load = ["load", "--json", "--rate", "50/s", "--duration", "4s", "--mix", "good=1"];
    let load = night.spawn(&[&load[..], &html, &patience].concat());
    under_load(&night).await;
    night.kill();
    let (code, report) = ended(load);
    assert_eq!((code, &report["stopped"]), (1, &false.into()));
    assert!(report["unread"].as_str().unwrap().contains("no connection"), "{report:#}");
    let count = |field: &str| report[field].as_u64().unwrap();
    assert!(count("accepted") > 0 && report["accept"]["count"].as_u64().unwrap() > 0, "{report:#}");
    assert!(report["errors"]["no connection"].as_u64().unwrap() > 0, "{report:#}");
    assert!(std::fs::read_to_string(page).unwrap().contains("The books could not be read"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_that_was_not_reached_is_told() {
    let night = service().await;
    let load = ["--rate", "40000/s", "--orders", "1000", "--connections", "2", "--mix", "good=1"];
    let (code, report) = report(&night, &load);
    assert_eq!((code, mismatches(&report)), (0, vec![]));
    let pace = &report["pace"];
    assert!(pace["asked"].as_f64().unwrap() > 39_000.0 && pace["reached"].as_f64().unwrap() < 20_000.0, "{pace}");
    assert_eq!(pace["all_connections_busy"], true);
    let said = night.says(&[&["load"], &load[..]].concat());
    assert!(said.contains("The load was lighter than asked for: 400"), "{said}");
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_without_file_descriptors_says_so_and_fails() {
    let night = service().await;
    let load = format!(
        "ulimit -n 40; exec {} load --json --closed --connections 100 --orders 300 --mix good=1",
        env!("CARGO_BIN_EXE_orderflow")
    );
    let mut shell = Command::new("sh");
    let url = night.service().url.clone();
    let output = shell.args(["-c", &load]).env("ORDERFLOW_URL", url).current_dir(night.path()).output().unwrap();
    let (code, report) = read(&output);
    assert_eq!(code, 1, "{report:#}");
    let refused = report["errors"]["no file descriptor left on this machine (see `ulimit -n`)"].as_u64().unwrap();
    assert!(refused > 0);
    assert_eq!(mismatches(&report), [("requests that this machine had no file descriptor for", refused)]);
    night.ends();
}
