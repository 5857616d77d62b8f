//! `POST /orders`: what is accepted, what is refused, and what is said about it.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use std::sync::atomic::Ordering::SeqCst;

use serde_json::{Value, json};
use shop::{Shop, ask, order, with};

async fn faults(body: &Value) -> Vec<(String, String)> {
    Shop::open().send(ask("POST", "/orders").json(body)).await.faults()
}

async fn places(body: &Value) -> Vec<String> {
    faults(body).await.into_iter().map(|(place, _)| place).collect()
}

#[tokio::test]
async fn an_order_is_accepted_with_its_location_and_the_clients_key() {
    let shop = Shop::open();
    let answer = shop.send(ask("POST", "/orders").header("idempotency-key", "basket 7").json(&order())).await;
    assert_eq!(answer.status, 202);
    let id = orders::OrderId::derive(&"local".parse().unwrap(), &"basket 7".parse().unwrap());
    assert_eq!(answer.json(), json!({"order_id": id, "status": "accepted"}));
    assert_eq!(answer.header("location"), Some(format!("/orders/{id}").as_str()));
    assert_eq!(answer.header("idempotency-key"), Some("basket 7"));
    let stored = shop.store.orders.lock().unwrap()[&id].placed.clone();
    assert_eq!(stored.content.customer.email, "ada@example.com");
    assert_eq!(stored.placed_at.to_string(), "2026-05-05T12:00:00Z");
}

#[tokio::test]
async fn without_a_key_the_server_makes_one_that_works() {
    let shop = Shop::open();
    let first = shop.send(ask("POST", "/orders").json(&order())).await;
    let key = first.header("idempotency-key").unwrap().to_owned();
    let again = shop.send(ask("POST", "/orders").header("idempotency-key", &key).json(&order())).await;
    assert_eq!(again.json(), first.json());
    let other = shop.send(ask("POST", "/orders").json(&order())).await;
    assert_ne!(other.json(), first.json());
}

#[tokio::test]
async fn the_same_key_and_body_answer_the_same_again_whatever_the_bodys_layout() {
    let shop = Shop::open();
    let post = |text: String| ask("POST", "/orders").header("idempotency-key", "k").text(&text);
    let first = shop.send(post(order().to_string())).await;
    let again = shop.send(post(format!("{:#}", order()))).await;
    assert_eq!((again.status, again.json()), (202, first.json()));
    let split = json!([{"sku": "MUG-BLUE", "quantity": 1}, {"sku": "MUG-BLUE", "quantity": 1}]);
    let merged = shop.send(post(with(order(), "/lines", split).to_string())).await;
    assert_eq!((merged.status, merged.json()), (202, first.json()));
    assert_eq!(shop.store.orders.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let shop = Shop::open();
    let post = |body: &Value| ask("POST", "/orders").header("idempotency-key", "k").json(body);
    shop.send(post(&order())).await;
    let answer = shop.send(post(&with(order(), "/lines/0/quantity", json!(3)))).await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "idempotency-key-reused"));
}

#[tokio::test]
async fn a_bad_idempotency_key_is_a_fault_of_its_header() {
    let shop = Shop::open();
    for key in ["", &"k".repeat(256), "schlüssel"] {
        let answer = shop.send(ask("POST", "/orders").header("idempotency-key", key).json(&order())).await;
        assert_eq!(answer.places(), ["Idempotency-Key"], "{key}");
    }
    let twice = ask("POST", "/orders").header("idempotency-key", "a").header("idempotency-key", "b");
    assert_eq!(shop.send(twice.json(&order())).await.places(), ["Idempotency-Key"]);
    let longest = ask("POST", "/orders").header("idempotency-key", &"k".repeat(255));
    assert_eq!(shop.send(longest.json(&order())).await.status, 202);
}

#[tokio::test]
async fn every_fault_of_a_body_is_named_at_once() {
    let body = json!({
        "customer": {"id": "", "email": "nobody", "name": "A\u{0}da"},
        "lines": [{"sku": "MUG", "quantity": 0}, {"sku": "no good", "quantity": 1000}],
        "currency": "eur",
        "payment_method": "4242424242424242",
        "shipping_address": {"lines": [""], "city": "", "postal_code": "", "country": "Germany"},
        "expected_total": {"amount": -1, "currency": "EUR"},
        "metadata": {"a/b": "x".repeat(501), "~": "\n"},
    });
    let mut places = places(&body).await;
    places.sort();
    assert_eq!(
        places,
        [
            "/currency",
            "/customer/email",
            "/customer/id",
            "/customer/name",
            "/expected_total/amount",
            "/expected_total/currency",
            "/lines/0/quantity",
            "/lines/1/quantity",
            "/lines/1/sku",
            "/metadata/a~1b",
            "/metadata/~0",
            "/payment_method",
            "/shipping_address/city",
            "/shipping_address/country",
            "/shipping_address/lines/0",
            "/shipping_address/postal_code",
        ]
    );
}

#[tokio::test]
async fn what_does_not_fit_the_types_is_refused_with_its_pointer() {
    for (body, place, detail) in [
        (with(order(), "/lines/0/quantity", json!("two")), "/lines/0/quantity", "expected an integer, not \"two\""),
        (with(order(), "/lines/0/quantity", json!(1.5)), "/lines/0/quantity", "expected an integer, not 1.5"),
        (with(order(), "/lines/0/colour", json!("blue")), "/lines/0/colour", "there is no such field"),
        (with(order(), "/coupon", json!(1)), "/coupon", "there is no such field"),
        (with(order(), "/lines", json!({})), "/lines", "expected an array, not an object"),
        (with(order(), "/lines/0", json!({"sku": "A"})), "/lines/0/quantity", "this field is missing"),
        (with(order(), "/metadata", json!({"a": 1})), "/metadata/a", "expected a string, not 1"),
        (with(order(), "/customer", Value::Null), "/customer", "expected an object, not null"),
        (json!([]), "", "expected an object, not an array"),
        (json!("text"), "", "expected an object, not \"text\""),
    ] {
        let faults = faults(&body).await;
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].0, place);
        assert!(faults[0].1.starts_with(detail), "{faults:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_there_twice_is_refused() {
    let shop = Shop::open();
    let twice = order().to_string().replacen('{', r#"{"currency":"EUR","#, 1);
    let answer = shop.send(ask("POST", "/orders").text(&twice)).await;
    assert!(answer.faults()[0].1.starts_with("this field is here twice"), "{:?}", answer.faults());
    assert_eq!(answer.places(), ["/currency"]);
    let metadata = order().to_string().replacen('{', r#"{"metadata":{"a":"1","a":"2"},"#, 1);
    let answer = shop.send(ask("POST", "/orders").text(&metadata)).await;
    assert!(answer.faults()[0].1.starts_with("a key is here twice"), "{:?}", answer.faults());
    assert!(answer.places()[0].starts_with("/metadata"), "{:?}", answer.faults());
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let shop = Shop::open();
    let nested = "[".repeat(10_000);
    let trailing = format!("{} x", order());
    for text in ["", "{", "{\"customer\":", "nonsense", &nested, &trailing, "\u{feff}{}", "{\"a\": \"\\ud800\"}"] {
        let answer = shop.send(ask("POST", "/orders").text(text)).await;
        assert_eq!(answer.places().len(), 1, "{text}");
    }
    let not_utf8 = ask("POST", "/orders").header("content-type", "application/json").body(b"{\"\xff\":1}".to_vec());
    assert_eq!(shop.send(not_utf8).await.status, 400);
}

#[tokio::test]
async fn an_order_has_one_to_fifty_lines() {
    let lines = |n: usize| (0..n).map(|i| json!({"sku": format!("S{i}"), "quantity": 1})).collect::<Value>();
    assert_eq!(places(&with(order(), "/lines", json!([]))).await, ["/lines"]);
    assert_eq!(places(&with(order(), "/lines", lines(51))).await, ["/lines"]);
    let fifty = Shop::open().send(ask("POST", "/orders").json(&with(order(), "/lines", lines(50)))).await;
    assert_eq!(fifty.status, 202);
}

#[tokio::test]
async fn lines_of_one_sku_count_together() {
    let lines = json!([{"sku": "A", "quantity": 600}, {"sku": "B", "quantity": 999}, {"sku": "A", "quantity": 400}]);
    assert_eq!(
        faults(&with(order(), "/lines", lines)).await,
        ["/lines/0/quantity", "/lines/2/quantity"]
            .map(|place| (place.to_owned(), "the lines of this SKU come to 1000; 999 at most".to_owned()))
    );
    let shop = Shop::open();
    let lines = json!([{"sku": "A", "quantity": 600}, {"sku": "B", "quantity": 999}, {"sku": "A", "quantity": 399}]);
    assert_eq!(shop.send(ask("POST", "/orders").json(&with(order(), "/lines", lines))).await.status, 202);
    let stored = shop.store.orders.lock().unwrap().values().next().unwrap().placed.content.lines.clone();
    assert_eq!(stored.iter().map(|line| line.quantity).collect::<Vec<_>>(), [999, 999]);
}

#[tokio::test]
async fn an_expected_total_is_in_the_orders_currency() {
    let dollars = json!({"amount": 1, "currency": "USD"});
    assert_eq!(places(&with(order(), "/expected_total", dollars)).await, ["/expected_total/currency"]);
}

#[tokio::test]
async fn metadata_has_at_most_twenty_entries() {
    let entries = |n: usize| (0..n).map(|i| (format!("k{i}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    assert_eq!(places(&with(order(), "/metadata", entries(21).into())).await, ["/metadata"]);
    assert_eq!(places(&with(order(), "/metadata", json!({"": "v"}))).await, ["/metadata/"]);
    let twenty = with(order(), "/metadata", entries(20).into());
    assert_eq!(Shop::open().send(ask("POST", "/orders").json(&twenty)).await.status, 202);
}

#[tokio::test]
async fn a_body_may_have_64_kib_and_not_a_byte_more() {
    let shop = Shop::open();
    let padded = |bytes: usize| {
        let text = order().to_string();
        format!("{}{text}", " ".repeat(bytes - text.len()))
    };
    assert_eq!(shop.send(ask("POST", "/orders").text(&padded(65_536))).await.status, 202);
    let answer = shop.send(ask("POST", "/orders").text(&padded(65_537))).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
}

#[tokio::test]
async fn only_plain_json_is_read() {
    let shop = Shop::open();
    let post = |content_type: Option<&str>| {
        let ask = ask("POST", "/orders").body(order().to_string());
        content_type.into_iter().fold(ask, |ask, value| ask.header("content-type", value))
    };
    for wrong in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("json"), Some("text/json+json")]
    {
        assert_eq!(shop.send(post(wrong)).await.status, 415, "{wrong:?}");
    }
    for right in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.shop+json"] {
        assert_eq!(shop.send(post(Some(right))).await.status, 202, "{right}");
    }
    let zipped = shop.send(post(Some("application/json")).header("content-encoding", "gzip")).await;
    assert_eq!((zipped.status, zipped.header("accept-encoding")), (415, Some("identity")));
}

#[tokio::test]
async fn a_store_that_fails_is_told_with_the_key_that_makes_repeating_safe() {
    let shop = Shop::open();
    shop.store.unavailable.store(true, SeqCst);
    let answer = shop.send(ask("POST", "/orders").json(&order())).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("switched off"));
    let key = answer.header("idempotency-key").unwrap().to_owned();
    shop.store.unavailable.store(false, SeqCst);
    assert_eq!(shop.send(ask("POST", "/orders").header("idempotency-key", &key).json(&order())).await.status, 202);
}

#[tokio::test]
async fn a_panic_and_a_time_out_are_answered_and_carry_the_key_too() {
    let settings = producer::Settings { request_timeout: std::time::Duration::from_millis(20), ..Default::default() };
    let shop = Shop::with(settings);
    shop.store.panics.store(true, SeqCst);
    let panic = shop.send(ask("POST", "/orders").json(&order())).await;
    assert_eq!((panic.status, panic.problem().as_str()), (500, "internal-error"));
    assert!(panic.header("idempotency-key").is_some());
    shop.store.panics.store(false, SeqCst);
    shop.store.hangs.store(true, SeqCst);
    let late = shop.send(ask("POST", "/orders").json(&order())).await;
    assert_eq!((late.status, late.header("retry-after")), (503, Some("1")));
    assert!(late.header("idempotency-key").is_some());
}

#[tokio::test]
async fn the_order_belongs_to_the_trace_of_its_request() {
    let shop = Shop::open();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let header = format!("00-{trace}-00f067aa0ba902b7-01");
    shop.send(ask("POST", "/orders").header("traceparent", &header).json(&order())).await;
    let stored = shop.store.orders.lock().unwrap().values().next().unwrap().placed.trace_id.clone();
    assert_eq!(stored.as_str(), trace);
}
