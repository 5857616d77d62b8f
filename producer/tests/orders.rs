//! Reading, listing and cancelling orders.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use std::sync::atomic::Ordering::SeqCst;

use orders::mail::{MailKind, MailRecord, MailResult};
use orders::{Currency, Done, Money, Outcome, Reason, RejectReason, Status, Step, StepRecord};
use producer::Settings;
use serde_json::{Value, json};
use shop::{OPS, OTHER, SHOP, Shop, ask, keys, order, with};

fn locked() -> Shop {
    Shop::with(Settings { access: keys(), ..Settings::default() })
}

async fn read(shop: &Shop, id: &str) -> Value {
    let answer = shop.send(ask("GET", &format!("/orders/{id}")).bearer(SHOP)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

#[tokio::test]
async fn an_order_reads_back_as_it_was_posted() {
    let shop = locked();
    let posted = json!({
        "customer": {"id": "c-42", "email": "ada@example.com", "name": null},
        "lines": [{"sku": "MUG-BLUE", "quantity": 2}],
        "currency": "EUR",
        "payment_method": "pm_card_visa",
        "shipping_address": {"lines": ["Main St 1"], "city": "Bonn", "postal_code": "53111", "country": "DE"},
        "expected_total": {"amount": 2598, "currency": "EUR"},
        "metadata": {"channel": "web"},
    });
    let answer = shop.send(ask("POST", "/orders").bearer(SHOP).json(&posted)).await;
    let order = read(&shop, answer.json()["order_id"].as_str().unwrap()).await;
    for key in ["customer", "currency", "payment_method", "shipping_address", "expected_total", "metadata"] {
        assert_eq!(order[key], posted[key], "{key}");
    }
    assert_eq!(order["lines"], json!([{"sku": "MUG-BLUE", "quantity": 2, "unit_price": null, "amount": null}]));
    assert_eq!(order["status"], "accepted");
    assert_eq!(order["storefront"], "shop");
    for key in ["reason", "total", "cancel_requested_at", "mail"] {
        assert_eq!(order.get(key), Some(&Value::Null), "{key}");
    }
    assert_eq!(order["timeline"], json!([]));
    assert_eq!(order["placed_at"], "2026-05-05T12:00:00Z");
}

#[tokio::test]
async fn an_order_tells_how_far_it_got() {
    let shop = locked();
    let id = shop.place(SHOP, "k").await;
    let at = "2026-05-05T12:00:01Z".parse().unwrap();
    shop.store.change(&id, |order| {
        let progress = &mut order.progress;
        progress.status = Status::Rejected;
        progress.reason = Some(Reason::Business(RejectReason::PaymentDeclined));
        progress.total = Some(Money::new(2598, Currency::EUR));
        progress.unit_prices = vec![1299];
        progress.cancel_requested_at = Some(at);
        let outcome = Outcome::Done(Done::Reserved);
        progress.steps.push(StepRecord { step: Step::ReserveInventory, at, outcome, attempts: 3 });
        let result = Some(MailResult::Refused);
        progress.mail = Some(MailRecord { kind: MailKind::Rejection, attempts: 2, last_attempt_at: at, result });
    });
    let order = read(&shop, &id).await;
    assert_eq!(order["reason"], "PaymentDeclined");
    assert_eq!(order["total"], json!({"amount": 2598, "currency": "EUR"}));
    assert_eq!(order["lines"][0]["unit_price"], json!({"amount": 1299, "currency": "EUR"}));
    assert_eq!(order["lines"][0]["amount"], json!({"amount": 2598, "currency": "EUR"}));
    assert_eq!(order["cancel_requested_at"], "2026-05-05T12:00:01Z");
    assert_eq!(
        order["timeline"],
        json!([{"step": "ReserveInventory", "at": "2026-05-05T12:00:01Z", "outcome": "Reserved", "attempts": 3}])
    );
    assert_eq!(
        order["mail"],
        json!({"kind": "rejection", "attempts": 2, "last_attempt_at": "2026-05-05T12:00:01Z", "result": "refused"})
    );
}

#[tokio::test]
async fn another_storefronts_order_does_not_exist_except_for_ops() {
    let shop = locked();
    let id = shop.place(SHOP, "k").await;
    for (method, path) in [("GET", format!("/orders/{id}")), ("POST", format!("/orders/{id}/cancel"))] {
        let theirs = shop.send(ask(method, &path).bearer(OTHER)).await;
        let absent = shop.send(ask(method, &path.replace(&id, &format!("ord_{}", "0".repeat(26)))).bearer(OTHER)).await;
        assert_eq!((theirs.status, theirs.json()), (404, absent.json()), "{method}");
        assert!(shop.send(ask(method, &path).bearer(OPS)).await.status < 300);
    }
    assert_ne!(id, shop.place(OTHER, "k").await);
}

#[tokio::test]
async fn an_id_of_another_shape_names_nothing() {
    let shop = Shop::open();
    for id in ["x", "ord_", "ord_%FF", "%2e%2e", "ord_0000000000000000000000000u"] {
        assert_eq!(shop.send(ask("GET", &format!("/orders/{id}"))).await.status, 404, "{id}");
        assert_eq!(shop.send(ask("POST", &format!("/orders/{id}/cancel"))).await.status, 404, "{id}");
    }
}

#[tokio::test]
async fn a_storefront_lists_its_own_orders_and_ops_all() {
    let shop = locked();
    let ours = shop.place(SHOP, "k").await;
    shop.place(OTHER, "k").await;
    let list = async |secret: &str, query: &str| {
        let answer = shop.send(ask("GET", &format!("/orders{query}")).bearer(secret)).await;
        assert_eq!(answer.status, 200);
        answer.json()
    };
    let own = list(SHOP, "").await;
    assert_eq!(own["orders"].as_array().unwrap().len(), 1);
    assert_eq!(own["orders"][0]["order_id"], *ours);
    assert_eq!(own["next_cursor"], Value::Null);
    assert_eq!(list(OPS, "").await["orders"].as_array().unwrap().len(), 2);
    assert_eq!(list(OPS, "?status=confirmed").await["orders"], json!([]));
    assert_eq!(list(OPS, "?status=accepted&customer=c-42").await["orders"].as_array().unwrap().len(), 2);
    let first = list(OPS, "?limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = list(OPS, &format!("?limit=1&cursor={cursor}")).await;
    assert_ne!(first["orders"], second["orders"]);
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_page_has_twenty_items_unless_told_otherwise() {
    let shop = Shop::open();
    for i in 0..21 {
        shop.place(SHOP, &i.to_string()).await;
    }
    let count = async |query: &str| {
        shop.send(ask("GET", &format!("/orders{query}"))).await.json()["orders"].as_array().unwrap().len()
    };
    assert_eq!((count("").await, count("?limit=100").await), (20, 21));
}

#[tokio::test]
async fn every_bad_query_parameter_is_named() {
    let shop = Shop::open();
    for (query, faulty) in [
        ("limit=0", vec!["limit"]),
        ("limit=101", vec!["limit"]),
        ("limit=", vec!["limit"]),
        ("limit=ten&status=lost&customer=a%20b", vec!["status", "customer", "limit"]),
        ("cursor=elsewhere", vec!["cursor"]),
        ("cursor=", vec!["cursor"]),
        ("stauts=paid", vec!["stauts"]),
        ("limit=1&limit=2", vec!["limit"]),
        ("status=%FF", vec!["status"]),
    ] {
        assert_eq!(shop.send(ask("GET", &format!("/orders?{query}"))).await.places(), faulty, "{query}");
    }
}

#[tokio::test]
async fn a_cancel_is_noted_once() {
    let shop = locked();
    let id = shop.place(SHOP, "k").await;
    let path = format!("/orders/{id}/cancel");
    for _ in 0..2 {
        let answer = shop.send(ask("POST", &path).bearer(SHOP)).await;
        assert_eq!(answer.status, 202);
        assert_eq!(answer.json(), json!({"order_id": id, "status": "accepted", "cancel_requested": true}));
    }
    assert_eq!(read(&shop, &id).await["cancel_requested_at"], "2026-05-05T12:00:00Z");
    shop.store.change(&id, |order| assert_eq!(order.version, 2));
}

#[tokio::test]
async fn a_final_order_is_not_cancelled_and_says_why() {
    let shop = locked();
    let id = shop.place(SHOP, "k").await;
    let path = format!("/orders/{id}/cancel");
    shop.store.change(&id, |order| order.progress.status = Status::Confirmed);
    let answer = shop.send(ask("POST", &path).bearer(SHOP)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (409, "too-late-to-cancel"));
    assert_eq!(answer.json()["detail"], "the order is confirmed");
    shop.store.change(&id, |order| {
        order.progress.status = Status::Rejected;
        order.progress.reason = Some(Reason::Business(RejectReason::OutOfStock));
    });
    let answer = shop.send(ask("POST", &path).bearer(SHOP)).await;
    assert_eq!(answer.json()["detail"], "the order is already rejected: OutOfStock");
}

#[tokio::test]
async fn a_cancel_that_loses_a_race_reads_again_and_gives_up_in_the_end() {
    let shop = locked();
    let id = shop.place(SHOP, "k").await;
    let path = format!("/orders/{id}/cancel");
    shop.store.conflicts.store(usize::MAX, SeqCst);
    let answer = shop.send(ask("POST", &path).bearer(SHOP)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    shop.store.conflicts.store(2, SeqCst);
    assert_eq!(shop.send(ask("POST", &path).bearer(SHOP)).await.status, 202);
}

#[tokio::test]
async fn an_order_without_optional_fields_reads_back() {
    let shop = Shop::open();
    let bare = with(order(), "/customer", json!({"id": "c", "email": "a@b"}));
    let answer = shop.send(ask("POST", "/orders").json(&bare)).await;
    let id = answer.json()["order_id"].as_str().unwrap().to_owned();
    let order = shop.send(ask("GET", &format!("/orders/{id}"))).await.json();
    assert_eq!(order["customer"], json!({"id": "c", "email": "a@b", "name": null}));
    assert_eq!((&order["metadata"], &order["shipping_address"]), (&json!({}), &Value::Null));
}
