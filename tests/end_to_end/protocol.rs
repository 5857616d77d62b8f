//! HTTP itself, in bytes: requests that are none, bodies that are too large, conditions, and clients that hang up half-way.

use std::io::Read;

use serde_json::json;
use tempfile::TempDir;

use crate::raw::{Raw, ask};
use crate::service::{Service, free_port};

async fn service() -> (TempDir, Service) {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), free_port()).await;
    (data, service)
}

#[tokio::test]
async fn a_request_names_one_host_and_one_coding() {
    let (_data, service) = service().await;
    let get = |headers: &str| ask(&service, &format!("GET /health HTTP/1.1\r\n{headers}\r\n"));
    assert_eq!(get("Host: localhost\r\n").status(), 200);
    assert_eq!(ask(&service, "GET /health HTTP/1.0\r\n\r\n").status(), 200);
    for headers in [
        "",
        "Host:\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: local host\r\n",
        "Host: user@localhost\r\n",
        "Host: localhost:port\r\n",
        "Host: [::1\r\n",
    ] {
        let answer = get(headers);
        assert_eq!((answer.status(), answer.problem().as_str()), (400, "invalid-request"), "{headers:?}");
        assert!(answer.body.contains(r#""header":"Host""#), "{}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    let post = |coding: &str| {
        let head = "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        ask(&service, &format!("{head}{coding}\r\n2\r\n{{}}\r\n0\r\n\r\n"))
    };
    assert_eq!(post("Transfer-Encoding: chunked\r\n").problem(), "invalid-request");
    for (coding, status, problem) in [
        ("Transfer-Encoding: chunked, chunked\r\n", 400, "invalid-request"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400, "invalid-request"),
        ("Transfer-Encoding: gzip, chunked\r\n", 501, "unknown-transfer-coding"),
        ("Transfer-Encoding: identity, chunked\r\n", 501, "unknown-transfer-coding"),
    ] {
        let answer = post(coding);
        assert_eq!((answer.status(), answer.problem().as_str()), (status, problem), "{coding:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{coding:?}");
    }
    service.stop();
}

/// hyper answers these before anybody is asked. OPERATIONS.md and `/openapi.json` say so.
#[tokio::test]
async fn what_is_no_http_is_answered_without_a_body() {
    let (_data, service) = service().await;
    let head = "GET /health HTTP/1.1\r\nHost: localhost\r\n";
    let many: String = (0..101).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (request, status) in [
        ("GET /health\r\n\r\n".to_owned(), 400),
        (format!("{head}no colon\r\n\r\n"), 400),
        (format!("{head}Content-Length: two\r\n\r\n"), 400),
        (format!("{head}Transfer-Encoding: gzip\r\n\r\n"), 400),
        (format!("{head}{many}\r\n"), 431),
        (format!("{head}X: {}\r\n\r\n", "x".repeat(17_000)), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(17_000)), 431),
    ] {
        let mut client = Raw::connect(&service);
        let answer = client.send(&request).answer();
        let shown = &request[..request.len().min(80)];
        assert_eq!((answer.status(), answer.header("content-length")), (status, Some("0")), "{shown:?}");
        assert!(client.is_closed(), "{shown:?}");
    }
    service.stop();
}

#[tokio::test]
async fn an_answer_without_a_body_says_nothing_of_one() {
    let (_data, service) = service().await;
    let request = |method: &str, path: &str, tag: &str| {
        ask(&service, &format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{tag}\r\n"))
    };
    let known = request("HEAD", "/products/MUG-BLUE", "");
    assert_ne!(known.header("content-length"), Some("0"), "that of the answer to GET");
    for (path, tag) in [("/products/MUG-BLUE", known.header("etag").unwrap()), ("/console", "*")] {
        let tag =
            if tag == "*" { request("HEAD", path, "").header("etag").unwrap().to_owned() } else { tag.to_owned() };
        for method in ["GET", "HEAD"] {
            let answer = request(method, path, &format!("If-None-Match: {tag}\r\n"));
            assert_eq!((answer.status(), answer.header("content-length")), (304, None), "{method} {path}");
        }
    }
    assert_eq!(request("OPTIONS", "/orders", "").header("content-length"), None);
    service.stop();
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let (_data, service) = service().await;
    let head = "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    for length in ["65537", "1000000000000"] {
        for expect in ["Expect: 100-continue\r\n", ""] {
            let answer = ask(&service, &format!("{head}Content-Length: {length}\r\n{expect}\r\n"));
            assert_eq!((answer.status(), answer.problem().as_str()), (413, "body-too-large"), "{length} {expect}");
            assert_eq!(answer.header("connection"), Some("close"), "nothing more is heard here: {length} {expect}");
        }
    }
    let mut client = Raw::connect(&service);
    client.send(format!("{head}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
    assert_eq!(client.answer().status(), 100, "one that fits is asked for");
    assert_eq!(client.send("{}").answer().problem(), "invalid-request");
    // Its length shows while it comes; the client sends on, and finds its answer all the same.
    let mut client = Raw::connect(&service);
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..64 {
        client.send(&chunk);
    }
    let answer = client.answer();
    assert_eq!((answer.status(), answer.problem().as_str()), (413, "body-too-large"));
    service.stop();
}

#[tokio::test]
async fn a_client_that_has_sent_its_all_gets_its_answer_and_one_that_leaves_a_stream_is_gone() {
    let (_data, service) = service().await;
    let order = json!({
        "customer": { "id": "c-42", "email": "ada@example.com", "name": "Ada" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }], "currency": "EUR", "payment_method": "pm_card_visa",
    })
    .to_string();
    let request = format!(
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{order}",
        order.len()
    );
    let mut client = Raw::connect(&service);
    assert_eq!(client.send(&request).end().answer().status(), 202);
    assert!(client.is_closed());
    // Nothing happens meanwhile that would have to be written to it: the service notices all the same.
    let mut watcher = Raw::connect(&service);
    let answer = watcher.send("GET /ops/events?only=ends HTTP/1.1\r\nHost: localhost\r\n\r\n").answer();
    assert_eq!(answer.status(), 200);
    let mut told = [0; 1];
    watcher.0.read_exact(&mut told).unwrap();
    watcher.end().rest();
    service.stop();
}
