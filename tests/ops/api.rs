//! The HTTP API under `/ops/`: who may, what is refused, and the events.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::night::Night;
use crate::service::{Service, free_port};

#[tokio::test]
async fn only_an_ops_key_opens_it() {
    let data = tempfile::tempdir().unwrap();
    let keys = "shop:storefront:0123456789abcdef,night:ops:fedcba9876543210";
    let service = Service::start_with(data.path(), free_port(), &[("ORDERFLOW_API_KEYS", keys)]).await;
    for path in ["/ops/status", "/ops/dead-letters", "/ops/runs", "/ops/events", "/ops/gateway", "/ops/orders"] {
        let status = async |key: Option<&str>| {
            let request = service.get(path);
            let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
            request.send().await.unwrap().status().as_u16()
        };
        let answers =
            (status(None).await, status(Some("0123456789abcdef")).await, status(Some("fedcba9876543210")).await);
        assert_eq!(answers, (401, 403, 200), "{path}");
    }
    // The command takes its key from the environment, and the log names who it was.
    let orderflow = |key: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orderflow"));
        command.args(arguments).args(["--url", &service.url]).env("ORDERFLOW_KEY", key).current_dir(data.path());
        command.output().unwrap()
    };
    let refused = orderflow("", &["status"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("ORDERFLOW_KEY"));
    std::fs::write(
        data.path().join("empty.jsonl"),
        json!({ "queue": "emails", "message_id": "x", "sent_at": "2026-01-01T00:00:00Z", "body": "{}" }).to_string(),
    )
    .unwrap();
    assert!(orderflow("fedcba9876543210", &["dlq", "import", "empty.jsonl", "--yes"]).status.success());
    let runs: Value =
        serde_json::from_slice(&orderflow("fedcba9876543210", &["audit", "ls", "--json"]).stdout).unwrap();
    assert_eq!(runs[0]["by"], "night");
    service.stop();
}

#[tokio::test]
async fn it_keeps_the_apis_rules() {
    let night = Night::begins().await;
    let service = night.service();
    let send = async |method: Method, path: &str, body: &str| {
        let request = service.client.request(method, format!("{}{path}", service.url));
        request.header("Content-Type", "application/json").body(body.to_owned()).send().await.unwrap()
    };
    let run: Value =
        send(Method::POST, "/ops/runs", r#"{"action":"replay","queue":"payments"}"#).await.json().await.unwrap();
    let run = run["id"].as_str().unwrap();
    let replay = format!("/ops/runs/{run}/replay");
    for (method, path, body, status) in [
        ("GET", "/ops/status?x=1", "", 400),
        ("GET", "/ops/dead-letters/mails", "", 404),
        ("GET", "/ops/dead-letters/payments?limit=0", "", 400),
        ("GET", "/ops/dead-letters/payments?where=%5B", "", 400),
        ("GET", "/ops/dead-letters/payments?since=yesterday", "", 400),
        ("GET", "/ops/dead-letters/payments?cursor=x", "", 400),
        ("DELETE", "/ops/dead-letters/payments", "", 405),
        ("GET", "/ops/runs/none", "", 404),
        ("POST", "/ops/runs", r#"{"action":"replay"}"#, 400),
        ("POST", "/ops/runs", r#"{"action":"cancel"}"#, 400),
        ("POST", "/ops/runs", r#"{"action":"reconcile","extra":1}"#, 400),
        ("POST", "/ops/runs", "[]", 400),
        ("POST", &replay, r#"{"items":[{"message_id":"x","body":"no message"}]}"#, 400),
        ("POST", &replay, r#"{"items":[{"message_id":""}]}"#, 400),
        ("POST", &format!("/ops/runs/{run}/purge"), r#"{"ids":["x"]}"#, 409),
        ("POST", "/ops/runs/none/finish", "", 404),
        ("GET", "/ops/orders/none", "", 404),
        ("GET", "/ops/executions?status=GONE", "", 400),
        ("GET", "/ops/stuck?age_seconds=-1", "", 400),
        ("GET", "/ops/stuck?cursor=9.x", "", 400),
        ("PUT", "/ops/gateway", r#"{"down":"maybe"}"#, 400),
    ] {
        let answer = send(method.parse().unwrap(), path, body).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{method} {path}");
    }
    let items = vec![json!({ "message_id": "x" }); 101];
    assert_eq!(
        send(Method::POST, &replay, &json!({ "items": items }).to_string()).await.status(),
        StatusCode::BAD_REQUEST
    );
    let answer: Value = send(Method::POST, &replay, r#"{"items":[{"message_id":"00"}]}"#).await.json().await.unwrap();
    assert_eq!((&answer[0]["state"], &answer[0]["note"]), (&json!("refused"), &json!("it is gone, or in other hands")));
    send(Method::POST, &format!("/ops/runs/{run}/finish"), "").await.error_for_status().unwrap();
    assert_eq!(send(Method::POST, &replay, r#"{"items":[]}"#).await.status(), StatusCode::CONFLICT, "the run is over");
    night.ends();
}

/// Reads server-sent events.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn of(night: &Night, after: Option<&str>) -> Self {
        let request = night.service().get("/ops/events");
        let request = if let Some(id) = after { request.header("Last-Event-ID", id) } else { request };
        let response = request.send().await.unwrap().error_for_status().unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event: its name, its id and its data. `None` when the stream ends.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
                };
                let (name, id, data) = (field("event:"), field("id:"), field("data:"));
                self.text = rest.to_owned();
                if name.is_empty() {
                    continue;
                }
                return Some((name, id, serde_json::from_str(&data).unwrap()));
            }
            let chunk = timeout(Duration::from_secs(20), self.response.chunk()).await.unwrap().unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn until(&mut self, name: &str, holds: impl Fn(&Value) -> bool) -> (String, Value) {
        loop {
            let (event, id, data) = self.next().await.unwrap();
            if event == name && holds(&data) {
                return (id, data);
            }
        }
    }
}

#[tokio::test]
async fn events_begin_with_a_snapshot_and_tell_what_changes() {
    let night = Night::begins().await;
    let mut events = Events::of(&night, None).await;
    let (name, id, snapshot) = events.next().await.unwrap();
    assert_eq!((name.as_str(), id.as_str(), &snapshot["dead_letters"]), ("snapshot", "", &json!(0)));

    let before = jiff::Timestamp::now();
    let order = night.post("k", 1).await.remove(0);
    let (_, told) = events.until("change", |it| it["change"] == "execution" && it["name"] == order.as_str()).await;
    assert_eq!((&told["status"], &told["states"]), (&json!("RUNNING"), &json!(["ReserveInventory"])));
    let (first, ended) = events.until("change", |it| it["change"] == "order_ended").await;
    assert_eq!((&ended["order_id"], &ended["status"]), (&json!(order), &json!("confirmed")));
    let at: jiff::Timestamp = ended["at"].as_str().unwrap().parse().unwrap();
    assert!(before <= at && at <= jiff::Timestamp::now(), "the stamp is the service's own");
    events.until("change", |it| it["change"] == "execution" && it["status"] == "SUCCEEDED").await;
    events.until("queues", |depths| depths.as_array().unwrap().len() == 8).await;

    // Away, and back: what happened meanwhile is told, without another snapshot.
    drop(events);
    night.says(&["gateway", "down"]);
    night.post("dead", 1).await;
    night.until("dead-lettered", |status| status["dead_letters"] == 1).await;
    let mut events = Events::of(&night, Some(&first)).await;
    let (name, _, _) = events.next().await.unwrap();
    assert_eq!(name, "change");
    events.until("change", |it| it["change"] == "dead_letter" && it["queue"] == "payments").await;

    // From another life: a snapshot.
    let mut lost = Events::of(&night, Some("1-1")).await;
    assert_eq!(lost.next().await.unwrap().0, "snapshot");

    // A stop ends the streams, and waits for nobody.
    let begun = std::time::Instant::now();
    tokio::task::spawn_blocking(move || night.ends()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    while lost.next().await.is_some() {}
}
