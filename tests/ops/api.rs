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
    for path in [
        "/ops/status",
        "/ops/dead-letters",
        "/ops/runs",
        "/ops/events",
        "/ops/events?only=ends",
        "/ops/gateway",
        "/ops/gateway/ledger",
        "/ops/orders",
    ] {
        let status = async |key: Option<&str>| {
            let request = service.get(path);
            let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
            request.send().await.unwrap().status().as_u16()
        };
        let answers =
            (status(None).await, status(Some("0123456789abcdef")).await, status(Some("fedcba9876543210")).await);
        assert_eq!(answers, (401, 403, 200), "{path}");
    }
    let put = async |key: &str| {
        let request = service.client.post(format!("{}/ops/queues/emails/messages", service.url)).bearer_auth(key);
        request.body("x").send().await.unwrap().status().as_u16()
    };
    let answers = (put("wrong").await, put("0123456789abcdef").await, put("fedcba9876543210").await);
    assert_eq!(answers, (401, 403, 202));
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
        ("PUT", "/ops/gateway", "[true]", 400),
        ("GET", "/ops/gateway?x=1", "", 400),
        ("GET", "/ops/gateway/ledger?x=1", "", 400),
        ("GET", "/ops/gateway/ledger?limit=0", "", 400),
        ("GET", "/ops/gateway/ledger?limit=101", "", 400),
        ("GET", "/ops/gateway/ledger?cursor=x", "", 400),
        ("DELETE", "/ops/gateway/ledger", "", 405),
        ("GET", "/ops/events?only=all", "", 400),
        ("GET", "/ops/events?only=ends&x=1", "", 400),
        ("POST", "/ops/events", "", 405),
        ("POST", "/ops/queues/mails/messages", "x", 404),
        ("POST", "/ops/queues/payments-dlq/messages", "x", 404),
        ("POST", "/ops/queues/payments/messages?x=1", "x", 400),
        ("POST", "/ops/queues/payments/messages", "", 400),
        ("POST", "/ops/queues/payments/messages", "\u{0}", 400),
        ("POST", "/ops/queues/payments/messages", &"x".repeat(64 * 1024 + 1), 413),
        ("GET", "/ops/queues/payments/messages", "", 405),
        ("GET", "/ops/runs/%FF", "", 404),
        ("GET", "/mailbox/%FF", "", 404),
        ("GET", "/docs/%FF", "", 404),
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
        Self::at(night, "/ops/events", after).await
    }

    async fn at(night: &Night, path: &str, after: Option<&str>) -> Self {
        let request = night.service().get(path);
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

#[tokio::test]
async fn a_watcher_of_ends_is_told_nothing_else_and_goes_on_where_it_was() {
    let night = Night::begins().await;
    let mut events = Events::at(&night, "/ops/events?only=ends", None).await;
    assert_eq!(events.next().await.unwrap().0, "snapshot");
    // What is told about an order, up to its execution's end.
    let ends_of = async |events: &mut Events, order: &str| {
        let mut told = Vec::new();
        loop {
            let (name, id, change) = events.next().await.unwrap();
            assert_eq!((name.as_str(), id.is_empty()), ("change", false), "{change}");
            assert!(change["order_id"] == order || change["name"] == order, "{change}");
            told.push(change["change"].as_str().unwrap().to_owned());
            if change["change"] == "execution" {
                assert_eq!(change["status"], "SUCCEEDED", "one that goes on is not told");
                return (id, told);
            }
        }
    };
    let first = night.post("first", 1).await.remove(0);
    let (last, told) = ends_of(&mut events, &first).await;
    assert_eq!(told, ["order_ended", "execution"]);

    drop(events);
    let second = night.post("second", 1).await.remove(0);
    night.until_quiet().await;
    let mut events = Events::at(&night, "/ops/events?only=ends", Some(&last)).await;
    let (_, told) = ends_of(&mut events, &second).await;
    assert_eq!(told, ["order_ended", "execution"], "without a snapshot, and nothing twice");
    night.ends();
}

#[tokio::test]
async fn the_ledger_pages_through_the_money_that_moved_newest_first() {
    let night = Night::begins().await;
    let mut orders = Vec::new();
    for number in 0..3 {
        orders.insert(0, night.post(&format!("k{number}-"), 1).await.remove(0));
        night.until_quiet().await;
    }
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = night.get(&format!("/ops/gateway/ledger?limit=2{cursor}")).await;
        listed.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let ids: Vec<&str> = listed.iter().map(|entry| entry["order_id"].as_str().unwrap()).collect();
    assert_eq!(ids, orders);
    let entry = &listed[0];
    assert_eq!(
        (&entry["movement"], &entry["amount"]),
        (&json!("capture"), &json!({ "amount": 1299, "currency": "EUR" }))
    );
    assert!(
        entry["payment"].is_string() && entry["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
        "{entry}"
    );
    night.ends();
}

#[tokio::test]
async fn a_message_put_by_hand_is_handled_like_any_other() {
    let night = Night::begins().await;
    let put = async |body: String| {
        let request = night.service().client.post(format!("{}/ops/queues/payments/messages", night.service().url));
        request.body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(put("poison".to_owned()).await, 202);
    night.until("dead-lettered", |status| status["dead_letters"] == 1).await;
    let letters = night.get("/ops/dead-letters/payments").await;
    let letter = &letters["items"][0];
    assert_eq!((&letter["body"], &letter["cause"]["error"]), (&json!("poison"), &json!("Undecodable")));
    night.ends();
}
