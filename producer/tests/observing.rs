//! What a request leaves behind: one log line that finds its order and nobody's data, and its numbers.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use std::io;
use std::sync::{Arc, Mutex};

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::{Value, json};
use shop::{Shop, ask, order, with};
use tracing_subscriber::fmt::MakeWriter;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;
    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// The log of these requests, and its lines as JSON.
fn logged(requests: impl AsyncFnOnce(&Shop)) -> (String, Vec<Value>) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
    tracing::subscriber::with_default(subscriber, || block_on(async { requests(&Shop::open()).await }));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (text, lines)
}

#[test]
fn a_request_is_one_log_line_that_finds_its_order() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut id = Value::Null;
    let (_, lines) = logged(async |shop| {
        let header = format!("00-{trace}-00f067aa0ba902b7-01");
        id = shop.send(ask("POST", "/orders").header("traceparent", &header).json(&order())).await.json()["order_id"]
            .take();
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    let span = &lines[0]["span"];
    assert_eq!((&span["order_id"], &span["trace_id"]), (&id, &json!(trace)));
    assert_eq!(
        (&span["method"], &span["route"], &span["storefront"]),
        (&json!("POST"), &json!("/orders"), &json!("local"))
    );
    assert_eq!(lines[0]["fields"]["status"], 202);
    assert!(lines[0]["fields"]["milliseconds"].is_number());
}

#[test]
fn no_personal_data_is_logged_whatever_happens_to_the_request() {
    let address = json!({"lines": ["Main St 1"], "city": "Bonn", "postal_code": "NW1-6XE", "country": "DE"});
    let order = with(order(), "/shipping_address", address);
    let (text, lines) = logged(async |shop| {
        let post = |body: &Value| ask("POST", "/orders").header("idempotency-key", "k").json(body);
        let id = shop.send(post(&order)).await.json()["order_id"].as_str().unwrap().to_owned();
        shop.send(post(&with(order.clone(), "/currency", json!("USD")))).await;
        shop.send(post(&with(order.clone(), "/lines", json!("ada@example.com")))).await;
        shop.send(post(&with(order.clone(), "/currency", json!("ada@example.com")))).await;
        shop.send(ask("GET", &format!("/orders/{id}"))).await;
        shop.send(ask("GET", "/orders?customer=c-42")).await;
        shop.send(ask("GET", "/orders/ada@example.com")).await;
        shop.send(ask("GET", "/ada@example.com")).await;
        shop.send(ask("POST", &format!("/orders/{id}/cancel"))).await;
        shop.store.unavailable.store(true, std::sync::atomic::Ordering::SeqCst);
        shop.send(post(&order)).await;
    });
    assert!(lines.len() >= 10);
    // None of them could be part of a trace id or a time.
    for personal in ["ada@", "Ada", "c-42", "Main St", "Bonn", "NW1-6XE", "pm_card"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}

#[test]
fn posted_orders_are_counted_and_requests_timed_by_route() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        block_on(async {
            let shop = Shop::open();
            let post = |key: &str| ask("POST", "/orders").header("idempotency-key", key).json(&order());
            shop.send(post("a")).await;
            shop.send(post("a")).await;
            shop.send(post("b")).await;
            shop.send(ask("POST", "/orders").json(&json!({}))).await;
            shop.send(ask("POST", "/orders").body("x")).await;
            shop.send(ask("GET", "/orders/ord_00000000000000000000000000")).await;
            shop.send(ask("GET", "/nowhere/at/all")).await;
        });
    });
    let mut seen = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        let labels: Vec<_> = key.labels().map(|label| label.value()).collect();
        let count = match value {
            DebugValue::Counter(count) => count,
            DebugValue::Histogram(times) => times.len() as u64,
            DebugValue::Gauge(_) => 0,
        };
        seen.push(format!("{} {} {count}", key.name(), labels.join(" ")));
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            "orderflow_http_request_duration_seconds /orders POST 202 3",
            "orderflow_http_request_duration_seconds /orders POST 400 1",
            "orderflow_http_request_duration_seconds /orders POST 415 1",
            "orderflow_http_request_duration_seconds /orders/{order_id} GET 404 1",
            "orderflow_http_request_duration_seconds unmatched GET 404 1",
            "orderflow_orders_posted_total accepted 202 2",
            "orderflow_orders_posted_total refused 400 1",
            "orderflow_orders_posted_total refused 415 1",
            "orderflow_orders_posted_total repeated 202 1",
        ]
    );
}
