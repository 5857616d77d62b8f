//! The incident of docs/OPERATIONS.md ("An incident, step by step"), as it is scripted there.

use std::time::Instant;

use crate::night::Night;

const ORDERS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_gateway_ends_with_every_order_confirmed_and_a_log_that_tells_it() {
    let night = Night::begins().await;
    night.says(&["gateway", "down"]);
    night.post("k", ORDERS).await;
    night.until("dead-lettered", |status| status["dead_letters"] == ORDERS).await;

    // Somebody is woken, and looks.
    let found = night.json(&["dlq", "ls", "--all"]);
    let payments = found.as_array().unwrap().iter().find(|dlq| dlq["queue"] == "payments").unwrap();
    let causes = payments["causes"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!((&causes[0]["step"], &causes[0]["error"]), (&"ChargePayment".into(), &"GatewayUnavailable".into()));
    assert_eq!(causes[0]["count"], ORDERS);
    let table = night.says(&["dlq", "ls", "--all"]);
    assert!(table.contains("payments-dlq") && table.contains("GatewayUnavailable"), "{table}");
    let one = night.json(&["dlq", "show", "payments", "--limit", "1"]);
    assert_eq!(one[0]["order"]["status"], "reserved");
    assert_eq!(one[0]["order"]["effect"], "no record of ChargePayment");

    // The gateway comes back. A dry run first: it changes nothing.
    night.says(&["gateway", "up"]);
    let foretold = night.json(&["dlq", "replay", "payments", "--cause", "GatewayUnavailable"]);
    assert_eq!((&foretold["would_replay"], foretold["would_refuse"].as_array().unwrap().len()), (&ORDERS.into(), 0));
    assert_eq!(night.get("/ops/status").await["dead_letters"], ORDERS);

    // A few, then the rest; at a limited rate.
    let replay = ["dlq", "replay", "payments", "--cause", "GatewayUnavailable", "--rate", "200/s", "--yes"];
    let few = night.json(&[&replay[..], &["--max", "10"]].concat());
    assert_eq!((&few["replayed"], &few["stopped"]), (&10.into(), &false.into()));
    let began = Instant::now();
    let rest = night.json(&replay);
    assert_eq!(rest["replayed"], ORDERS - 10);
    let took = began.elapsed().as_secs_f64();
    assert!(took > (ORDERS - 10) as f64 / 200.0 * 0.8, "the rate was kept: {took} s");
    night.until_quiet().await;
    assert_eq!(night.get("/ops/status").await["dead_letters"], 0);

    // The audit log tells who, when, what, how much, and which.
    night.says(&["audit", "export", "--output", "audit.jsonl"]);
    let log = std::fs::read_to_string(night.path().join("audit.jsonl")).unwrap();
    let runs: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(runs.len(), 2, "a dry run leaves no trace");
    let mut ids = std::collections::BTreeSet::new();
    for (run, count) in runs.iter().zip([ORDERS - 10, 10]) {
        let about = &run["run"];
        assert_eq!(
            (&about["action"], &about["queue"], &about["by"]),
            (&"replay".into(), &"payments".into(), &"local".into())
        );
        assert_eq!(about["how"]["selection"]["cause"], "GatewayUnavailable");
        assert_eq!((&about["counts"]["done"], &about["how"]["rate"]), (&count.into(), &200.into()));
        assert!(about["finished_at"].is_string());
        ids.extend(run["entries"].as_array().unwrap().iter().map(|entry| entry["id"].to_string()));
    }
    assert_eq!(ids.len(), ORDERS);
    night.all_confirmed_once(ORDERS);
    assert_eq!(night.get("/mailbox?limit=1").await["mails"].as_array().unwrap().len(), 1);
    night.ends();
}
