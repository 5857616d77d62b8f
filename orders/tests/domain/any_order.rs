//! Calls in any order at all, on orders of any size, while prices and stock change: what no caller can break.

use std::collections::BTreeMap;

use orders::mail::MailResult;
use orders::money::MAX_AMOUNT;
use orders::payment::Charge;
use orders::reservation::Reservation;
use orders::{Currency, Done, Money, Order, Product, Reason, RejectReason, Sku, Status, Step, StockChange};
use proptest::prelude::*;

use crate::rules::broken;
use crate::shop::{Stock, attempt, noon, order, payment, product};

const SKUS: [&str; 3] = ["MUG", "POT", "TEA"];

#[derive(Debug, Clone)]
enum Call {
    Price(usize, Money),
    Reserve,
    Release,
    BeginCharge,
    PaymentCreated(&'static str),
    FinishCharge(Charge),
    BeginRefund,
    FinishRefund(Done),
    Confirm,
    Reject(Reason),
    Mailed(Step, MailResult),
    Close(Option<Reason>),
    Cancel,
}

fn price() -> impl Strategy<Value = Money> {
    let amount = prop_oneof![
        8 => 0i64..5000,
        2 => (MAX_AMOUNT - 3)..=(MAX_AMOUNT + 1),
        1 => Just(i64::MAX),
    ];
    let currency = prop_oneof![9 => Just(Currency::EUR), 1 => Just(Currency::USD)];
    (amount, currency).prop_map(|(amount, currency)| Money::new(amount, currency))
}

fn call() -> impl Strategy<Value = Call> {
    let reason = || {
        prop::sample::select(vec![
            Reason::TechnicalFailure,
            Reason::Business(RejectReason::Cancelled),
            Reason::Business(RejectReason::OutOfStock),
        ])
    };
    prop_oneof![
        (0..SKUS.len(), price()).prop_map(|(index, price)| Call::Price(index, price)),
        Just(Call::Reserve),
        Just(Call::Release),
        Just(Call::BeginCharge),
        prop::sample::select(vec!["pi_1", "pi_2"]).prop_map(Call::PaymentCreated),
        Just(Call::FinishCharge(Charge::Captured)),
        Just(Call::FinishCharge(Charge::Declined(RejectReason::PaymentDeclined))),
        Just(Call::BeginRefund),
        prop::sample::select(vec![Done::Refunded, Done::Voided]).prop_map(Call::FinishRefund),
        Just(Call::Confirm),
        reason().prop_map(Call::Reject),
        (
            prop::sample::select(vec![Step::SendConfirmation, Step::NotifyRejected]),
            prop::sample::select(MailResult::ALL)
        )
            .prop_map(|(step, result)| Call::Mailed(step, result)),
        prop::option::of(reason()).prop_map(Call::Close),
        Just(Call::Cancel),
    ]
}

/// A shop with one order.
struct Shop {
    order: Order,
    prices: BTreeMap<Sku, Money>,
    stock: BTreeMap<Sku, Stock>,
}

impl Shop {
    fn products(&self) -> Vec<Product> {
        let free = |sku: &Sku| self.stock[sku].free;
        self.prices.iter().map(|(sku, price)| product(sku.as_str(), *price, free(sku))).collect()
    }

    fn call(&mut self, call: &Call) {
        let products = self.products();
        let order = &mut self.order;
        let stock = match call.clone() {
            Call::Price(index, price) => {
                self.prices.insert(SKUS[index].parse().unwrap(), price);
                Vec::new()
            }
            Call::Reserve => order.reserve(&products, attempt()),
            Call::Release => order.release(attempt()),
            Call::Confirm => order.confirm(attempt()),
            Call::Close(failure) => order.close(failure, attempt()),
            other => {
                match other {
                    Call::BeginCharge => order.begin_charge(attempt()),
                    Call::PaymentCreated(id) => order.payment_created(payment(id), attempt()),
                    Call::FinishCharge(charge) => order.finish_charge(charge, attempt()),
                    Call::BeginRefund => order.begin_refund(attempt()),
                    Call::FinishRefund(done) => order.finish_refund(done, attempt()),
                    Call::Reject(reason) => order.reject(reason, attempt()),
                    Call::Mailed(step, result) => order.mailed(step, result, attempt()),
                    _ => drop(order.request_cancel(noon())),
                }
                Vec::new()
            }
        };
        for change in &stock {
            let (StockChange::Take { sku, .. } | StockChange::Return { sku, .. } | StockChange::Settle { sku, .. }) =
                change;
            self.stock.get_mut(sku).unwrap().apply(change);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_calls_in_any_order_break_a_rule(
        quantities in prop::collection::vec(1u32..4, 1..=SKUS.len()),
        stocks in prop::collection::vec(0u32..8, SKUS.len()),
        prices in prop::collection::vec(price(), SKUS.len()),
        calls in prop::collection::vec(call(), 1..60),
    ) {
        let lines: Vec<(&str, u32)> = SKUS.into_iter().zip(quantities.iter().copied()).collect();
        let skus = || SKUS.iter().map(|name| name.parse::<Sku>().unwrap());
        let stock = |free: &u32| Stock { free: *free, reserved: 0, sold: 0 };
        let mut shop = Shop {
            order: order(&lines),
            prices: skus().zip(prices).collect(),
            stock: skus().zip(stocks.iter().map(stock)).collect(),
        };
        for call in &calls {
            let before = shop.order.clone();
            shop.call(call);
            let after = &shop.order;
            prop_assert_eq!(broken(&before, after), None, "after {:?}", call);
            let confirmed = after.progress.status == Status::Confirmed;
            let held = after.progress.reservation == Reservation::Held && !confirmed;
            for ((sku, stock), had) in shop.stock.iter().zip(&stocks) {
                let quantity = lines.iter().find(|(name, _)| *name == sku.as_str()).map_or(0, |line| line.1);
                prop_assert_eq!(stock.free + stock.reserved + stock.sold, *had, "{:?} of {}", stock, sku);
                prop_assert_eq!(stock.reserved, if held { quantity } else { 0 }, "{:?} of {}", stock, sku);
                prop_assert_eq!(stock.sold, if confirmed { quantity } else { 0 }, "{:?} of {}", stock, sku);
            }
        }
    }
}
