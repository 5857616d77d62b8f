//! Every kind of error as it goes over the wire, as golden files in `tests/snapshots`.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use std::fmt::Write;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use orders::Status;
use producer::Settings;
use producer::admission::{BacklogLimit, RateLimit};
use serde_json::json;
use shop::{Answer, OPS, SHOP, Shop, ask, keys, mug, order, with};

fn shown(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        // A key that the server made is another one each time.
        let value = if name == "idempotency-key" { "…" } else { value.to_str().unwrap() };
        writeln!(text, "{name}: {value}").unwrap();
    }
    write!(text, "\n{:#}", answer.json()).unwrap();
    text
}

macro_rules! golden {
    ($name:literal, $answer:expr) => {
        insta::assert_snapshot!($name, shown(&$answer));
    };
}

#[tokio::test]
async fn errors_read_as_they_always_did() {
    let shop = Shop::with(Settings { access: keys(), ..Settings::default() });
    let post = |body: &serde_json::Value| ask("POST", "/orders").bearer(SHOP).header("idempotency-key", "k").json(body);
    let id = shop.place(SHOP, "k").await;

    golden!("400_types", shop.send(post(&with(order(), "/lines/0/quantity", json!("two")))).await);
    let faulty = with(with(order(), "/lines/0/quantity", json!(0)), "/customer/email", json!("nobody"));
    golden!("400_rules", shop.send(post(&faulty)).await);
    golden!("400_unknown_field", shop.send(post(&with(order(), "/lines/0/colour", json!("blue")))).await);
    golden!("400_syntax", shop.send(ask("POST", "/orders").bearer(SHOP).text("{\"customer\" 1}")).await);
    golden!("400_query", shop.send(ask("GET", "/orders?limit=0&status=lost").bearer(SHOP)).await);
    golden!(
        "400_header",
        shop.send(ask("POST", "/orders").bearer(SHOP).header("idempotency-key", "").json(&order())).await
    );
    golden!("401", shop.send(ask("GET", "/orders")).await);
    golden!("403", shop.send(ask("POST", "/products").bearer(SHOP).json(&mug())).await);
    golden!("403_foreign", Shop::open().send(ask("GET", "/orders").header("host", "shop.example")).await);
    golden!("404_order", shop.send(ask("GET", &format!("/orders/ord_{}", "0".repeat(26))).bearer(SHOP)).await);
    golden!("404_id", shop.send(ask("GET", "/orders/7").bearer(SHOP)).await);
    golden!("404_path", shop.send(ask("GET", "/nowhere")).await);
    golden!("405", shop.send(ask("PATCH", "/orders")).await);
    let late = Settings { request_timeout: Duration::from_millis(50), ..Settings::default() };
    let half = ask("POST", "/orders").header("idempotency-key", "k").text("").body(shop::never());
    golden!("408", Shop::with(late).send(half).await);
    golden!("413", shop.send(post(&json!("x".repeat(70_000)))).await);
    golden!("415", shop.send(ask("POST", "/orders").bearer(SHOP).body("a=b")).await);
    golden!("422", shop.send(post(&with(order(), "/currency", json!("USD")))).await);

    shop.stock_mug().await;
    let put = |etag: Option<&str>| {
        let ask = ask("PUT", "/products/MUG-BLUE").bearer(OPS);
        etag.into_iter().fold(ask, |ask, etag| ask.header("if-match", etag)).json(&mug())
    };
    golden!("409_exists", shop.send(ask("POST", "/products").bearer(OPS).json(&mug())).await);
    golden!("412", shop.send(put(Some("\"v0\""))).await);
    golden!("428", shop.send(put(None)).await);
    let stock = ask("POST", "/products/MUG-BLUE/stock").bearer(OPS).json(&json!({"delta": -101}));
    golden!("409_stock", shop.send(stock).await);
    shop.store.change_product("MUG-BLUE", |mug| mug.reserved = 2);
    golden!("409_reserved", shop.send(ask("DELETE", "/products/MUG-BLUE").bearer(OPS)).await);
    shop.store.change(&id, |order| order.progress.status = Status::Confirmed);
    golden!("409_too_late", shop.send(ask("POST", &format!("/orders/{id}/cancel")).bearer(SHOP)).await);

    shop.store.unavailable.store(true, SeqCst);
    golden!("503_store", shop.send(post(&order())).await);
    shop.store.panics.store(true, SeqCst);
    golden!("500", shop.send(post(&order())).await);
}

#[tokio::test]
async fn refused_admissions_read_as_they_always_did() {
    let limit = RateLimit::per_second(NonZeroU32::MIN, NonZeroU32::MIN);
    let shop = Shop::with(Settings { admission: vec![Arc::new(limit)], ..Settings::default() });
    shop.send(ask("POST", "/orders").json(&order())).await;
    golden!("429", shop.send(ask("POST", "/orders").json(&order())).await);
    let limit = BacklogLimit::new(0, Duration::from_secs(5), || 1);
    let shop = Shop::with(Settings { admission: vec![Arc::new(limit)], ..Settings::default() });
    golden!("503_backlog", shop.send(ask("POST", "/orders").json(&order())).await);
}

#[tokio::test]
async fn a_detail_does_not_grow_with_what_was_sent() {
    let long = with(order(), "/lines/0/quantity", json!("x".repeat(60_000)));
    let answer = Shop::open().send(ask("POST", "/orders").json(&long)).await;
    assert!(answer.body.len() < 1000, "{}", answer.body.len());
}
