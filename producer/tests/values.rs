//! Single values: which currencies, names and addresses come in, and what is said of those that don't.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use serde_json::{Value, json};
use shop::{Shop, ask, mug, order, with};

async fn refused(path: &str, body: &Value) -> Vec<(String, String)> {
    let answer = Shop::open().send(ask("POST", path).json(body)).await;
    if answer.status == 400 { answer.faults() } else { Vec::new() }
}

/// The one fault, which must be of this place.
async fn fault(path: &str, body: &Value, place: &str) -> String {
    let faults = refused(path, body).await;
    assert_eq!(faults.iter().map(|(place, _)| place.as_str()).collect::<Vec<_>>(), [place], "{body}");
    faults[0].1.clone()
}

#[tokio::test]
async fn only_a_currency_that_circulates_is_accepted_and_the_refusal_says_which_would_be_right() {
    for (code, says) in [
        ("BGN", "BGN was withdrawn: use its successor, EUR"),
        ("ZWL", "ZWL was withdrawn: use its successor, ZWG"),
        (
            "XAU",
            "XAU (Gold (one troy ounce)) is not money that anybody pays with: use a currency that circulates, such as EUR",
        ),
        ("XXX", "XXX (No currency) is not money that anybody pays with: use a currency that circulates, such as EUR"),
        (
            "CLF",
            "CLF (Unidad de Fomento) is not money that anybody pays with: use a currency that circulates, such as EUR",
        ),
        ("DEM", "not an ISO 4217 code: three capital letters, such as EUR"),
        ("eur", "not an ISO 4217 code: three capital letters, such as EUR"),
    ] {
        assert_eq!(fault("/orders", &with(order(), "/currency", json!(code)), "/currency").await, says);
        assert_eq!(fault("/products", &with(mug(), "/price/currency", json!(code)), "/price/currency").await, says);
    }
    for code in ["EUR", "HUF", "JPY", "KWD", "COP", "VES", "VED", "XOF", "XCG"] {
        assert_eq!(refused("/orders", &with(order(), "/currency", json!(code))).await, [], "{code}");
        assert_eq!(refused("/products", &with(mug(), "/price/currency", json!(code))).await, [], "{code}");
    }
}

#[tokio::test]
async fn each_currencys_decimals_are_told_also_of_those_that_are_not_accepted_any_more() {
    let answer = Shop::open().send(ask("GET", "/currencies")).await;
    assert_eq!(answer.status, 200);
    let told = answer.json();
    let of = |code: &str| told["currencies"].as_array().unwrap().iter().find(|it| it["code"] == code).unwrap();
    for (code, decimals, accepted) in
        [("HUF", 2, true), ("JPY", 0, true), ("KWD", 3, true), ("COP", 2, true), ("BGN", 2, false), ("XAU", 0, false)]
    {
        assert_eq!(*of(code), json!({ "code": code, "decimals": decimals, "accepted": accepted }));
    }
}

#[tokio::test]
async fn a_sku_that_no_address_can_carry_is_refused_and_every_other_is_reached() {
    for sku in [".", ".."] {
        let says = fault("/products", &with(mug(), "/sku", json!(sku)), "/sku").await;
        assert!(says.contains("nobody could reach it"), "{says}");
        assert_eq!(fault("/orders", &with(order(), "/lines/0/sku", json!(sku)), "/lines/0/sku").await, says);
    }
    for sku in ["...", ".a", "a.", "..a", "a..b", "a:b", ":", "-", "_", "a._:-"] {
        let (shop, product) = (Shop::open(), with(mug(), "/sku", json!(sku)));
        assert_eq!(shop.send(ask("POST", "/products").json(&product)).await.status, 201);
        assert_eq!(shop.send(ask("GET", &format!("/products/{sku}"))).await.json()["sku"], sku);
    }
}

#[tokio::test]
async fn an_address_that_no_mailer_would_take_is_refused_with_what_would_be_right() {
    for (address, says) in [
        ("a..b@x", "single dots between them"),
        ("a.@example.com", "single dots between them"),
        ("ädä@example.com", "use another address"),
        ("a@bücher.example", "write the domain in Punycode"),
        ("a@127.0.0.1", "the last begins with a letter"),
        ("Ada <ada@example.com>", "before the `@`"),
        ("nobody", "write it as ada@example.com"),
    ] {
        let fault = fault("/orders", &with(order(), "/customer/email", json!(address)), "/customer/email").await;
        assert!(fault.contains(says), "{address}: {fault}");
    }
}

#[tokio::test]
async fn text_that_steers_what_stands_around_it_is_refused_by_its_code_point_wherever_people_read_it() {
    let address = json!({"lines": ["Main St 1"], "city": "Bonn", "postal_code": "53111", "country": "DE"});
    let full = with(with(order(), "/shipping_address", address), "/metadata", json!({"a": "b"}));
    for place in [
        "/customer/name",
        "/shipping_address/lines/0",
        "/shipping_address/city",
        "/shipping_address/postal_code",
        "/metadata/a",
    ] {
        let says = fault("/orders", &with(full.clone(), place, json!("Ada\u{202e}adA")), place).await;
        assert_eq!(says, "has U+202E (it steers the direction of text) at character 4: leave it out", "{place}");
        assert_eq!(refused("/orders", &with(full.clone(), place, json!("שרה לוי"))).await, []);
    }
    for place in ["/name", "/description"] {
        let says = fault("/products", &with(mug(), place, json!("\u{feff}Mug")), place).await;
        assert_eq!(says, "has U+FEFF (it is invisible) at character 1: leave it out", "{place}");
        assert_eq!(refused("/products", &with(mug(), place, json!("کتاب\u{200c}ها 👩\u{200d}🚀"))).await, []);
    }
    let places: Vec<_> = refused("/orders", &with(order(), "/metadata", json!({"a\u{2066}": "b"}))).await;
    assert_eq!(places[0].0, "/metadata/a\u{2066}");
}
