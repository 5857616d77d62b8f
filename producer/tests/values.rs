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

