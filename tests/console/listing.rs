//! Which executions are listed.

use serde_json::{Value, json};

use crate::drawings::{place, until};
use crate::open;
use crate::service::Service;

async fn names(service: &Service, query: &str) -> Vec<Value> {
    let listed: Value = service.get(&format!("/ops/executions?{query}")).send().await.unwrap().json().await.unwrap();
    listed["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect()
}

#[tokio::test]
async fn executions_are_found_by_state_error_and_time() {
    let (_data, service) = open().await;
    let good = place(&service, "good", "pm_card_visa").await;
    let declined = place(&service, "declined", "pm_card_chargeDeclined").await;
    for name in [&good, &declined] {
        until(&service, &format!("/ops/executions/{name}"), |found| found["status"] == "SUCCEEDED").await;
    }
    let before = jiff::Timestamp::now();
    let waits = place(&service, "waits", "pm_sim_timeout_4").await;
    until(&service, &format!("/ops/executions/{waits}"), |found| found["current_states"] == json!(["ChargePayment"]))
        .await;

    assert_eq!(names(&service, "state=ChargePayment").await, [json!(waits)]);
    assert_eq!(names(&service, "state=ReserveInventory").await, Vec::<Value>::new());
    assert_eq!(names(&service, "error=PaymentDeclined").await, [json!(declined)]);
    assert_eq!(names(&service, &format!("since={before}")).await, [json!(waits)]);
    assert_eq!(names(&service, &format!("before={before}&status=SUCCEEDED&limit=1")).await, [json!(declined)]);
    assert_eq!(service.get("/ops/executions?since=yesterday").send().await.unwrap().status().as_u16(), 400);

    // Page by page, none is left out and none comes twice.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = until(&service, &format!("/ops/executions?limit=1{cursor}"), |_| true).await;
        paged.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, [json!(waits), json!(declined), json!(good)]);

    let stop = service.client.post(format!("{}/ops/executions/{waits}/stop", service.url));
    let stopped = stop.json(&json!({ "cause": "a test", "compensate": true })).send().await.unwrap();
    assert!(stopped.status().is_success(), "{}", stopped.text().await.unwrap());
    let aborted = until(&service, "/ops/executions?status=ABORTED", |_| true).await;
    assert_eq!((&aborted["items"][0]["name"], &aborted["items"][0]["error"]), (&json!(waits), &json!("StoppedByOps")));
    service.stop();
}
