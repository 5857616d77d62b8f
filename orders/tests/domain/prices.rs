//! What a reservation takes: products, prices, totals, stock.

use orders::money::MAX_AMOUNT;
use orders::order::Content;
use orders::{Currency, Done, Money, Order, Outcome, Product, RejectReason, Step, StockChange};

use crate::page;
use crate::shop::{euros, order, product, sku};
use crate::told::{now, told};

/// Two mugs at 10.00 EUR and a pot at 25.00 EUR: just enough of both.
fn products() -> Vec<Product> {
    vec![product("MUG", euros(1000), 2), product("POT", euros(2500), 1)]
}

fn pot(products: &mut [Product]) -> Option<&mut Product> {
    products.iter_mut().find(|product| product.sku == sku("POT"))
}

type Case = (&'static str, fn(&mut Vec<Product>, &mut Content));

/// The first that fits decides; those that reject come in the order in which they are looked at.
const CASES: &[Case] = &[
    ("there is no pot", |products, _| products.retain(|product| product.sku != sku("POT"))),
    ("the pot is priced in dollars", |products, _| {
        pot(products).into_iter().for_each(|pot| pot.price.currency = Currency::USD);
    }),
    ("a price whose sum no integer holds", |products, _| {
        pot(products).into_iter().for_each(|pot| pot.price.amount = i64::MAX);
    }),
    ("the storefront showed 45.01 EUR", |_, content| content.expected_total = Some(euros(4501))),
    ("the total is 1000000.00 EUR", |products, _| {
        pot(products).into_iter().for_each(|pot| pot.price.amount = MAX_AMOUNT + 1 - 2000);
    }),
    ("one mug is left", |products, _| products[0].stock = 1),
    ("the storefront showed 45.00 EUR", |_, content| content.expected_total = Some(euros(4500))),
    ("the total is 999999.99 EUR", |products, _| {
        pot(products).into_iter().for_each(|pot| pot.price.amount = MAX_AMOUNT - 2000);
    }),
    ("two mugs and one pot are left", |_, _| {}),
];

fn reserved(cases: &[&Case]) -> (Order, Order, Vec<StockChange>) {
    let (mut products, mut before) = (products(), order(&[("MUG", 2), ("POT", 1)]));
    for (_, change) in cases {
        change(&mut products, &mut before.placed.content);
    }
    let mut after = before.clone();
    let stock = after.reserve(&products, now());
    (before, after, stock)
}

fn rejects(case: &Case) -> bool {
    matches!(reserved(&[case]).1.outcome(Step::ReserveInventory), Some(Outcome::Rejected(_)))
}

#[test]
fn the_first_reason_against_an_order_rejects_it() {
    let mut rows = Vec::new();
    for (index, case) in CASES.iter().enumerate() {
        let (before, after, stock) = reserved(&[case]);
        rows.push(vec![case.0.to_owned(), told(&before, &after, &stock.into())]);
        // Also where a later reason holds as well.
        let outcome = after.outcome(Step::ReserveInventory).unwrap();
        for later in CASES[index + 1..].iter().filter(|later| rejects(later)) {
            let both = reserved(&[later, case]).1;
            assert_eq!(both.outcome(Step::ReserveInventory), Some(outcome), "{} and {}", case.0, later.0);
        }
    }
    page::holds("reserve: products", &page::table(&["the first that is so", "then"], &rows));
}

#[test]
fn an_order_of_one_mug_costs_what_a_mug_costs_and_takes_no_more() {
    for (price, fits) in [(0, true), (1, true), (MAX_AMOUNT, true), (MAX_AMOUNT + 1, false), (i64::MAX, false)] {
        let mut order = order(&[("MUG", 1)]);
        let stock = order.reserve(&[product("MUG", euros(price), 1)], now());
        let outcome = order.outcome(Step::ReserveInventory).unwrap();
        if fits {
            assert_eq!(outcome, Outcome::Done(Done::Reserved));
            assert_eq!((order.progress.total, order.progress.unit_prices), (Some(euros(price)), vec![price]));
            assert_eq!(stock, [StockChange::Take { sku: sku("MUG"), quantity: 1, price: euros(price) }]);
        } else {
            assert_eq!(outcome, Outcome::Rejected(RejectReason::AmountTooLarge));
            assert_eq!((order.progress.total, stock), (None, Vec::new()));
        }
    }
}

#[test]
fn a_product_and_a_sum_keep_their_currency() {
    let yen = |amount| Money::new(amount, Currency::JPY);
    assert_eq!(yen(120).times(3), Some(yen(360)));
    assert_eq!(yen(120).times(0), Some(yen(0)));
    assert_eq!(yen(120).plus(yen(3)), Some(yen(123)));
    assert_eq!(yen(0).to_string(), "0 JPY");
    assert_eq!(euros(0).to_string(), "0.00 EUR");
}
