//! `ReserveInventory` and `ReleaseInventory`: decided on prices and stock as they are, and decided anew when they change.

use orders::{Done, Outcome, Status, Step};
use serde_json::json;

use crate::shop::{Call, End, Shop, euros, sku};

#[tokio::test(start_paused = true)]
async fn a_reservation_takes_the_lines_at_the_present_price_and_a_release_gives_them_back() {
    let shop = Shop::open();
    let id = shop.accepted("k");
    let reserved = End::Succeeded(json!({ "outcome": "Reserved", "total": { "amount": 2000, "currency": "EUR" } }));
    for _ in 0..2 {
        assert_eq!(shop.deliver(Step::ReserveInventory, &id).await, reserved);
        let mug = shop.products.lock()[&sku("MUG")].clone();
        assert_eq!((mug.stock, mug.reserved), (8, 2));
    }
    for _ in 0..2 {
        let released = End::Succeeded(json!({ "outcome": "Released" }));
        assert_eq!(shop.deliver(Step::ReleaseInventory, &id).await, released);
        let mug = shop.products.lock()[&sku("MUG")].clone();
        assert_eq!((mug.stock, mug.reserved), (10, 0));
    }
    let products = shop.calls.lock().iter().filter(|call| **call == Call::Products).count();
    assert_eq!(products, 1, "a recorded outcome needs no prices");
}

#[tokio::test(start_paused = true)]
async fn a_price_that_changes_under_a_reservation_is_read_anew() {
    let shop = Shop::open();
    let id = shop.accepted("k");
    shop.before(Call::Update, |shop| shop.products.lock().get_mut(&sku("MUG")).unwrap().price = euros(1100));
    let reserved = End::Succeeded(json!({ "outcome": "Reserved", "total": { "amount": 2200, "currency": "EUR" } }));
    assert_eq!(shop.deliver(Step::ReserveInventory, &id).await, reserved);
    assert_eq!(shop.order(&id).progress.unit_prices, [1100]);
}

#[tokio::test(start_paused = true)]
async fn stock_that_goes_under_a_reservation_rejects_it() {
    let shop = Shop::open();
    let id = shop.accepted("k");
    shop.before(Call::Update, |shop| shop.products.lock().get_mut(&sku("MUG")).unwrap().stock = 1);
    for _ in 0..2 {
        assert_eq!(shop.deliver(Step::ReserveInventory, &id).await, End::Failed("OutOfStock".into()));
    }
    assert_eq!(shop.status(&id), Status::Accepted);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_keeps_changing_is_left_to_the_queue() {
    for step in [Step::ReserveInventory, Step::ReleaseInventory] {
        let shop = Shop::open();
        let id = shop.accepted("k");
        for _ in 0..8 {
            let order = id.clone();
            shop.before(Call::Update, move |shop| shop.change(&order, |_| {}));
        }
        assert_eq!(shop.deliver(step, &id).await, End::Reported, "{step}");
        assert_eq!(shop.order(&id).outcome(step), None);
        // The ninth write finds it as it was read.
        assert!(matches!(shop.deliver(step, &id).await, End::Succeeded(_)), "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_changes_seven_times_is_written_the_eighth_time() {
    for step in [Step::ReserveInventory, Step::ReleaseInventory] {
        let shop = Shop::open();
        let id = shop.accepted("k");
        for _ in 0..7 {
            let order = id.clone();
            shop.before(Call::Update, move |shop| shop.change(&order, |_| {}));
        }
        assert!(matches!(shop.deliver(step, &id).await, End::Succeeded(_)), "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_came_first_refuses_the_reservation() {
    let shop = Shop::open();
    let id = shop.accepted("k");
    let end = shop.deliver(Step::ReleaseInventory, &id).await;
    assert_eq!(end, End::Succeeded(json!({ "outcome": "NothingReserved" })));
    assert_eq!(shop.deliver(Step::ReserveInventory, &id).await, End::Failed("Compensated".into()));
    assert_eq!(shop.order(&id).outcome(Step::ReleaseInventory), Some(Outcome::Done(Done::NothingReserved)));
    assert_eq!(shop.products.lock()[&sku("MUG")].stock, 10);
}
