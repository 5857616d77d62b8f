//! The catalogue: creating, replacing under a condition, deleting, stock, and the cache for reads.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use std::sync::atomic::Ordering::SeqCst;

use producer::Settings;
use serde_json::{Value, json};
use shop::{Answer, OPS, SHOP, Shop, ask, keys, mug, with};

const MUG: &str = "/products/MUG-BLUE";

fn locked() -> Shop {
    Shop::with(Settings { access: keys(), ..Settings::default() })
}

/// A request that ops make.
async fn ops(shop: &Shop, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
    let ask = headers.iter().fold(ask(method, path).bearer(OPS), |ask, (name, value)| ask.header(name, value));
    shop.send(match body {
        Some(body) => ask.json(&body),
        None => ask,
    })
    .await
}

async fn read(shop: &Shop) -> Answer {
    shop.send(ask("GET", MUG).bearer(SHOP)).await
}

#[tokio::test]
async fn a_product_is_created_by_post_once() {
    let shop = locked();
    let created = ops(&shop, "POST", "/products", &[], Some(mug())).await;
    assert_eq!((created.status, created.header("location")), (201, Some(MUG)));
    assert_eq!(created.json(), with(mug(), "/description", Value::Null));
    assert_eq!(created.header("etag"), Some("\"v1\""));
    let again = ops(&shop, "POST", "/products", &[], Some(mug())).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "already-exists"));
}

#[tokio::test]
async fn a_product_is_created_by_put_if_it_is_absent() {
    let shop = locked();
    let tea = with(mug(), "/sku", json!("TEA"));
    let created = ops(&shop, "PUT", MUG, &[], Some(mug())).await;
    assert_eq!((created.status, created.header("location"), created.header("etag")), (201, Some(MUG), Some("\"v1\"")));
    assert_eq!(ops(&shop, "PUT", "/products/TEA", &[("if-match", "*")], Some(tea)).await.status, 412);
    let only_new = ops(&shop, "PUT", MUG, &[("if-none-match", "*")], Some(mug())).await;
    assert_eq!((only_new.status, only_new.problem().as_str()), (412, "precondition-failed"));
}

#[tokio::test]
async fn a_product_is_replaced_only_by_who_has_seen_it_as_it_is() {
    let shop = locked();
    let etag = shop.stock_mug().await;
    let dearer = with(mug(), "/price/amount", json!(1499));
    let put = async |headers: &[(&str, &str)]| ops(&shop, "PUT", MUG, headers, Some(dearer.clone())).await;

    let blind = put(&[]).await;
    assert_eq!((blind.status, blind.problem().as_str()), (428, "precondition-required"));
    assert_eq!(put(&[("if-match", "*")]).await.status, 428);
    assert_eq!(put(&[("if-match", "\"v0\"")]).await.status, 412);
    assert_eq!(put(&[("if-match", &format!("W/{etag}"))]).await.status, 412);
    assert_eq!(put(&[("if-match", &etag), ("if-none-match", &etag)]).await.status, 412);
    assert_eq!(put(&[("if-match", "v1")]).await.places(), ["If-Match"]);
    assert_eq!(put(&[("if-none-match", "v1")]).await.places(), ["If-None-Match"]);

    let replaced = put(&[("if-match", &format!("\"other\", {etag}"))]).await;
    assert_eq!((replaced.status, replaced.json()["price"]["amount"].as_u64()), (200, Some(1499)));
    assert_ne!(replaced.header("etag"), Some(etag.as_str()));
    assert_eq!(put(&[("if-match", &etag)]).await.status, 412);
}

#[tokio::test]
async fn an_absent_product_is_no_product_with_that_tag() {
    let answer = ops(&locked(), "PUT", MUG, &[("if-match", "\"v1\"")], Some(mug())).await;
    assert_eq!(answer.status, 412);
}

#[tokio::test]
async fn a_sale_between_reading_and_replacing_is_not_overwritten() {
    let shop = locked();
    let etag = shop.stock_mug().await;
    shop.store.change_product("MUG-BLUE", |mug| mug.stock -= 1);
    assert_eq!(ops(&shop, "PUT", MUG, &[("if-match", &etag)], Some(mug())).await.status, 412);
}

#[tokio::test]
async fn the_sku_of_path_and_body_must_be_equal() {
    let other = with(mug(), "/sku", json!("MUG-RED"));
    assert_eq!(ops(&locked(), "PUT", MUG, &[], Some(other)).await.places(), ["/sku"]);
    assert_eq!(ops(&locked(), "PUT", "/products/a%20b", &[], Some(mug())).await.status, 404);
}

#[tokio::test]
async fn every_fault_of_a_product_is_named() {
    let body = json!({
        "sku": "a b", "name": "", "description": "x".repeat(2001), "price": {"amount": 100_000_000, "currency": "XYZ"},
        "stock": 1_000_000_001,
    });
    let answer = ops(&locked(), "POST", "/products", &[], Some(body)).await;
    assert_eq!(answer.places(), ["/description", "/name", "/price/amount", "/price/currency", "/sku", "/stock"]);
    let unknown = with(mug(), "/reserved", json!(1));
    assert_eq!(ops(&locked(), "POST", "/products", &[], Some(unknown)).await.places(), ["/reserved"]);
}

#[tokio::test]
async fn a_product_is_deleted_unless_it_changed_or_is_held() {
    let shop = locked();
    let etag = shop.stock_mug().await;
    let delete = async |headers: &[(&str, &str)]| ops(&shop, "DELETE", MUG, headers, None).await;
    assert_eq!(delete(&[("if-match", "\"v9\"")]).await.status, 412);
    assert_eq!(delete(&[("if-match", "nonsense")]).await.places(), ["If-Match"]);
    shop.store.change_product("MUG-BLUE", |mug| mug.reserved = 3);
    assert_eq!(delete(&[("if-match", &etag)]).await.status, 412);
    let held = delete(&[]).await;
    assert_eq!((held.status, held.problem().as_str()), (409, "reserved"));
    assert_eq!(held.json()["detail"], "Open orders hold 3 of it.");
    shop.store.change_product("MUG-BLUE", |mug| mug.reserved = 0);
    let etag = ops(&shop, "POST", &format!("{MUG}/stock"), &[], Some(json!({"delta": 0}))).await;
    assert_eq!(delete(&[("if-match", etag.header("etag").unwrap())]).await.status, 204);
    assert_eq!(delete(&[]).await.status, 404);
    assert_eq!(delete(&[("if-match", "\"v1\"")]).await.status, 404);
}

#[tokio::test]
async fn stock_changes_by_a_delta_within_its_range() {
    let shop = locked();
    shop.stock_mug().await;
    let change =
        async |delta: i64| ops(&shop, "POST", &format!("{MUG}/stock"), &[], Some(json!({ "delta": delta }))).await;
    let sold = change(-3).await;
    assert_eq!((sold.status, sold.json()["stock"].as_u64(), sold.header("etag")), (200, Some(97), Some("\"v2\"")));
    for delta in [-98, 1_000_000_000] {
        let refused = change(delta).await;
        assert_eq!((refused.status, refused.problem().as_str()), (409, "stock-out-of-range"));
        assert_eq!(refused.json()["detail"], "There are 97 now; a stock is 0 to 1000000000.");
    }
    assert_eq!(change(1_000_000_001).await.places(), ["/delta"]);
    let absent = ops(&shop, "POST", "/products/NONE/stock", &[], Some(json!({"delta": 1}))).await;
    assert_eq!(absent.status, 404);
}

#[tokio::test]
async fn who_has_the_product_already_is_told_so() {
    let shop = locked();
    let etag = shop.stock_mug().await;
    let full = read(&shop).await;
    assert_eq!(
        (full.status, full.header("etag"), full.header("cache-control")),
        (200, Some(&*etag), Some("private, max-age=1"))
    );
    for known in [etag.clone(), format!("W/{etag}"), "*".into(), format!("\"x\", {etag}")] {
        let answer = shop.send(ask("GET", MUG).bearer(SHOP).header("if-none-match", &known)).await;
        assert_eq!((answer.status, answer.header("etag"), answer.body.len()), (304, Some(&*etag), 0), "{known}");
    }
    for other in ["\"v9\"", "nonsense"] {
        assert_eq!(shop.send(ask("GET", MUG).bearer(SHOP).header("if-none-match", other)).await.status, 200);
    }
    assert_eq!(shop.send(ask("GET", "/products/NONE").bearer(SHOP)).await.status, 404);
    assert_eq!(shop.send(ask("GET", "/products/a%2Fb").bearer(SHOP)).await.status, 404);
}

#[tokio::test]
async fn reads_are_cached_for_a_second_and_this_processs_writes_are_seen_at_once() {
    let shop = locked();
    shop.stock_mug().await;
    let reads = shop.store.reads.load(SeqCst);
    let stock = async || read(&shop).await.json()["stock"].as_u64().unwrap();
    assert_eq!((stock().await, stock().await), (100, 100));
    assert_eq!(shop.store.reads.load(SeqCst), reads);

    ops(&shop, "POST", &format!("{MUG}/stock"), &[], Some(json!({"delta": -1}))).await;
    assert_eq!(stock().await, 99);

    shop.store.change_product("MUG-BLUE", |mug| mug.stock = 5);
    assert_eq!(stock().await, 99);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(stock().await, 5);

    assert_eq!(ops(&shop, "DELETE", MUG, &[], None).await.status, 204);
    assert_eq!(read(&shop).await.status, 404);
}

#[tokio::test]
async fn decisions_are_never_made_on_what_is_cached() {
    let shop = locked();
    let etag = shop.stock_mug().await;
    read(&shop).await;
    shop.store.change_product("MUG-BLUE", |mug| mug.stock = 5);
    assert_eq!(ops(&shop, "PUT", MUG, &[("if-match", &etag)], Some(mug())).await.status, 412);
    assert_eq!(ops(&shop, "DELETE", MUG, &[("if-match", &etag)], None).await.status, 412);
}

#[tokio::test]
async fn products_are_listed_by_sku_page_by_page() {
    let shop = locked();
    for sku in ["B", "A", "C"] {
        ops(&shop, "POST", "/products", &[], Some(with(mug(), "/sku", json!(sku)))).await;
    }
    let list = async |query: &str| shop.send(ask("GET", &format!("/products{query}")).bearer(SHOP)).await;
    let skus = |answer: &Answer| {
        answer.json()["products"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["sku"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = list("?limit=2").await;
    assert_eq!(skus(&first), ["A", "B"]);
    let second = list(&format!("?limit=2&cursor={}", first.json()["next_cursor"].as_str().unwrap())).await;
    assert_eq!((skus(&second), &second.json()["next_cursor"]), (vec!["C".to_owned()], &Value::Null));
    assert_eq!(list("?cursor=x").await.places(), ["cursor"]);
    assert_eq!(list("?sort=name").await.places(), ["sort"]);
}
