//! The drawings, and what the page patches into them.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::open;
use crate::service::Service;

pub async fn place(service: &Service, key: &str, method: &str) -> String {
    let order = json!({
        "customer": { "id": "c-42", "email": "ada@example.com", "name": "Ada" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }], "currency": "EUR", "payment_method": method,
    });
    let placed: Value = service.post(key, &order.to_string()).await.unwrap().json().await.unwrap();
    placed["order_id"].as_str().unwrap().to_owned()
}

/// Asks until the answer is as it should be.
pub async fn until(service: &Service, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = service.get(path).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        let found: Value = serde_json::from_str(&text).unwrap_or_default();
        if status == StatusCode::OK && is_so(&found) {
            return found;
        }
        assert!(Instant::now() < end, "{path}: {status} {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn node<'a>(found: &'a Value, detail: &str) -> Option<&'a Value> {
    found["faces"]["nodes"]
        .as_array()?
        .iter()
        .find(|node| node["title"].as_str().is_some_and(|title| title.starts_with(detail)))
}

#[tokio::test]
async fn an_executions_drawing_tells_what_became_of_each_state() {
    let (_data, service) = open().await;
    let declined = place(&service, "declined", "pm_card_chargeDeclined").await;
    let path = format!("/console/api/executions/{declined}/graph");
    let found = until(&service, &path, |found| found["execution"]["status"] == "SUCCEEDED").await;
    assert_eq!(found["execution"]["states"]["ChargePayment"]["status"], "caught");
    assert_eq!(found["execution"]["states"]["RefundPayment"]["status"], "succeeded");
    assert_eq!(found["execution"]["states"]["SendConfirmation"]["status"], "pending");
    assert_eq!(node(&found, "ChargePayment").unwrap()["data"]["status"], "caught");

    let drawn = service.get(&format!("{path}.svg?theme=dark")).send().await.unwrap();
    assert_eq!(drawn.headers()["content-type"], "image/svg+xml");
    let policy = drawn.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    let drawn = drawn.text().await.unwrap();
    let charge = drawn.split("<g ").find(|group| group.contains(r#"data-state="ChargePayment""#)).unwrap();
    assert!(charge.contains(r#"data-status="caught""#), "{charge}");

    let definition: Value = service
        .get(&format!("/console/api/executions/{declined}/definition"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(definition["StartAt"], "ReserveInventory");
    for path in
        ["/console/api/executions/ord_none/graph", "/console/api/executions/ord_00000000000000000000000000/graph"]
    {
        assert_eq!(service.get(path).send().await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(
        service.get("/console/api/graph.svg?theme=pink").send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    service.stop();
}

#[tokio::test]
async fn the_drawing_of_all_tells_where_they_are_how_fast_they_move_and_where_they_fail() {
    let (_data, service) = open().await;
    // The first look begins to watch.
    let before = until(&service, "/console/api/graph", |_| true).await;
    assert_eq!((&before["looked_at"], &before["is_sample"]), (&json!(0), &json!(false)));
    place(&service, "waits", "pm_sim_timeout_3").await;
    place(&service, "goes", "pm_card_visa").await;
    service.client.post(format!("{}/ops/queues/payments/messages", service.url)).body("poison").send().await.unwrap();
    let found = until(&service, "/console/api/graph", |found| {
        let note = |edge: &Value| edge["note"].as_str().is_some_and(|note| note.ends_with("/min"));
        let rated = found["faces"]["edges"].as_array().unwrap().iter().filter(|edge| note(edge)).count();
        found["looked_at"] == 1 && rated >= 4
    })
    .await;
    assert_eq!(node(&found, "ChargePayment").unwrap()["badge"]["text"], "1");
    assert!(found["rates_over_seconds"].as_u64().unwrap() >= 5);
    let drawn = service.get("/console/api/graph.svg?theme=external").send().await.unwrap().text().await.unwrap();
    assert!(drawn.contains(r#"data-view="traffic""#) && !drawn.contains("<style"), "{drawn}");
    service.stop();
}
