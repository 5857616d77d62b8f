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

fn scalar() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        "A",
        "EUR",
        "XXX",
        "eur",
        "DE",
        "de",
        "MUG-BLUE",
        "a b",
        "pm_card_visa",
        "4242424242424242",
        "a@b",
        "a@b.c",
        "a@-b",
        "@b",
        "a@",
        "a@b@c",
        "ü@b",
        "a@b.",
        "1",
        "_",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "a\nb",
        "ab\n",
        "😀",
        "ord_1",
        "null",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![
            -1_i64,
            0,
            1,
            2,
            998,
            999,
            1000,
            99_999_999,
            100_000_000,
            1_000_000_000,
            i64::MAX,
            i64::MIN
        ])
        .prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (1..1000_i32).prop_map(|n| json!(f64::from(n) + 0.5)),
        prop::sample::select(texts.to_vec()).prop_map(Value::from),
        prop::sample::select(vec![
            20_usize, 21, 40, 41, 63, 64, 65, 100, 101, 128, 129, 200, 201, 254, 255, 500, 501, 2000, 2001
        ])
        .prop_map(|n| Value::from("ä".repeat(n))),
        prop::sample::select(vec![20_usize, 21, 63, 64, 65, 128, 129]).prop_map(|n| Value::from("a".repeat(n))),
        prop::sample::select(vec![63_usize, 64, 65]).prop_map(|n| json!(format!("{}@b", "a".repeat(n)))),
        prop::sample::select(vec![62_usize, 63, 64]).prop_map(|n| json!(format!("a@{}.b", "b".repeat(n)))),
        ".{0,8}".prop_map(Value::from),
    ]
}

/// A good body with some of its places overwritten.
fn spoiled(good: Value, places: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let value = prop_oneof![4 => scalar().boxed(), 1 => any_json().boxed()];
    prop::collection::vec((prop::sample::select(places), value), 0..4).prop_map(move |changes| {
        changes.into_iter().fold(good.clone(), |body, (place, value)| {
            let parent = place.rsplit_once('/').unwrap().0;
            match body.pointer(parent) {
                Some(Value::Object(_)) => with(body, place, value),
                Some(Value::Array(items)) if !items.is_empty() && place.ends_with("/0") => with(body, place, value),
                _ => body,
            }
        })
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
const BEYOND_SCHEMA: [&str; 2] = ["the lines of this SKU come to", "not the order's currency"];

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

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
