//! A repeat of an accepted order, while no new one may come in.

#![allow(clippy::unwrap_used)] // a test

mod shop;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use producer::Settings;
use producer::admission::{Admission, BacklogLimit, RateLimit};
use serde_json::{Value, json};
use shop::{Answer, Shop, ask, order, with};

/// A shop that takes orders until the switch is on.
fn refusing(settings: Settings) -> (Shop, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(false));
    let seen = full.clone();
    let backlog = BacklogLimit::new(1, Duration::from_secs(5), move || usize::from(seen.load(SeqCst)));
    (Shop::with(Settings { admission: vec![Arc::new(backlog)], ..settings }), full)
}

async fn post(shop: &Shop, key: &str, body: &Value) -> Answer {
    shop.send(ask("POST", "/orders").header("Idempotency-Key", key).json(body)).await
}

fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_repeat_is_answered_under_backlog_without_a_write() {
    let (shop, full) = refusing(Settings::default());
    let first = post(&shop, "k", &order()).await;
    full.store(true, SeqCst);
    let repeat = post(&shop, "k", &order()).await;
    assert_eq!((repeat.status, repeat.header("location")), (202, first.header("location")));
    assert_eq!(repeat.body, first.body);
    assert_eq!(shop.store.accepts.load(SeqCst), 1, "a repeat only reads");

    let other = post(&shop, "k", &with(order(), "/lines/0/quantity", json!(7))).await;
    assert_eq!((other.status, other.problem().as_str()), (422, "idempotency-key-reused"));
    let faulty = post(&shop, "k", &json!({})).await;
    assert_eq!(faulty.status, 400);
    let new = post(&shop, "new", &order()).await;
    assert_eq!((new.status, new.problem().as_str(), new.header("retry-after")), (503, "backlog", Some("5")));
    assert!(detail(&new).contains("none with this idempotency key was accepted"), "{}", detail(&new));
    assert_eq!((shop.store.accepts.load(SeqCst), shop.store.orders.lock().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_repeat_is_answered_beyond_the_rate() {
    let one = Arc::new(RateLimit::per_second(NonZeroU32::MIN, NonZeroU32::MIN));
    let shop = Shop::with(Settings { admission: vec![one], ..Settings::default() });
    assert_eq!(post(&shop, "k", &order()).await.status, 202);
    let limited = post(&shop, "new", &order()).await;
    assert_eq!(
        (limited.status, detail(&limited).contains("No order with this idempotency key was accepted")),
        (429, true)
    );
    assert_eq!(post(&shop, "k", &order()).await.status, 202);
}

#[tokio::test]
async fn a_new_order_is_not_looked_up() {
    let (shop, full) = refusing(Settings::default());
    let before = shop.store.reads.load(SeqCst);
    post(&shop, "k", &order()).await;
    assert_eq!(shop.store.reads.load(SeqCst) - before, 1, "one call of the store: the write");
    full.store(true, SeqCst);
    let before = shop.store.reads.load(SeqCst);
    let without_key = shop.send(ask("POST", "/orders").json(&order())).await;
    assert_eq!(
        (without_key.status, shop.store.reads.load(SeqCst) - before),
        (503, 0),
        "no order has a key that is made here"
    );
}

#[tokio::test]
async fn a_flood_of_repeats_is_limited_and_told_that_nothing_is_known() {
    let lookups: Arc<dyn Admission> = Arc::new(RateLimit::per_second(NonZeroU32::MIN, NonZeroU32::MIN));
    let (shop, full) = refusing(Settings { lookups, ..Settings::default() });
    post(&shop, "k", &order()).await;
    full.store(true, SeqCst);
    assert_eq!(post(&shop, "k", &order()).await.status, 202);
    let flood = post(&shop, "k", &order()).await;
    assert_eq!((flood.status, flood.problem().as_str()), (503, "backlog"));
    assert!(detail(&flood).contains("It was not looked up"), "{}", detail(&flood));
}

#[tokio::test]
async fn a_look_up_that_fails_says_that_the_outcome_is_unknown() {
    let (shop, full) = refusing(Settings::default());
    post(&shop, "k", &order()).await;
    full.store(true, SeqCst);
    shop.store.unavailable.store(true, SeqCst);
    let answer = post(&shop, "k", &order()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"));
}
