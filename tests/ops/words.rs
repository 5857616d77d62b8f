//! Every refusal is in the API's words: it says where, and has no word of Rust in it. Each field of each body and each parameter
//! of each route is sent in every wrong way.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::night::Night;

/// Words that only somebody who knows the source would understand.
const RUST: [&str; 43] = [
    "Option",
    "Some",
    "None",
    "Vec",
    "struct",
    "enum",
    "variant",
    "variants",
    "tuple",
    "sequence",
    "map",
    "unit",
    "newtype",
    "untagged",
    "tagged",
    "identifier",
    "usize",
    "isize",
    "u8",
    "u16",
    "u32",
    "u64",
    "i8",
    "i16",
    "i32",
    "i64",
    "f32",
    "f64",
    "nonzero",
    "NonZero",
    "zero",
    "floating",
    "serde",
    "EOF",
    "ident",
    "nud",
    "Rbracket",
    "UnknownName",
    "ExecutionStatus",
    "QueueName",
    "EntryState",
    "Timestamp",
    "Err",
];

const ORDER: &str = "ord_00000000000000000000000000";
const TIME: &str = "2026-01-31T12:00:00Z";

/// A route with a body that fits, and where any value does.
struct Body {
    method: Method,
    path: String,
    body: Value,
    /// Pointers below which anything may stand.
    open: &'static [&'static str],
}

fn bodies(run: &str) -> Vec<Body> {
    let product = json!({
        "sku": "CUP", "name": "Cup", "description": "A cup", "price": { "amount": 5, "currency": "EUR" }, "stock": 5,
    });
    let order = json!({
        "customer": { "id": "c-42", "email": "ada@example.com", "name": "Ada" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }],
        "currency": "EUR", "payment_method": "pm_card_visa",
        "shipping_address": { "lines": ["1 Street"], "city": "Ulm", "postal_code": "1", "country": "DE" },
        "expected_total": { "amount": 1299, "currency": "EUR" },
        "metadata": { "a": "b" },
    });
    let plan = json!({
        "selection": { "cause": "x", "order": ORDER, "since": TIME, "before": TIME, "where": "a" },
        "rate": 5, "max": 5, "force": false, "edited": false,
        "patch": [{ "op": "add", "path": "/a", "value": 1 }, { "op": "move", "from": "/a", "path": "/b" }],
    });
    let letter = json!({
        "queue": "payments", "message_id": "x", "sent_at": TIME, "body": "{}", "attributes": { "a": "b" }, "trace_header": "x",
    });
    let route = |method, path: &str, body, open| Body { method, path: path.to_owned(), body, open };
    vec![
        route(Method::POST, "/orders", order, &["/metadata"]),
        route(Method::POST, "/products", product.clone(), &[]),
        route(Method::PUT, "/products/CUP", product, &[]),
        route(Method::POST, "/products/MUG-BLUE/stock", json!({ "delta": 1 }), &[]),
        route(Method::POST, "/ops/runs", json!({ "action": "replay", "queue": "payments", "how": {} }), &["/how"]),
        route(Method::POST, "/ops/dead-letters/payments/dry-run", plan, &["/patch/0", "/patch/1"]),
        route(Method::POST, "/ops/dead-letters/payments/redrive", json!({ "per_second": 5 }), &[]),
        route(
            Method::POST,
            &format!("/ops/runs/{run}/replay"),
            json!({ "items": [{ "message_id": "x", "body": format!(r#"{{"step":"Dispatch","order_id":"{ORDER}"}}"#) }], "force": false }),
            &[],
        ),
        route(Method::POST, &format!("/ops/runs/{run}/purge"), json!({ "ids": ["x"] }), &[]),
        route(Method::POST, &format!("/ops/runs/{run}/import"), json!({ "letters": [letter] }), &["/letters/0"]),
        route(Method::POST, &format!("/ops/runs/{run}/repair"), json!({ "order_id": ORDER }), &[]),
        route(
            Method::POST,
            &format!("/ops/executions/{ORDER}/stop"),
            json!({ "cause": "x", "compensate": false }),
            &[],
        ),
        route(Method::PUT, "/ops/gateway", json!({ "down": false }), &[]),
        route(Method::POST, "/console/session", json!({ "key": "x" }), &[]),
    ]
}

/// The routes under `/ops` and the mailbox with their parameters; those of the others are in `/openapi.json`.
const PARAMETERS: [(&str, &[&str]); 13] = [
    ("/mailbox", &["limit", "cursor"]),
    ("/ops/gateway/ledger", &["limit", "cursor"]),
    ("/ops/dead-letters", &["all"]),
    ("/ops/dead-letters/payments", &["cause", "order", "since", "before", "where", "limit", "cursor"]),
    ("/ops/runs", &["limit", "cursor"]),
    ("/ops/orders", &["storefront", "status", "customer", "limit", "cursor"]),
    ("/ops/executions", &["status", "state", "error", "since", "before", "limit", "cursor"]),
    ("/ops/stuck", &["age_seconds", "limit", "cursor"]),
    ("/ops/events", &["only"]),
    ("/ops/status", &[]),
    ("/ops/queues", &[]),
    ("/ops/gateway", &[]),
    ("/health", &[]),
];

/// What no field takes, or few.
fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e30),
        json!(u64::MAX),
        json!(""),
        json!("\u{7}"),
        json!("x"),
        json!("x".repeat(2_000)),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "x": 1 }),
    ]
}

/// Every place in a body, the body itself first.
fn places(body: &Value, pointer: &str, all: &mut Vec<String>) {
    all.push(pointer.to_owned());
    match &body.pointer(pointer).unwrap() {
        Value::Object(fields) => fields.keys().for_each(|key| places(body, &format!("{pointer}/{key}"), all)),
        Value::Array(items) => (0..items.len()).for_each(|index| places(body, &format!("{pointer}/{index}"), all)),
        _ => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

struct Asked {
    status: StatusCode,
    problem: Value,
}

impl Asked {
    /// Its faults' places: pointers and names of parameters and headers.
    fn places(&self) -> Vec<String> {
        let place = |fault: &Value| {
            ["pointer", "parameter", "header"].iter().find_map(|of| fault[of].as_str()).unwrap().to_owned()
        };
        self.problem["errors"].as_array().unwrap().iter().map(place).collect()
    }
}

async fn ask(night: &Night, method: &Method, path: &str, body: Option<String>) -> Asked {
    let request = night.service().client.request(method.clone(), format!("{}{path}", night.service().url));
    let request = match body {
        Some(body) => request.header("Content-Type", "application/json").body(body),
        None => request,
    };
    let response = request.send().await.unwrap();
    let status = response.status();
    assert!(!status.is_server_error(), "{method} {path}: {status}");
    if !status.is_client_error() {
        return Asked { status, problem: Value::Null };
    }
    let problem: Value = response.json().await.unwrap();
    let details = problem["errors"].as_array().unwrap().iter().map(|fault| &fault["detail"]);
    for detail in details.chain([&problem["detail"]]) {
        let detail = detail.as_str().unwrap();
        // What was sent may be quoted.
        let ours: String = detail.split('"').step_by(2).collect();
        let word = ours.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| RUST.contains(word));
        assert_eq!(word, None, "{method} {path}: {detail}");
        assert!(detail.len() > 10, "{method} {path}: {detail:?} says nothing");
    }
    if status == StatusCode::BAD_REQUEST {
        assert!(!problem["errors"].as_array().unwrap().is_empty(), "{method} {path} says no place: {problem}");
    }
    Asked { status, problem }
}

#[tokio::test]
async fn every_wrong_field_is_refused_in_the_words_of_json() {
    let night = Night::begins().await;
    let run: Value = serde_json::from_str(&begin(&night).await).unwrap();
    for Body { method, path, body, open } in bodies(run["id"].as_str().unwrap()) {
        let fits = ask(&night, &method, &path, Some(body.to_string())).await;
        assert!(fits.status != 400 || path.ends_with("/replay"), "{method} {path}: {}", fits.problem);
        let is_open = |place: &str| open.iter().any(|open| place.starts_with(open));
        let mut all = Vec::new();
        places(&body, "", &mut all);
        for place in &all {
            for value in values() {
                let mut changed = body.clone();
                *changed.pointer_mut(place).unwrap() = value.clone();
                let asked = ask(&night, &method, &path, Some(changed.to_string())).await;
                let right = kind(body.pointer(place).unwrap());
                let what = format!("{method} {path}: {place:?} is {value}: {}", asked.problem);
                if kind(&value) != right && !value.is_null() && !is_open(place) {
                    assert_eq!(asked.status, 400, "{what}");
                }
                if asked.status == 400 {
                    let near = |named: &String| named.starts_with(place.as_str()) || place.starts_with(named.as_str());
                    let named = asked.places();
                    // The replay's body is of another queue, which is told whatever else is changed.
                    let of_the_body = path.ends_with("/replay") && named == ["/items"];
                    assert!(
                        named.iter().any(near)
                            || named == [place.trim_start_matches('/')]
                            || named == ["queue"]
                            || of_the_body,
                        "{what}"
                    );
                }
            }
            if let (Some((parent, field)), true) = (place.rsplit_once('/'), !place.is_empty()) {
                let mut without = body.clone();
                let Value::Object(fields) = without.pointer_mut(parent).unwrap() else { continue };
                fields.remove(field);
                let asked = ask(&night, &method, &path, Some(without.to_string())).await;
                if asked.status == 400 && !is_open(parent) {
                    let named = asked.places();
                    assert!(
                        named == [place.as_str()] || path.ends_with("/replay"),
                        "{method} {path} without {place}: {}",
                        asked.problem
                    );
                }
            }
            if body.pointer(place).unwrap().is_object() && !is_open(place) {
                let mut more = body.clone();
                more.pointer_mut(place).unwrap()["colour"] = json!("blue");
                let asked = ask(&night, &method, &path, Some(more.to_string())).await;
                assert_eq!(
                    (asked.status.as_u16(), asked.places()),
                    (400, vec![format!("{place}/colour")]),
                    "{method} {path}"
                );
            }
        }
        let deep = "[".repeat(200);
        for text in
            ["", "{", "[1,", "tru", "nul", "\u{0}", "{\"a\":1,}", "{1:2}", "\"x\"", "1e999", "\"\\ud800\"", "x", &deep]
        {
            assert_eq!(ask(&night, &method, &path, Some(text.to_owned())).await.status, 400, "{method} {path}: {text}");
        }
    }
    night.ends();
}

async fn begin(night: &Night) -> String {
    let request = night.service().client.post(format!("{}/ops/runs", night.service().url));
    let response = request.json(&json!({ "action": "replay", "queue": "payments" })).send().await.unwrap();
    response.error_for_status().unwrap().text().await.unwrap()
}

#[tokio::test]
async fn every_wrong_parameter_is_refused_by_its_name() {
    let night = Night::begins().await;
    let document = night.get("/openapi.json").await;
    let (mut routes, mut with_body) = (Vec::new(), BTreeSet::new());
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{order_id}", ORDER).replace("{sku}", "MUG-BLUE");
        for (method, operation) in methods.as_object().unwrap() {
            if operation["requestBody"].is_object() {
                with_body.insert(format!("{} {path}", method.to_uppercase()).replace("/MUG-BLUE", "/…"));
            }
            if method == "get" {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let of_query = parameters.filter(|parameter| parameter["in"] == "query");
                routes.push((
                    path.clone(),
                    of_query.map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
                ));
            }
        }
    }
    let walked: BTreeSet<String> = bodies("r").iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    let walked = walked.iter().map(|it| it.replace("/MUG-BLUE", "/…").replace("/CUP", "/…")).collect();
    assert!(with_body.is_subset(&walked), "{with_body:?}");
    let others = PARAMETERS
        .iter()
        .map(|(path, names)| ((*path).to_owned(), names.iter().map(|name| (*name).to_owned()).collect()));
    for (path, names) in routes.into_iter().chain(others) {
        for name in &names {
            for value in
                ["", "x", "-1", "0", "1.5", "99999999999999999999", "[", "%00", "%FF", "null", "true", "{}", "A.B"]
            {
                // An event stream doesn't end.
                if path == "/ops/events" && value == "ends" {
                    continue;
                }
                let asked = ask(&night, &Method::GET, &format!("{path}?{name}={value}"), None).await;
                if asked.status == 400 {
                    assert_eq!(asked.places(), [name.as_str()], "{path}?{name}={value}: {}", asked.problem);
                }
            }
        }
        let asked = ask(&night, &Method::GET, &format!("{path}?colour=blue"), None).await;
        assert_eq!((asked.status.as_u16(), asked.places()), (400, vec!["colour".to_owned()]), "{path}");
    }
    for path in [
        "/orders/x",
        "/products/%20",
        "/ops/dead-letters/x",
        "/ops/executions/x",
        "/ops/orders/x",
        "/ops/runs/x",
        "/mailbox/x",
    ] {
        assert_eq!(ask(&night, &Method::GET, path, None).await.status, 404, "{path}");
    }
    night.ends();
}
