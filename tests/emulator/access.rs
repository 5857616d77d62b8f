//! Who gets in through API Gateway.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Stack, products};

#[tokio::test]
async fn a_token_opens_what_its_scope_allows() {
    let stack = Stack::with_products().await;
    let status = async |method: Method, path: &str, scope: Option<&str>| {
        let request = stack.request(method, path, scope).json(&products()[0]);
        request.send().await.unwrap().status().as_u16()
    };
    let (shop, ops) = (Some("storefront"), Some("ops"));
    assert_eq!(status(Method::GET, "/health", None).await, 200);
    assert_eq!(status(Method::GET, "/products", None).await, 401);
    assert_eq!(status(Method::GET, "/products", shop).await, 200);
    assert_eq!(status(Method::PUT, "/products/MUG-BLUE", shop).await, 403);
    assert_eq!(status(Method::PUT, "/products/MUG-BLUE", ops).await, 428, "it exists, so it needs If-Match");

    let unsigned = stack.request(Method::GET, "/products", None).bearer_auth("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.");
    assert_eq!(unsigned.send().await.unwrap().status().as_u16(), 401);
}

#[tokio::test]
async fn a_storefront_sees_its_own_orders_and_ops_see_all() {
    let stack = Stack::with_products().await;
    let body = json!({
        "customer": { "id": "c-42", "email": "ada@example.com" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }],
        "currency": "EUR", "payment_method": "pm_card_visa",
    });
    let id = stack.place("mine", body.to_string()).await;
    let post = stack.request(Method::POST, "/orders", Some("ops")).header("Idempotency-Key", "mine").json(&body);
    let theirs: Value = post.send().await.unwrap().json().await.unwrap();
    assert_ne!(theirs["order_id"], json!(id), "a key belongs to its storefront");
    let ids = async |scope: &str| {
        let list: Value =
            stack.request(Method::GET, "/orders", Some(scope)).send().await.unwrap().json().await.unwrap();
        let orders = list["orders"].as_array().unwrap_or_else(|| panic!("{list}")).iter();
        orders.map(|order| order["order_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("storefront").await, [id]);
    assert_eq!(ids("ops").await.len(), 2);
}
