//! Cursors belong to the listing, the filter and the reader they were given for, and tell nothing. (`tests/ops/cursors.rs` asks
//! every listing of the real binary.)

#![allow(clippy::unwrap_used)] // a test

mod shop;

use serde_json::{Value, json};
use shop::{OPS, OTHER, SHOP, Shop, ask, keys};

async fn with_orders(orders: usize) -> Shop {
    let shop = Shop::with(producer::Settings { access: keys(), ..producer::Settings::default() });
    for number in 0..orders {
        let body = json!({
            "customer": { "id": "c-42", "email": "ada@example.com" },
            "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }], "currency": "EUR", "payment_method": "pm_card_visa",
        });
        for secret in [SHOP, OTHER] {
            let key = format!("{secret}-{number}");
            let post = ask("POST", "/orders").bearer(secret).header("Idempotency-Key", &key).json(&body);
            assert_eq!(shop.send(post).await.status, 202);
        }
    }
    shop
}

async fn get(shop: &Shop, secret: &str, query: &str) -> shop::Answer {
    shop.send(ask("GET", &format!("/orders?{query}")).bearer(secret)).await
}

async fn cursor(shop: &Shop, secret: &str, query: &str) -> String {
    get(shop, secret, query).await.json()["next_cursor"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cursor_goes_on_with_its_own_filter_however_that_is_written() {
    let shop = with_orders(3).await;
    let given = cursor(&shop, SHOP, "limit=1&customer=c-42&status=accepted").await;
    for same in
        ["customer=c-42&status=accepted", "status=accepted&customer=c%2D42", "status=accepted&customer=c-42&limit=2"]
    {
        assert_eq!(get(&shop, SHOP, &format!("{same}&cursor={given}")).await.status, 200, "{same}");
    }
    for other in ["", "status=accepted", "customer=c-42&status=paid", "customer=c-43&status=accepted"] {
        let answer = get(&shop, SHOP, &format!("{other}&cursor={given}")).await;
        assert_eq!(answer.places(), ["cursor"], "{other}");
        assert!(answer.faults()[0].1.contains("leave `cursor` out to begin anew"), "it says what to do");
    }
}

#[tokio::test]
async fn a_cursor_is_its_readers_own() {
    let shop = with_orders(2).await;
    let given = cursor(&shop, SHOP, "limit=1").await;
    for other in [OTHER, OPS] {
        assert_eq!(get(&shop, other, &format!("cursor={given}")).await.places(), ["cursor"]);
    }
}

#[tokio::test]
async fn a_cursor_does_not_tell_how_many_orders_there_are() {
    let (few, many) = (with_orders(2).await, with_orders(120).await);
    let (of_few, of_many) = (cursor(&few, SHOP, "limit=1").await, cursor(&many, SHOP, "limit=1").await);
    assert_eq!(of_few.len(), of_many.len(), "not by its length");
    assert_ne!(of_few, cursor(&few, SHOP, "limit=1").await, "nor by being the same when nothing came in");
    let first: Value = get(&many, SHOP, "limit=100").await.json();
    let rest = get(&many, SHOP, &format!("cursor={}", first["next_cursor"].as_str().unwrap())).await.json();
    assert_eq!((rest["orders"].as_array().unwrap().len(), &rest["next_cursor"]), (20, &Value::Null));
}
