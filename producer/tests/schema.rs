//! Whatever is posted: no 5xx, no panic, faults with pointers into the body, and the document's schema refuses what we refuse.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use shop::{Answer, Shop, ask, document, mug, order, with};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn post(path: &str, body: &Value) -> Answer {
    RUNTIME.block_on(Shop::open().send(ask("POST", path).json(body)))
}

/// Any JSON, with the field names and shapes that this API knows among it.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![prop::sample::select(FIELDS).prop_map(str::to_owned), ".{0,5}",];
    scalar().prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

const FIELDS: &[&str] = &[
    "customer",
    "id",
    "email",
    "name",
    "lines",
    "sku",
    "quantity",
    "currency",
    "payment_method",
    "shipping_address",
    "city",
    "postal_code",
    "country",
    "expected_total",
    "amount",
    "metadata",
    "price",
    "stock",
    "description",
    "delta",
];

/// The values on either side of each limit, and those that are nearly right.
fn edges() -> Vec<Value> {
    let texts = [
        "",
        "A",
        "EUR",
        "XXX",
        "BGN",
        "VES",
        "eur",
        "EURO",
        "DE",
        "de",
        "DEU",
        "D1",
        "MUG-BLUE",
        "a b",
        "a/b",
        "pm_card_visa",
        "4242424242424242",
        "1",
        "_",
        "null",
        "ord_1",
        "a@b",
        "a@b.c",
        "a@-b",
        "a@b-",
        "a@b-.c",
        "a@b.-c",
        "a@b-b",
        "@b",
        "a@",
        "a@b@c",
        "ü@b",
        "a@ü",
        "a@b.",
        "a@.b",
        "a@b..c",
        ".a@b",
        "a.@b",
        "a..b@x",
        "a.b@x",
        "a@1",
        "a@b.1c",
        "a@b.c1",
        "a@127.0.0.1",
        ".",
        "..",
        "...",
        "..a",
        "a.",
        ".:",
        "a b@c",
        "\"a\"@b",
        "a@[127.0.0.1]",
        "\u{7f}",
        "\u{85}",
        "\u{9f}",
        "\u{a0}",
        "\u{2028}",
        "\u{61c}",
        "\u{200d}",
        "\u{200e}",
        "\u{202e}",
        "\u{202f}",
        "\u{2069}",
        "\u{2070}",
        "\u{feff}",
        "\u{fffb}",
        "\u{fffc}",
        "שרה",
        "\u{0}",
        "a\nb",
        "ab\n",
        "😀",
    ];
    let numbers =
        [i64::MIN, -1, 0, 1, 2, 998, 999, 1000, 99_999_999, 100_000_000, 1_000_000_000, 1_000_000_001, i64::MAX];
    let lengths = [20, 21, 40, 41, 63, 64, 65, 100, 101, 128, 129, 200, 201, 253, 254, 255, 500, 501, 2000, 2001];
    let mut edges = vec![Value::Null, json!(true), json!(1.5), json!(u64::MAX), json!([]), json!({}), json!([""])];
    edges.extend(texts.map(Value::from));
    edges.extend(numbers.map(Value::from));
    for length in lengths {
        edges.extend([json!("a".repeat(length)), json!("ä".repeat(length))]);
        // An e-mail address: its local part, one of its labels, and all of it at this length.
        edges.extend([json!(format!("{}@b", "a".repeat(length))), json!(format!("a@{}.b", "b".repeat(length)))]);
        edges.push(json!(format!("a@{}", ".b".repeat(length / 2)).replacen(
            "@.",
            if length % 2 == 0 { "@" } else { "@b" },
            1
        )));
    }
    edges
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => prop::sample::select(edges()),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => ".{0,8}".prop_map(Value::from),
    ]
}

/// The body with another value at one place, if the body has that place's parent.
fn overwritten(body: Value, place: &str, value: Value) -> Value {
    let parent = place.rsplit_once('/').unwrap().0;
    match body.pointer(parent) {
        Some(Value::Object(_)) => with(body, place, value),
        Some(Value::Array(items)) if !items.is_empty() && place.ends_with("/0") => with(body, place, value),
        _ => body,
    }
}

/// A good body with some of its places overwritten.
fn spoiled(good: Value, places: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let value = prop_oneof![4 => scalar().boxed(), 1 => any_json().boxed()];
    prop::collection::vec((prop::sample::select(places), value), 0..4).prop_map(move |changes| {
        changes.into_iter().fold(good.clone(), |body, (place, value)| overwritten(body, place, value))
    })
}

fn full_order() -> Value {
    let address = json!({"lines": ["Main St 1"], "city": "Bonn", "postal_code": "53111", "country": "DE"});
    let order = with(order(), "/shipping_address", address);
    let order = with(order, "/expected_total", json!({"amount": 2598, "currency": "EUR"}));
    with(order, "/metadata", json!({"channel": "web"}))
}

const ORDER_PLACES: &[&str] = &[
    "/customer",
    "/customer/id",
    "/customer/email",
    "/customer/name",
    "/customer/age",
    "/lines",
    "/lines/0",
    "/lines/0/sku",
    "/lines/0/quantity",
    "/lines/0/price",
    "/currency",
    "/payment_method",
    "/shipping_address",
    "/shipping_address/lines",
    "/shipping_address/lines/0",
    "/shipping_address/city",
    "/shipping_address/postal_code",
    "/shipping_address/country",
    "/expected_total",
    "/expected_total/amount",
    "/expected_total/currency",
    "/metadata",
    "/metadata/channel",
    "/metadata/",
    "/metadata/kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
    "/metadata/line\nbreak",
    "/unknown",
];

const PRODUCT_PLACES: &[&str] =
    &["/sku", "/name", "/description", "/price", "/price/amount", "/price/currency", "/stock", "/version"];

fn pointers_lead_into(body: &Value, answer: &Answer) {
    for place in answer.places() {
        let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(body.pointer(&place).or(body.pointer(parent)).is_some(), "{place:?} is not in {body}");
    }
}

/// Rules that no schema can say.
const BEYOND_SCHEMA: [&str; 3] = [
    "the lines of this SKU come to",
    "not the order's currency",
    "an e-mail address has at most 64 characters before the `@`",
];

fn agrees(schema: &str, body: &Value, answer: &Answer) {
    let says = document::check(&format!("#/components/schemas/{schema}"), body);
    if answer.status == 400 {
        pointers_lead_into(body, answer);
        let beyond = |(_, detail): &(String, String)| BEYOND_SCHEMA.iter().any(|known| detail.starts_with(known));
        if answer.faults().iter().all(beyond) {
            return;
        }
        assert!(says.is_err(), "refused, though the schema allows it: {body}: {:?}", answer.faults());
    } else {
        assert!(matches!(answer.status, 201 | 202), "{}", answer.status);
        assert_eq!(says, Ok(()), "accepted, though the schema refuses it: {body}");
    }
}

#[test]
fn each_limit_is_where_the_schema_says() {
    for (schema, path, good, places) in
        [("PlaceOrder", "/orders", full_order(), ORDER_PLACES), ("Product", "/products", mug(), PRODUCT_PLACES)]
    {
        let accepted = places.iter().flat_map(|place| edges().into_iter().map(move |edge| (place, edge)));
        let accepted = accepted.filter(|(place, edge)| {
            let body = overwritten(good.clone(), place, edge.clone());
            let answer = post(path, &body);
            agrees(schema, &body, &answer);
            answer.status != 400
        });
        assert!(accepted.count() > 100);
    }
    for delta in [-1_000_000_001_i64, -1_000_000_000, 0, 1_000_000_000, 1_000_000_001] {
        let body = json!({ "delta": delta });
        let valid = document::check("#/components/schemas/ChangeStock", &body).is_ok();
        assert_eq!(post("/products/A/stock", &body).status, if valid { 404 } else { 400 }, "{delta}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_answered_and_every_fault_points_into_it(body in any_json()) {
        for path in ["/orders", "/products", "/products/A/stock"] {
            let answer = post(path, &body);
            prop_assert!(answer.status < 500);
            if answer.status == 400 {
                pointers_lead_into(&body, &answer);
            }
        }
    }

    #[test]
    fn an_order_is_accepted_exactly_if_it_fits_its_schema(body in spoiled(full_order(), ORDER_PLACES)) {
        agrees("PlaceOrder", &body, &post("/orders", &body));
    }

    #[test]
    fn a_product_is_accepted_exactly_if_it_fits_its_schema(body in spoiled(mug(), PRODUCT_PLACES)) {
        agrees("Product", &body, &post("/products", &body));
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let request = ask("POST", "/orders").header("content-type", "application/json").body(bytes);
        prop_assert_eq!(RUNTIME.block_on(Shop::open().send(request)).status, 400);
    }

    #[test]
    fn any_query_is_answered(query in "[ -~]{0,40}") {
        let query: String = query.chars().filter(|c| !"\"#<>`{}\\^| ".contains(*c)).collect();
        let answer = RUNTIME.block_on(Shop::open().send(ask("GET", &format!("/orders?{query}"))));
        prop_assert!(answer.status < 500);
    }
}

/// Every object of the body as an array of its values, which serde's derived types would take.
fn with_arrays(body: &Value, pointer: &str, all: &mut Vec<(String, Value)>) {
    let Some(part) = body.pointer(pointer) else { return };
    if let Value::Object(fields) = part {
        let mut changed = body.clone();
        *changed.pointer_mut(pointer).unwrap() = fields.values().cloned().collect();
        all.push((pointer.to_owned(), changed));
        fields.keys().for_each(|key| with_arrays(body, &format!("{pointer}/{key}"), all));
    } else if let Value::Array(items) = part {
        (0..items.len()).for_each(|index| with_arrays(body, &format!("{pointer}/{index}"), all));
    }
}

#[test]
fn an_array_is_no_object_wherever_it_stands() {
    let mut full = order();
    full["shipping_address"] = json!({ "lines": ["1 Street"], "city": "Ulm", "postal_code": null, "country": "DE" });
    full["expected_total"] = json!({ "amount": 2598, "currency": "EUR" });
    full["metadata"] = json!({ "a": "b" });
    assert_eq!(post("/orders", &full).status, 202);
    let mut cases = Vec::new();
    for (path, body) in [("/orders", full), ("/products", mug()), ("/products/MUG-BLUE/stock", json!({ "delta": 1 }))] {
        let mut arrays = Vec::new();
        with_arrays(&body, "", &mut arrays);
        cases.extend(arrays.into_iter().map(|(pointer, body)| (path, pointer, body)));
    }
    assert_eq!(cases.len(), 9);
    for (path, pointer, body) in cases {
        let answer = post(path, &body);
        let fault = &answer.json()["errors"][0];
        assert_eq!((answer.status, &fault["pointer"]), (400, &json!(pointer)), "{path} {body}");
        assert!(fault["detail"].as_str().unwrap().contains("expected an object"), "{fault}");
    }
}

#[test]
fn what_does_not_fit_is_said_in_the_words_of_json() {
    let fault = |text: &str| {
        let answer = RUNTIME.block_on(Shop::open().send(ask("POST", "/products/MUG-BLUE/stock").text(text)));
        let fault = answer.json()["errors"][0].clone();
        (fault["pointer"].as_str().unwrap().to_owned(), fault["detail"].as_str().unwrap().to_owned())
    };
    let said = |pointer: &str, detail: &str| (pointer.to_owned(), detail.to_owned());
    assert_eq!(fault("{}"), said("/delta", "this field is missing"));
    assert_eq!(fault("{\"delta\": 1e400}"), said("/delta", "the number is out of range"));
    assert_eq!(fault("{\"delta\": \"x\"}"), said("/delta", "expected an integer, not \"x\""));
    assert_eq!(fault("[]"), said("", "expected an object, not an array"));
}

#[test]
fn null_is_as_good_as_absent() {
    let mut order = order();
    for field in ["shipping_address", "expected_total", "metadata"] {
        order[field] = Value::Null;
    }
    assert_eq!(post("/orders", &order).status, 202);
}
