//! What the exit code says.

use crate::night::Night;
use crate::service::{Service, free_port};
use crate::under_load::{mismatches, read, report, service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_threshold_that_does_not_hold_is_exit_code_3() {
    let night = service().await;
    let load = ["--rate", "200/s", "--orders", "20", "--mix", "good=1"];
    let thresholds = |limits: &[&str]| {
        let asserts: Vec<&str> = limits.iter().flat_map(|limit| ["--assert", limit]).collect();
        report(&night, &[&load[..], &asserts].concat())
    };
    let (code, held) = thresholds(&["accept_p99<1000s", "e2e_max<=1000s", "throughput>0", "errors<1"]);
    assert_eq!((code, held["assertions"].as_array().unwrap().len()), (0, 4));
    let (code, broken) = thresholds(&["accept_p50<1us", "errors<1", "throughput>=1000000"]);
    assert_eq!((code, mismatches(&broken)), (3, vec![]), "the books balance all the same");
    let judged: Vec<(&str, bool)> = broken["assertions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["assertion"].as_str().unwrap(), it["holds"].as_bool().unwrap()))
        .collect();
    assert_eq!(judged, [("accept_p50<1us", false), ("errors<1", true), ("throughput>=1000000", false)]);
    assert_eq!(broken["assertions"][0]["measured"], broken["accept"]["p50"]);
    let (code, said) = night.refuses(&[&["load"], &load[..], &["--assert", "accept_p50<1us"]].concat());
    assert!(code == 3 && said.contains("DOES NOT HOLD"), "{said}");
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_the_sending_and_judges_what_was_sent() {
    let night = service().await;
    let load = night.spawn(&["load", "--json", "--rate", "50/s", "--duration", "10m"]);
    night.until("under load", |status| status["started_per_second"].as_f64().unwrap() > 0.0).await;
    let interrupted = std::process::Command::new("kill").args(["-INT", &load.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let (code, report) = read(&load.wait_with_output().unwrap());
    assert_eq!((code, &report["stopped"], mismatches(&report)), (130, &true.into(), vec![]));
    let count = |field: &str| report[field].as_u64().unwrap();
    assert!(count("sent") > 0 && count("sent") == count("confirmed") + count("rejected"), "{report:#}");
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_can_not_be_run_says_why() {
    let data = tempfile::tempdir().unwrap();
    let port = free_port();
    let keys = "shop:storefront:0123456789abcdef,night:ops:fedcba9876543210";
    let load = |key: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orderflow"));
        command.args(["load", "--orders", "1", "--url", &format!("http://127.0.0.1:{port}")]).env("ORDERFLOW_KEY", key);
        let output = command.current_dir(data.path()).output().unwrap();
        assert!(output.stdout.is_empty(), "no report");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, why) = load("");
    assert!(code == 1 && why.contains("/ops/events") && why.contains("no connection"), "{why}");
    let service = Service::start_with(data.path(), port, &[("ORDERFLOW_API_KEYS", keys)]).await;
    for (key, cause) in [("", "401"), ("0123456789abcdef", "the scope `ops`")] {
        let (code, why) = load(key);
        assert!(code == 1 && why.contains(cause), "{why}");
    }
    // Nothing was left behind by those.
    let products = service.get("/products").bearer_auth("fedcba9876543210").send().await.unwrap();
    assert!(!products.text().await.unwrap().contains("LOAD-"));
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_usage_is_exit_code_2_and_says_what_is_right() {
    let night = Night::begins().await;
    for (arguments, hint) in [
        (&["--mix", "fine=1"][..], "none of good"),
        (&["--mix", "good=0"], "1 to"),
        (&["--assert", "accept_p98<1ms"], "accept_p50"),
        (&["--assert", "accept_p99<50"], "50ms"),
        (&["--rate", "fast"], "200/s"),
        (&["--duration", "0s"], "30s"),
        (&["--orders", "0"], "0"),
        (&["--connections", "0"], "from 1 to 10000"),
        (&["--closed", "--rate", "5/s"], "cannot be used with"),
        (&["--closed", "--ramp"], "cannot be used with"),
        (&["--ramp", "--spike"], "cannot be used with"),
        (&["--orders", "5", "--duration", "5s"], "cannot be used with"),
    ] {
        let (code, why) = night.refuses(&[&["load"], arguments].concat());
        assert!(code == 2 && why.contains(hint), "{arguments:?}: {why}");
    }
    // What no parser can see is said as well.
    let (code, why) = night.refuses(&["load", "--url", "https://shop.example"]);
    assert!(code == 1 && why.contains("no address of an embedded service"), "{why}");
    night.ends();
}
