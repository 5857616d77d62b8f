//! The document says what is answered: each answer is in it (every test's requests are checked), and each of its answers is given.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use producer::admission::RateLimit;
use producer::{Settings, swagger_ui};
use serde_json::{Value, json};
use shop::document::{self, DOCUMENT};
use shop::{OPS, SHOP, Shop, ask, keys, mug, order};

const ORDER: &str = "/orders/ord_00000000000000000000000000";

/// Each operation of the document, with a path that fits.
fn operations() -> Vec<(String, String)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, operations)| {
        let path = path.replace("/orders/{order_id}", ORDER).replace("{sku}", "MUG-BLUE");
        operations.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

/// Sends what makes each operation answer each of its statuses.
async fn everything() -> BTreeSet<String> {
    let limit = RateLimit::per_second(NonZeroU32::new(1).unwrap(), NonZeroU32::new(20).unwrap());
    let metrics: producer::RenderMetrics = Arc::new(|| "orders 1\n".into());
    let settings =
        Settings { access: keys(), admission: vec![Arc::new(limit)], metrics: Some(metrics), ..Settings::default() };
    let shop = Shop::with(settings);
    let large = json!("x".repeat(70_000));
    let mug_path = "/products/MUG-BLUE";
    let with_body =
        [("POST", "/orders"), ("POST", "/products"), ("PUT", mug_path), ("POST", "/products/MUG-BLUE/stock")];
    let plain = [
        ("GET", "/orders"),
        ("GET", "/products"),
        ("GET", mug_path),
        ("DELETE", mug_path),
        ("GET", "/metrics"),
        ("GET", "/currencies"),
        ("GET", "/health"),
        ("GET", "/ready"),
        ("GET", "/openapi.json"),
        ("GET", ORDER),
        ("POST", "/orders/ord_00000000000000000000000000/cancel"),
    ];

    shop.send(ask("GET", mug_path).bearer(OPS)).await;
    shop.send(ask("DELETE", mug_path).bearer(OPS)).await;
    shop.send(ask("POST", "/products/MUG-BLUE/stock").bearer(OPS).json(&json!({"delta": 1}))).await;
    shop.send(ask("PUT", "/products/a%20b").bearer(OPS).json(&mug())).await;
    shop.send(ask("GET", ORDER).bearer(OPS)).await;
    shop.send(ask("POST", &format!("{ORDER}/cancel")).bearer(OPS)).await;

    let etag = shop.stock_mug().await;
    for (method, path) in with_body {
        shop.send(ask(method, path)).await;
        shop.send(ask(method, path).bearer(SHOP).text("{")).await;
        shop.send(ask(method, path).bearer(OPS).text("{")).await;
        shop.send(ask(method, path).bearer(OPS).body("text")).await;
        shop.send(ask(method, path).bearer(OPS).json(&large)).await;
    }
    for (method, path) in plain {
        shop.send(ask(method, path)).await;
        if method != "DELETE" {
            shop.send(ask(method, path).bearer(OPS)).await;
        }
        shop.send(ask(method, path).bearer(SHOP)).await;
    }
    shop.send(ask("GET", "/orders?limit=0").bearer(SHOP)).await;
    shop.send(ask("GET", "/products?limit=0").bearer(SHOP)).await;
    shop.send(ask("GET", mug_path).bearer(SHOP).header("if-none-match", "*")).await;
    shop.send(ask("POST", "/products").bearer(OPS).json(&mug())).await;
    let put = |etag: &str| ask("PUT", mug_path).bearer(OPS).header("if-match", etag).json(&mug());
    shop.send(put("*")).await;
    shop.send(put("\"v0\"")).await;
    shop.send(put(&etag)).await;
    for delta in [1, -1000] {
        shop.send(ask("POST", "/products/MUG-BLUE/stock").bearer(OPS).json(&json!({"delta": delta}))).await;
    }
    shop.store.change_product("MUG-BLUE", |mug| mug.reserved = 1);
    shop.send(ask("DELETE", mug_path).bearer(OPS)).await;
    shop.store.change_product("MUG-BLUE", |mug| mug.reserved = 0);
    shop.send(ask("DELETE", mug_path).bearer(OPS).header("if-match", "\"v0\"")).await;
    shop.send(ask("DELETE", mug_path).bearer(OPS).header("if-match", "?")).await;
    shop.send(ask("DELETE", mug_path).bearer(OPS)).await;
    shop.send(ask("POST", "/products").bearer(OPS).json(&mug())).await;

    let id = shop.place(SHOP, "k").await;
    let other = shop::with(order(), "/currency", json!("USD"));
    shop.send(ask("POST", "/orders").bearer(SHOP).header("idempotency-key", "k").json(&other)).await;
    shop.send(ask("GET", &format!("/orders/{id}")).bearer(SHOP)).await;
    shop.send(ask("POST", &format!("/orders/{id}/cancel")).bearer(SHOP)).await;
    shop.store.change(&id, |order| order.progress.status = orders::Status::Confirmed);
    shop.send(ask("POST", &format!("/orders/{id}/cancel")).bearer(SHOP)).await;

    for fault in [&shop.store.unavailable, &shop.store.panics] {
        fault.store(true, SeqCst);
        let valid = [("POST", "/orders", order()), ("POST", "/products", mug()), ("PUT", "/products/MUG-BLUE", mug())];
        for (method, path, body) in valid {
            shop.send(ask(method, path).bearer(OPS).json(&body)).await;
        }
        shop.send(ask("POST", "/products/A/stock").bearer(OPS).json(&json!({"delta": 1}))).await;
        for (method, path) in plain {
            let path = path.replace("MUG-BLUE", "A");
            shop.send(ask(method, &path).bearer(OPS)).await;
        }
    }
    while shop.send(ask("POST", "/orders").bearer(OPS).json(&order())).await.status != 429 {}

    let impatient = Shop::with(Settings { request_timeout: Duration::from_millis(50), ..Settings::default() });
    for (method, path) in with_body {
        impatient.send(ask(method, path).text("").body(shop::never())).await;
    }

    let silent = Shop::open();
    silent.send(ask("GET", "/metrics")).await;
    for (method, path) in operations() {
        shop.send(ask(&method, &format!("{path}?colour=blue")).bearer(OPS)).await;
        silent.send(ask(&method, &path).header("host", "shop.example")).await;
    }
    [shop, silent, impatient].into_iter().flat_map(|shop| shop.seen.into_inner().unwrap()).collect()
}

/// These touch no store; only the guards, which are around every handler, could answer so.
const ONLY_GUARDS: [&str; 8] = [
    "GET /currencies 500",
    "GET /currencies 503",
    "GET /health 500",
    "GET /health 503",
    "GET /metrics 500",
    "GET /metrics 503",
    "GET /openapi.json 500",
    "GET /openapi.json 503",
];

#[tokio::test]
async fn every_documented_answer_can_be_given_and_no_other_is() {
    let mut seen = everything().await;
    seen.extend(ONLY_GUARDS.map(str::to_owned));
    let documented = document::all();
    assert_eq!(documented.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new(), "documented, never answered");
    assert_eq!(seen.difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new(), "answered, not documented");
}

#[tokio::test]
async fn every_operation_refuses_a_parameter_that_it_does_not_know() {
    let shop = Shop::open();
    for (method, path) in operations() {
        let answer = shop.send(ask(&method, &format!("{path}?colour=blue")).json(&order())).await;
        assert_eq!(answer.faults(), [("colour".into(), "there is no such parameter".into())], "{method} {path}");
    }
}

#[tokio::test]
async fn every_operation_refuses_a_page_from_elsewhere_while_there_are_no_keys() {
    for (name, foreign) in [("host", "shop.example"), ("origin", "https://shop.example")] {
        let (open, locked) = (Shop::open(), Shop::with(Settings { access: keys(), ..Settings::default() }));
        for (method, path) in operations() {
            let ask = || ask(&method, &path).bearer(OPS).header(name, foreign);
            let answer = open.send(ask()).await;
            assert_eq!((answer.status, answer.problem().as_str()), (403, "foreign-origin"), "{method} {path}");
            assert_ne!(locked.send(ask()).await.status, 403, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_as_it_is_generated() {
    let answer = Shop::open().send(ask("GET", "/openapi.json")).await;
    assert_eq!(answer.json(), *DOCUMENT);
    assert!(answer.json()["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    assert!(DOCUMENT.pointer(&reference[1..]).is_some(), "{reference}");
                }
                fields.values().for_each(walk);
            }
            Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(&DOCUMENT);
}

#[test]
fn every_example_fits_its_schema() {
    let mut examples = 0;
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        if let Some(example) = schema.get("example") {
            document::check(&format!("#/components/schemas/{name}"), example).unwrap_or_else(|e| panic!("{name}: {e}"));
            examples += 1;
        }
    }
    for (name, response) in DOCUMENT["components"]["responses"].as_object().unwrap() {
        let media = &response["content"]["application/problem+json"];
        assert_eq!(media["schema"]["$ref"], "#/components/schemas/Problem");
        document::check("#/components/schemas/Problem", &media["example"]).unwrap_or_else(|e| panic!("{name}: {e}"));
        examples += 1;
    }
    assert!(examples > 20);
}

#[test]
fn a_parameter_may_be_absent_but_not_null() {
    let mut parameters = 0;
    for operations in DOCUMENT["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let schema = parameter["schema"].to_string();
                assert!(schema.len() > 2 && !schema.contains("null"), "{parameter}");
                parameters += 1;
            }
        }
    }
    assert!(parameters >= 15, "{parameters}");
}

#[test]
fn every_operation_that_needs_a_key_says_so() {
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let refuses = operation["responses"].get("401").is_some();
            assert_eq!(operation["security"] == json!([{"bearer": []}]), refuses, "{method} {path}");
        }
    }
    assert_eq!(DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn the_documentation_comes_from_this_binary_alone() {
    let shop = Shop::with(Settings { more: swagger_ui::router(), ..Settings::default() });
    let to_index = shop.send(ask("GET", "/docs")).await;
    assert_eq!((to_index.status, to_index.header("location")), (308, Some("docs/")));
    let page = shop.send(ask("GET", "/docs/")).await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'self'"));
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
    let sources = html.split(['"', '\'']).filter(|text| text.starts_with("./"));
    let mut found = 0;
    for source in sources {
        assert_eq!(shop.send(ask("GET", &format!("/docs/{}", &source[2..]))).await.status, 200, "{source}");
        found += 1;
    }
    assert!(found >= 3, "{html}");
    let start = shop.send(ask("GET", "/docs/swagger-initializer.js")).await;
    let start = String::from_utf8(start.body.to_vec()).unwrap();
    assert!(start.contains("../openapi.json") && start.contains(r#""validatorUrl": "none""#), "{start}");
    assert_eq!(shop.send(ask("GET", "/docs/none.js")).await.status, 404);
    assert_eq!(Shop::open().send(ask("GET", "/docs/")).await.status, 404, "only where it was asked for");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let shop = Shop::with(Settings { more: swagger_ui::router(), ..Settings::default() });
    for path in ["/", "/nowhere", "/orders/", "/products/A/", "/products/A/stock/1"] {
        assert_eq!(shop.send(ask("GET", path)).await.problem(), "not-found", "{path}");
    }
    for (path, allowed) in [
        ("/orders", "GET,HEAD,POST"),
        (ORDER, "GET,HEAD"),
        ("/products/A", "DELETE,GET,HEAD,PUT"),
        ("/products/A/stock", "POST"),
        ("/health", "GET,HEAD"),
        ("/docs/", "GET,HEAD"),
    ] {
        let refused = shop.send(ask("PATCH", path)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (405, "method-not-allowed"), "{path}");
        let options = shop.send(ask("OPTIONS", path)).await;
        assert_eq!((options.status, options.body.len()), (204, 0), "{path}");
        for answer in [refused, options] {
            let mut methods: Vec<_> = answer.header("allow").unwrap().split(',').collect();
            methods.sort_unstable();
            assert_eq!(methods.join(","), allowed, "{path}");
        }
    }
}

#[tokio::test]
async fn every_answer_says_that_nothing_is_guessed_and_no_address_is_told() {
    let open = Shop::with(Settings { more: swagger_ui::router(), ..Settings::default() });
    let locked = Shop::with(Settings { access: keys(), ..Settings::default() });
    let mut asks: Vec<_> = operations().into_iter().collect();
    let more = [("GET", "/docs"), ("GET", "/docs/"), ("GET", "/nowhere"), ("PATCH", "/orders"), ("OPTIONS", "/orders")];
    asks.extend(more.map(|(method, path)| (method.to_owned(), path.to_owned())));
    for (method, path) in asks {
        for answer in [
            open.send(ask(&method, &path)).await,
            open.send(ask(&method, &path).header("host", "shop.example")).await,
            locked.send(ask(&method, &path)).await,
        ] {
            let told = (answer.header("x-content-type-options"), answer.header("referrer-policy"));
            assert_eq!(told, (Some("nosniff"), Some("no-referrer")), "{method} {path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let shop = Shop::open();
    shop.send(ask("PUT", "/products/MUG-BLUE").json(&mug())).await;
    let (get, head) =
        (shop.send(ask("GET", "/products/MUG-BLUE")).await, shop.send(ask("HEAD", "/products/MUG-BLUE")).await);
    assert_eq!((head.status, head.header("etag"), head.body.len()), (200, get.header("etag"), 0));
}

#[tokio::test]
async fn health_asks_nobody_and_readiness_asks_the_store() {
    let shop = Shop::open();
    shop.store.unavailable.store(true, SeqCst);
    assert_eq!(shop.send(ask("GET", "/health")).await.status, 200);
    let ready = shop.send(ask("GET", "/ready")).await;
    assert_eq!((ready.status, ready.header("retry-after")), (503, Some("1")));
    shop.store.unavailable.store(false, SeqCst);
    assert_eq!(shop.send(ask("GET", "/ready")).await.json(), json!({"status": "ok"}));
}

struct Never;

#[async_trait::async_trait]
impl producer::Readiness for Never {
    async fn check(&self) -> Result<(), orders::ports::Unavailable> {
        Err(orders::ports::Unavailable::new("Queue", "not yet"))
    }
}

#[tokio::test]
async fn readiness_can_be_asked_elsewhere() {
    let shop = Shop::with(Settings { readiness: Some(Arc::new(Never)), ..Settings::default() });
    assert_eq!(shop.send(ask("GET", "/ready")).await.status, 503);
}

#[tokio::test]
async fn metrics_are_those_of_the_process() {
    let metrics: producer::RenderMetrics = Arc::new(|| "orders 1\n".into());
    let shop = Shop::with(Settings { access: keys(), metrics: Some(metrics), ..Settings::default() });
    let answer = shop.send(ask("GET", "/metrics").bearer(OPS)).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"orders 1\n"[..]));
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
}
