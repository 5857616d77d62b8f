//! A shop to send requests to: the router on the ports in memory. Every answer is held against the OpenAPI document.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

pub mod document;
pub mod store;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request};
use producer::auth::{Access, ApiKey, Scope};
use producer::cursor::Cursors;
use producer::{Ports, Settings};
use serde_json::{Value, json};
use tower::ServiceExt;

use store::{Memory, Noon};

pub struct Shop {
    pub store: Arc<Memory>,
    router: Router,
    pub seen: Mutex<BTreeSet<String>>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The last part of the problem's type.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self.json()["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }

    /// Every fault's place and detail.
    pub fn faults(&self) -> Vec<(String, String)> {
        assert_eq!((self.status, self.problem().as_str()), (400, "invalid-request"));
        let place = |fault: &Value| {
            ["pointer", "parameter", "header"].iter().find_map(|key| fault[key].as_str()).unwrap().to_owned()
        };
        let errors = self.json()["errors"].as_array().unwrap().clone();
        errors.iter().map(|fault| (place(fault), fault["detail"].as_str().unwrap().to_owned())).collect()
    }

    pub fn places(&self) -> Vec<String> {
        self.faults().into_iter().map(|(place, _)| place).collect()
    }
}

pub struct Ask(axum::http::request::Builder, Body, String);

pub fn ask(method: &str, path: &str) -> Ask {
    Ask(Request::builder().method(method).uri(path), Body::empty(), path.to_owned())
}

impl Ask {
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value), self.1, self.2)
    }

    pub fn bearer(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    pub fn body(self, body: impl Into<Body>) -> Self {
        Self(self.0, body.into(), self.2)
    }

    pub fn text(self, json: &str) -> Self {
        self.header("content-type", "application/json").body(json.to_owned())
    }

    pub fn json(self, json: &Value) -> Self {
        self.text(&json.to_string())
    }
}

/// The secrets of [`keys`].
pub const SHOP: &str = "secret-of-shop";
pub const OTHER: &str = "secret-of-other";
pub const OPS: &str = "secret-of-ops";

pub fn keys() -> Access {
    let key = |name: &str, scope, secret| ApiKey::new(name.parse().unwrap(), scope, secret);
    Access::keys([
        key("shop", Scope::Storefront, SHOP),
        key("other", Scope::Storefront, OTHER),
        key("ops", Scope::Ops, OPS),
    ])
}

impl Shop {
    pub fn open() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let store = Arc::new(Memory::default());
        let ports = Ports {
            orders: store.clone(),
            catalogue: store.clone(),
            clock: Arc::new(Noon),
            cursors: Cursors::new([7; 32]),
        };
        Self { store, router: producer::router(ports, settings), seen: Mutex::default() }
    }

    pub async fn send(&self, ask: Ask) -> Answer {
        let request = ask.0.body(ask.1).unwrap();
        let method = request.method().to_string();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body };
        if answer.status >= 400 && method != "HEAD" {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.json()["status"], answer.status);
        }
        let name = document::judge(&method, &ask.2, answer.status, answer.header("content-type"), &answer.body);
        self.seen.lock().unwrap().extend(name);
        answer
    }

    /// Places [`order`] with this key and returns its id.
    pub async fn place(&self, secret: &str, key: &str) -> String {
        let answer =
            self.send(ask("POST", "/orders").bearer(secret).header("idempotency-key", key).json(&order())).await;
        assert_eq!(answer.status, 202);
        answer.json()["order_id"].as_str().unwrap().to_owned()
    }

    /// Puts [`mug`] into the catalogue and returns its ETag.
    pub async fn stock_mug(&self) -> String {
        let answer = self.send(ask("PUT", "/products/MUG-BLUE").bearer(OPS).json(&mug())).await;
        assert_eq!(answer.status, 201);
        answer.header("etag").unwrap().to_owned()
    }
}

/// A body that never comes.
pub fn never() -> Body {
    Body::from_stream(futures::stream::pending::<std::io::Result<Bytes>>())
}

pub fn order() -> Value {
    json!({
        "customer": {"id": "c-42", "email": "ada@example.com", "name": "Ada"},
        "lines": [{"sku": "MUG-BLUE", "quantity": 2}],
        "currency": "EUR",
        "payment_method": "pm_card_visa",
    })
}

pub fn mug() -> Value {
    json!({"sku": "MUG-BLUE", "name": "Blue mug", "price": {"amount": 1299, "currency": "EUR"}, "stock": 100})
}

/// The value with another one at this JSON pointer; the last part of the pointer may be new.
pub fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = new,
        parent => parent[key] = new,
    }
    value
}
