//! A replay that the service drives for a client: the console's.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::night::Night;

async fn post(night: &Night, path: &str, body: &Value) -> Response {
    let request = night.service().client.request(Method::POST, format!("{}{path}", night.service().url));
    request.json(body).send().await.unwrap()
}

async fn begin(night: &Night, how: Value) -> String {
    let run = post(night, "/ops/runs", &json!({ "action": "replay", "queue": "payments", "how": how })).await;
    run.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn drive(night: &Night, run: &str) -> Response {
    post(night, &format!("/ops/runs/{run}/drive"), &json!(null)).await
}

async fn finished(night: &Night, run: &str) -> Value {
    for _ in 0..1_000 {
        let run = night.get(&format!("/ops/runs/{run}")).await;
        if !run["finished_at"].is_null() {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{run} was never finished");
}

#[tokio::test]
async fn a_driven_replay_does_what_its_dry_run_foretold() {
    let (night, ids) = Night::after_an_outage(4).await;
    night.says(&["executions", "stop", &ids[0], "--cause", "a test", "--compensate"]);
    let foretold = async |plan: &Value| {
        let answer = post(&night, "/ops/dead-letters/payments/dry-run", plan).await.error_for_status().unwrap();
        answer.json::<Value>().await.unwrap()
    };
    let most = foretold(&json!({ "max": 2 })).await;
    assert_eq!(most["would_replay"], 2, "what stays doesn't count: {most}");
    let plan = json!({ "selection": { "cause": "GatewayUnavailable" }, "rate": 1_000 });
    let dry = foretold(&plan).await;
    assert_eq!(dry["would_replay"], 3);
    let refused: Vec<(&String, &Value)> = dry["would_refuse"].as_object().unwrap().iter().collect();
    assert!(matches!(refused[..], [(why, count)] if why.contains("already rejected") && count == 1), "{dry}");
    assert_eq!(night.get("/ops/status").await["dead_letters"], 4, "nothing was done");

    let run = begin(&night, plan).await;
    let answer = drive(&night, &run).await.error_for_status().unwrap();
    assert_eq!(answer.headers()["content-type"], "application/jsonl");
    let text = answer.text().await.unwrap();
    let told: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (over, steps) = told.split_last().unwrap();
    assert_eq!(over["over"], json!({ "done": 3, "refused": 1, "stopped": false }));
    let handled: Vec<&Value> = steps.iter().flat_map(|line| line["entries"].as_array().unwrap()).collect();
    let of = |state: &str| handled.iter().filter(|entry| entry["state"] == state).count();
    assert_eq!((of("done"), of("refused"), handled.len()), (3, 1, 4));
    assert!(night.get(&format!("/ops/runs/{run}")).await["finished_at"].is_string());
    night.until_quiet().await;
    assert_eq!(night.json(&["orders", "show", &ids[1]])["status"], "confirmed");
    night.ends();
}

#[tokio::test]
async fn who_hangs_up_stops_it_cleanly() {
    let (night, _) = Night::after_an_outage(12).await;
    let run = begin(&night, json!({ "rate": 1 })).await;
    let mut answer = drive(&night, &run).await;
    assert!(answer.chunk().await.unwrap().unwrap().starts_with(b"{\"entries\":"));
    drop(answer);
    let run = finished(&night, &run).await;
    let done = run["counts"]["done"].as_u64().unwrap();
    assert!((1..12).contains(&done), "{run}");
    assert_eq!(night.get("/ops/status").await["dead_letters"], 12 - done);
    night.ends();
}

#[tokio::test]
async fn a_stop_of_the_service_ends_it_and_leaves_nothing_open() {
    let (mut night, _) = Night::after_an_outage(12).await;
    let run = begin(&night, json!({ "rate": 1 })).await;
    let mut answer = drive(&night, &run).await;
    answer.chunk().await.unwrap().unwrap();
    night.stop();
    night.start().await;
    let run = night.get(&format!("/ops/runs/{run}")).await;
    assert!(run["finished_at"].is_string(), "{run}");
    assert_eq!(night.get("/ops/status").await["dead_letters"], 12 - run["counts"]["done"].as_u64().unwrap());
    night.ends();
}

#[tokio::test]
async fn what_can_not_be_driven_is_refused_with_the_reason() {
    let night = Night::begins().await;
    let edited = begin(&night, json!({ "edited": true })).await;
    let unreadable = begin(&night, json!({ "speed": 1 })).await;
    let over = begin(&night, json!(null)).await;
    drive(&night, &over).await.error_for_status().unwrap().text().await.unwrap();
    let purge = post(&night, "/ops/runs", &json!({ "action": "purge", "queue": "payments" })).await;
    let purge = purge.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    for (run, status, why) in [
        (edited.as_str(), StatusCode::CONFLICT, "only the command can"),
        (&unreadable, StatusCode::CONFLICT, "`speed`: there is no such field"),
        (&over, StatusCode::CONFLICT, "is over"),
        (&purge, StatusCode::CONFLICT, "is a purge, not a replay"),
        ("none", StatusCode::NOT_FOUND, "no run `none`"),
    ] {
        let answer = drive(&night, run).await;
        assert_eq!(answer.status(), status, "{why}");
        let problem = answer.text().await.unwrap();
        assert!(problem.contains(why), "{problem}");
    }
    for plan in
        [json!({ "rate": 0 }), json!({ "selection": { "colour": "red" } }), json!({ "selection": { "where": "[" } })]
    {
        let answer = post(&night, "/ops/dead-letters/payments/dry-run", &plan).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{plan}");
    }
    night.ends();
}
