//! Orders over HTTP, through the whole pipeline.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::service::{Service, free_port};

async fn service() -> (TempDir, Service) {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), free_port()).await;
    (data, service)
}

fn order(method: &str) -> String {
    json!({
        "customer": { "id": "c-42", "email": "ada@example.com", "name": "Ada" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 2 }],
        "currency": "EUR", "payment_method": method,
    })
    .to_string()
}

pub async fn post(service: &Service, key: &str, method: &str) -> String {
    let response = service.post(key, &order(method)).await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["status"], "accepted");
    let id = answer["order_id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/orders/{id}"));
    id
}

async fn json(service: &Service, path: &str) -> Value {
    service.get(path).send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

pub async fn wait_for(service: &Service, id: &str, what: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let order = json(service, &format!("/orders/{id}")).await;
        if what(&order) {
            return order;
        }
        assert!(Instant::now() < end, "{order:#}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn has_step(order: &Value, step: &str) -> bool {
    order["timeline"].as_array().unwrap().iter().any(|record| record["step"] == step)
}

#[tokio::test]
async fn a_good_order_is_confirmed_and_mailed() {
    let (_data, service) = service().await;
    let id = post(&service, "k", "pm_card_visa").await;
    let order = wait_for(&service, &id, |order| has_step(order, "SendConfirmation")).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("confirmed"), &Value::Null));
    assert_eq!(order["total"], json!({ "amount": 2598, "currency": "EUR" }));
    let steps: Vec<_> =
        order["timeline"].as_array().unwrap().iter().map(|record| record["outcome"].as_str().unwrap()).collect();
    assert_eq!(steps, ["Reserved", "Charged", "MailSent"]);

    let mails = json(&service, "/mailbox").await;
    assert_eq!(mails["mails"][0]["order_id"], id.as_str());
    let html = service.get(mails["mails"][0]["html"].as_str().unwrap()).send().await.unwrap();
    let policy = html.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'self'"), "{policy}");
    assert_eq!(html.headers()["x-content-type-options"], "nosniff");
    assert_eq!(html.headers()["referrer-policy"], "no-referrer");
    let html = html.text().await.unwrap();
    assert!(html.contains("Blue mug") && html.contains("25.98 EUR") && html.contains(&id), "{html}");
    assert_eq!(json(&service, "/products/MUG-BLUE").await["stock"], 9998);
    service.stop();
}

#[tokio::test]
async fn what_could_not_be_charged_mailed_reached_or_shown_is_refused_before_it_is_an_order() {
    let (_data, service) = service().await;
    for (place, value) in [
        ("/customer/email", "a..b@x"),
        ("/customer/name", "Ada\u{202e}adA"),
        ("/lines/0/sku", "."),
        ("/lines/0/sku", ".."),
        ("/currency", "XXX"),
        ("/currency", "XAU"),
        ("/currency", "BGN"),
    ] {
        let mut order: Value = serde_json::from_str(&order("pm_card_visa")).unwrap();
        *order.pointer_mut(place).unwrap() = value.into();
        let answer = service.post(value.escape_unicode().to_string().as_str(), &order.to_string()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{value}");
        assert_eq!(answer.json::<Value>().await.unwrap()["errors"][0]["pointer"], place, "{value}");
    }
    assert_eq!(json(&service, "/orders").await["orders"], json!([]));
    // The browsers' table says that it has none.
    let told = json(&service, "/currencies").await;
    let forint = told["currencies"].as_array().unwrap().iter().find(|it| it["code"] == "HUF");
    assert_eq!(forint.unwrap(), &json!({ "code": "HUF", "decimals": 2, "accepted": true }));
    service.stop();
}

#[tokio::test]
async fn an_order_is_cancelled_before_its_charge_and_not_after_its_confirmation() {
    let (_data, service) = service().await;
    let cancel = async |id: &str| {
        let request = service.client.post(format!("{}/orders/{id}/cancel", service.url));
        request.send().await.unwrap()
    };
    // The gateway does not answer, so the charge hangs between its tries.
    let id = post(&service, "hangs", "pm_sim_timeout_3").await;
    wait_for(&service, &id, |order| order["status"] == "reserved").await;
    assert_eq!(cancel(&id).await.status(), StatusCode::ACCEPTED);
    let order = wait_for(&service, &id, |order| has_step(order, "NotifyRejected")).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("rejected"), &json!("Cancelled")));
    assert!(has_step(&order, "ReleaseInventory"));

    let id = post(&service, "good", "pm_card_visa").await;
    wait_for(&service, &id, |order| order["status"] == "confirmed").await;
    let refused = cancel(&id).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert!(refused.text().await.unwrap().contains("confirmed"));
    service.stop();
}

#[tokio::test]
async fn keys_open_what_their_scope_allows() {
    let data = tempfile::tempdir().unwrap();
    let keys = "shop:storefront:0123456789abcdef,night:ops:fedcba9876543210";
    let service = Service::start_with(data.path(), free_port(), &[("ORDERFLOW_API_KEYS", keys)]).await;
    let status = async |path: &str, key: Option<&str>| {
        let request = service.get(path);
        let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
        request.send().await.unwrap().status().as_u16()
    };
    let (shop, ops) = (Some("0123456789abcdef"), Some("fedcba9876543210"));
    assert_eq!(status("/orders", None).await, 401);
    assert_eq!(status("/orders", Some("wrong")).await, 401);
    assert_eq!(status("/orders", shop).await, 200);
    for path in ["/mailbox", "/metrics"] {
        assert_eq!(
            (status(path, None).await, status(path, shop).await, status(path, ops).await),
            (401, 403, 200),
            "{path}"
        );
    }
    assert_eq!(status("/health", None).await, 200);
    service.stop();
}

#[tokio::test]
async fn no_personal_data_is_logged() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start_with(data.path(), free_port(), &[]).await;
    for method in ["pm_card_visa", "pm_card_chargeDeclined", "pm_sim_timeout_1"] {
        let id = post(&service, method, method).await;
        wait_for(&service, &id, |order| has_step(order, "SendConfirmation") || has_step(order, "NotifyRejected")).await;
    }
    service.stop();
    let log = crate::service::log(data.path());
    assert!(!log.contains("ada@") && !log.contains("Ada"), "{log}");
    assert!(log.contains("GatewayUnavailable"), "the retry is told: {log}");
}

#[tokio::test]
async fn the_mailbox_keeps_the_apis_rules() {
    let (_data, service) = service().await;
    let id = post(&service, "k", "pm_card_visa").await;
    wait_for(&service, &id, |order| has_step(order, "SendConfirmation")).await;
    let list = service.get("/mailbox?limit=1").send().await.unwrap();
    assert_eq!(list.headers()["cache-control"], "no-store");
    let list = list.json::<Value>().await.unwrap();
    assert_eq!((&list["captures"], &list["next_cursor"]), (&true.into(), &Value::Null));
    let allowed = service.client.post(format!("{}/mailbox", service.url)).send().await.unwrap();
    assert_eq!(
        (allowed.status().as_u16(), allowed.headers()["content-type"].as_bytes()),
        (405, &b"application/problem+json"[..])
    );
    for (path, status) in [
        ("/mailbox?foo=1", 400),
        ("/mailbox?limit=0", 400),
        ("/mailbox?cursor=x", 400),
        ("/mailbox/x", 404),
        ("/mailbox/9/text", 404),
    ] {
        let answer = service.get(path).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
    service.stop();
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_holds_nobody_up() {
    use std::io::{Read, Write};
    let (_data, service) = service().await;
    let address = service.url.trim_start_matches("http://");
    let mut client = std::net::TcpStream::connect(address).unwrap();
    client.write_all(b"POST /orders HTT").unwrap();
    let begun = Instant::now();
    // It has ten seconds, as a request in hand has; but nothing of it is in hand.
    tokio::task::spawn_blocking(move || service.stop()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0, "it is closed");
}

#[tokio::test]
async fn a_page_from_elsewhere_is_refused_while_there_are_no_keys() {
    let (_data, service) = service().await;
    let status =
        async |name: &str, value: &str| service.get("/products").header(name, value).send().await.unwrap().status();
    for (name, value) in [("host", "shop.example"), ("origin", "https://shop.example"), ("origin", "null")] {
        assert_eq!(status(name, value).await, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    let own = service.url.as_str();
    for (name, value) in [("host", "localhost:1234"), ("host", "[::1]"), ("origin", own)] {
        assert_eq!(status(name, value).await, StatusCode::OK, "{name}: {value}");
    }
    service.stop();
}

#[tokio::test]
async fn who_posts_too_fast_is_told_when_to_come_again() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start_with(data.path(), free_port(), &[("ORDERFLOW_RATE_LIMIT", "1")]).await;
    let mut keys = (0..100).map(|key| key.to_string());
    let mut place = async || service.post(&keys.next().expect("too many"), &order("pm_card_visa")).await.unwrap();
    let refused = loop {
        let answer = place().await;
        if answer.status() != StatusCode::ACCEPTED {
            break answer;
        }
    };
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(place().await.status(), StatusCode::ACCEPTED);
    service.stop();
}

#[tokio::test]
async fn while_too_many_orders_wait_no_more_are_accepted() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start_with(data.path(), free_port(), &[("ORDERFLOW_BACKLOG_LIMIT", "1")]).await;
    // The gateway does not answer its first two calls, so the charge waits for three seconds or more.
    let id = post(&service, "waits", "pm_sim_timeout_2").await;
    let refused = service.post("refused", &order("pm_card_visa")).await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert!(refused.text().await.unwrap().contains("backlog"));
    let repeat = service.post("waits", &order("pm_sim_timeout_2")).await.unwrap();
    assert_eq!(repeat.status(), StatusCode::ACCEPTED, "it was accepted before");
    assert_eq!(repeat.headers()["location"].to_str().unwrap(), format!("/orders/{id}"));
    wait_for(&service, &id, |order| has_step(order, "SendConfirmation")).await;
    let end = Instant::now() + Duration::from_secs(10);
    while service.post("refused", &order("pm_card_visa")).await.unwrap().status() != StatusCode::ACCEPTED {
        assert!(Instant::now() < end, "the backlog is gone, and orders are refused");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    service.stop();
}

#[tokio::test]
async fn every_metric_says_what_it_means_and_durations_can_be_added_up() {
    let (_data, service) = service().await;
    for method in ["pm_card_visa", "pm_card_chargeDeclined", "pm_sim_timeout_1"] {
        let id = post(&service, method, method).await;
        wait_for(&service, &id, |order| has_step(order, "SendConfirmation") || has_step(order, "NotifyRejected")).await;
    }
    let text = service.get("/metrics").send().await.unwrap().text().await.unwrap();
    let names = |what: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(what));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let (helped, typed) = (names("# HELP "), names("# TYPE "));
    assert!(typed.len() >= 8, "{typed:?}");
    assert_eq!(typed.difference(&helped).collect::<Vec<_>>(), Vec::<&String>::new(), "without a HELP");
    for name in ["orderflow_step_seconds", "orderflow_http_request_duration_seconds", "orderflow_commit_jobs"] {
        assert!(text.contains(&format!("{name}_bucket{{")), "{name} has no buckets");
    }
    assert!(!text.contains("quantile="), "{text}");
    service.stop();
}
