//! Who is let in: with a key, in a session, and from which pages.

use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::service::{Service, free_port};

const OPS: &str = "fedcba9876543210";
const SHOP: &str = "0123456789abcdef";

async fn locked() -> (tempfile::TempDir, Service) {
    let data = tempfile::tempdir().unwrap();
    let keys = format!("shop:storefront:{SHOP},night:ops:{OPS}");
    let service = Service::start_with(data.path(), free_port(), &[("ORDERFLOW_API_KEYS", &keys)]).await;
    (data, service)
}

/// As the console's own page would send it.
fn from_its_page(service: &Service, request: RequestBuilder) -> RequestBuilder {
    request.header("origin", &service.url)
}

async fn sign_in(service: &Service, key: &str) -> Response {
    let request = service.client.post(format!("{}/console/session", service.url)).json(&json!({ "key": key }));
    from_its_page(service, request).send().await.unwrap()
}

/// The cookie as the browser sends it back.
async fn session(service: &Service) -> HeaderValue {
    let answer = sign_in(service, OPS).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().parse().unwrap()
}

async fn read(service: &Service, cookie: Option<&HeaderValue>) -> Value {
    let request = cookie.into_iter().fold(service.get("/console/session"), |it, cookie| it.header("cookie", cookie));
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn without_keys_everybody_on_this_machine_is_let_in() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), free_port()).await;
    let session = read(&service, None).await;
    assert_eq!((&session["by"], &session["signed_in"]), (&json!("local"), &json!(false)));
    assert_eq!(session["platform"]["api"], true);
    assert_eq!(sign_in(&service, OPS).await.status(), StatusCode::NOT_FOUND, "there is nothing to sign in to");
    service.stop();
}

#[tokio::test]
async fn a_key_with_the_scope_ops_begins_a_session_that_every_router_takes() {
    let (_data, service) = locked().await;
    assert_eq!(read(&service, None).await, json!({ "by": null, "signed_in": true, "platform": null }));
    assert_eq!(service.get("/console").send().await.unwrap().status(), StatusCode::OK, "the page asks for the key");

    let answer = sign_in(&service, OPS).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains(OPS), "the key itself is not kept");
    let cookie: HeaderValue = cookie.split(';').next().unwrap().parse().unwrap();
    assert_eq!(read(&service, Some(&cookie)).await["by"], "night");
    for path in ["/ops/status", "/mailbox", "/orders", "/products", "/metrics", "/console/api/graph"] {
        let status = async |request: RequestBuilder| request.send().await.unwrap().status();
        assert_eq!(status(service.get(path)).await, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(status(service.get(path).header("cookie", &cookie)).await, StatusCode::OK, "{path}");
    }

    let end = service.client.delete(format!("{}/console/session", service.url)).header("cookie", &cookie);
    let ended = from_its_page(&service, end).send().await.unwrap();
    assert!(ended.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(read(&service, Some(&cookie)).await["by"], Value::Null, "also for whoever kept the cookie");
    service.stop();
}

#[tokio::test]
async fn a_cookie_over_tls_is_for_tls_only() {
    let (_data, service) = locked().await;
    let request = service.client.post(format!("{}/console/session", service.url)).json(&json!({ "key": OPS }));
    let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-proto", "https");
    let answer = request.send().await.unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
    service.stop();
}

#[tokio::test]
async fn no_other_key_begins_one() {
    let (_data, service) = locked().await;
    for (key, status) in [(SHOP, 403), ("unknown", 401), ("", 400)] {
        let answer = sign_in(&service, key).await;
        assert_eq!(answer.status().as_u16(), status, "{key}");
        assert!(!answer.headers().contains_key("set-cookie"), "{key}");
    }
    let bare = HeaderValue::from_static("orderflow_session=");
    assert_eq!(read(&service, Some(&bare)).await["by"], Value::Null);
    service.stop();
}

#[tokio::test]
async fn a_session_changes_nothing_for_another_sites_page() {
    let (_data, service) = locked().await;
    let cookie = session(&service).await;
    let post = async |headers: &[(&str, &str)]| {
        let request = service.client.post(format!("{}/ops/runs", service.url)).header("cookie", &cookie);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.json(&json!({ "action": "replay", "queue": "payments" })).send().await.unwrap()
    };
    let own = service.url.as_str();
    for headers in [
        &[][..],
        &[("origin", "https://shop.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("origin", own), ("sec-fetch-site", "same-site")],
        &[("origin", own), ("sec-fetch-site", "cross-site")],
        &[("origin", own), ("sec-fetch-site", "none")],
    ] {
        let answer = post(headers).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{headers:?}");
        assert!(answer.text().await.unwrap().contains("cross-origin"), "{headers:?}");
    }
    assert_eq!(post(&[("origin", own)]).await.status(), StatusCode::CREATED);
    assert_eq!(post(&[("sec-fetch-site", "same-origin")]).await.status(), StatusCode::CREATED);
    // A program with a key is nobody's page.
    let request = service.client.post(format!("{}/ops/runs", service.url)).bearer_auth(OPS);
    let request = request.json(&json!({ "action": "replay", "queue": "payments" }));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    service.stop();
}

#[tokio::test]
async fn nobody_else_signs_a_browser_in_or_out() {
    let (_data, service) = locked().await;
    let cookie = session(&service).await;
    let url = format!("{}/console/session", service.url);
    for headers in [[("origin", "https://shop.example")], [("sec-fetch-site", "cross-site")]] {
        let with = |request: RequestBuilder| headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        let begin = with(service.client.post(&url).json(&json!({ "key": OPS }))).send().await.unwrap();
        assert_eq!(begin.status(), StatusCode::FORBIDDEN);
        let end = with(service.client.delete(&url).header("cookie", &cookie)).send().await.unwrap();
        assert_eq!(end.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(read(&service, Some(&cookie)).await["by"], "night");
    service.stop();
}

#[tokio::test]
async fn a_form_on_another_site_can_do_nothing_to_an_open_service() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), free_port()).await;
    let post = async |name: &str, value: &str| {
        let request = service.client.post(format!("{}/ops/queues/payments/messages", service.url)).body("poison");
        request.header(name, value).send().await.unwrap().status()
    };
    assert_eq!(post("sec-fetch-site", "cross-site").await, StatusCode::FORBIDDEN);
    assert_eq!(post("origin", "https://shop.example").await, StatusCode::FORBIDDEN);
    assert_eq!(post("host", "shop.example").await, StatusCode::FORBIDDEN, "rebound DNS");
    assert_eq!(post("sec-fetch-site", "same-origin").await, StatusCode::ACCEPTED);
    let link = service.get("/console").header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(link.status(), StatusCode::OK, "a link may lead here");
    service.stop();
}

#[tokio::test]
async fn personal_data_is_shown_only_after_it_was_written_down() {
    let (_data, service) = locked().await;
    let order = json!({
        "customer": { "id": "c-42", "email": "ada@example.com", "name": "Ada" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }], "currency": "EUR", "payment_method": "pm_card_visa",
    });
    let placed =
        service.client.post(format!("{}/orders", service.url)).bearer_auth(SHOP).json(&order).send().await.unwrap();
    let placed: Value = placed.json().await.unwrap();
    let id = placed["order_id"].as_str().unwrap();
    let get = async |path: String| service.get(&path).bearer_auth(OPS).send().await.unwrap().text().await.unwrap();
    for path in [format!("/ops/orders/{id}"), "/ops/orders".to_owned(), "/ops/executions".to_owned()] {
        assert!(!get(path.clone()).await.contains("ada@"), "{path}");
    }
    let reveal = service.client.post(format!("{}/ops/orders/{id}/reveal", service.url)).bearer_auth(OPS);
    let shown: Value = reveal.send().await.unwrap().json().await.unwrap();
    assert_eq!(shown, json!({ "name": "Ada", "email": "ada@example.com" }));
    let runs: Value = serde_json::from_str(&get("/ops/runs".to_owned()).await).unwrap();
    assert_eq!((&runs["items"][0]["action"], &runs["items"][0]["by"]), (&json!("reveal"), &json!("night")));
    let run = runs["items"][0]["id"].as_str().unwrap().to_owned();
    let entries: Value = serde_json::from_str(&get(format!("/ops/runs/{run}/entries")).await).unwrap();
    assert_eq!(entries["items"][0]["order_id"], id);
    service.stop();
}
