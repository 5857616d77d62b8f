//! A dead letter as ops see it: why it is there, where its order stands, and whether a replay would refuse it.

use std::num::NonZeroU32;
use std::sync::Arc;

use ops::{Cause, Exported, Letter, Operations as _, OrderNow, ReplayAttribute, Selection};
use orders::order::Attempt;
use orders::payment::PaymentId;
use orders::ports::PageRequest;
use orders::{Queue, Reason, RejectReason, Status, Step};
use serde_json::json;

use crate::world::{World, body, noon};

const fn attempt() -> Attempt {
    Attempt { at: jiff::Timestamp::UNIX_EPOCH, number: 1 }
}

/// The only dead letter.
async fn letter(world: &Arc<World>) -> Letter {
    let page = PageRequest { limit: NonZeroU32::MIN, cursor: None };
    world.ops().letters(Queue::Payments, &Selection::default(), &page).await.unwrap().items.remove(0)
}

#[tokio::test]
async fn a_letter_tells_the_cause_that_it_carries() {
    let world = World::new();
    let order = world.letter("m");
    let told = json!({
        "error": "GatewayUnavailable", "cause": "no answer", "step": "ChargePayment", "order_id": order,
        "first_failure": noon(), "receive_count": 10,
    });
    world.state().dead[0].attributes.insert("dead_letter".into(), told.to_string());
    let letter = letter(&world).await;
    let cause = Cause {
        error: "GatewayUnavailable".into(),
        cause: "no answer".into(),
        step: Some(Step::ChargePayment),
        order_id: Some(order.clone()),
        first_failure: Some(noon()),
        receive_count: 10,
    };
    assert_eq!((letter.cause, letter.order_id, letter.refusal), (cause, Some(order), None));
}

#[tokio::test]
async fn a_letter_without_a_cause_says_so_and_knows_its_order_from_its_body() {
    let world = World::new();
    let order = world.letter("m");
    world.state().dead[0].receive_count = 7;
    let letter = letter(&world).await;
    assert_eq!((letter.cause.error.as_str(), letter.cause.receive_count), ("NoCause", 7));
    assert!(letter.cause.cause.starts_with("nobody said why"), "{}", letter.cause.cause);
    assert_eq!((letter.cause.step, letter.order_id), (Some(Step::ChargePayment), Some(order)));
}

#[tokio::test]
async fn a_letter_that_nobody_can_read_knows_its_order_from_its_cause() {
    let world = World::new();
    let order = world.letter("m");
    {
        let dead = &mut world.state().dead[0];
        dead.body = "poison".into();
        dead.attributes.insert("dead_letter".into(), json!({ "error": "Undecodable", "order_id": order }).to_string());
    }
    let letter = letter(&world).await;
    assert_eq!(letter.order_id.as_ref(), Some(&order));
    let refusal = letter.refusal.clone().unwrap();
    assert!(refusal.starts_with("its queue can't read it: ") && refusal.ends_with("; edit or purge it"), "{refusal}");
    assert_eq!(letter.refusal_with(Queue::Payments, &body(Step::ChargePayment, &order)), None);
    assert!(letter.refusal_with(Queue::Emails, &body(Step::ChargePayment, &order)).is_some());
}

#[tokio::test]
async fn a_letter_says_what_its_order_knows_of_its_step() {
    let world = World::new();
    let id = world.letter("m");
    let now = |status, reason, effect: &str| Some(OrderNow { status, reason, effect: Some(effect.to_owned()) });
    assert_eq!(letter(&world).await.order, now(Status::Reserved, None, "no record of ChargePayment"));

    {
        // A payment that was created says something of its charge, and nothing of its refund.
        let mut state = world.state();
        let order = state.orders.get_mut(&id).unwrap();
        order.begin_charge(attempt());
        order.payment_created(PaymentId("pi_1".into()), attempt());
    }
    let begun = "begun: the gateway knows how far it got";
    assert_eq!(letter(&world).await.order, now(Status::Reserved, None, begun));
    world.state().dead[0].body = body(Step::RefundPayment, &id);
    assert_eq!(letter(&world).await.order, now(Status::Reserved, None, "no record of RefundPayment"));

    {
        let mut state = world.state();
        let order = state.orders.get_mut(&id).unwrap();
        order.begin_refund(attempt());
        order.finish_refund(orders::Done::Voided, attempt());
        order.reject(Reason::Business(RejectReason::Cancelled), attempt());
    }
    let cancelled = Some(Reason::Business(RejectReason::Cancelled));
    let letter = letter(&world).await;
    assert_eq!(letter.order, now(Status::Rejected, cancelled, "already Voided"));
    let refusal = "its step is done already (Voided), and nothing waits for its answer";
    assert_eq!(letter.refusal.as_deref(), Some(refusal));

    world.state().orders.clear();
    let letter = self::letter(&world).await;
    assert_eq!((letter.order, letter.refusal.as_deref()), (None, Some("the store has no such order")));
}

#[tokio::test]
async fn a_letter_that_was_replayed_counts_and_is_exported_as_it_is() {
    let world = World::new();
    world.letter("m");
    assert_eq!(letter(&world).await.replayed, 0);
    let replay = ReplayAttribute { of: "l".into(), count: 2, by: "day".into(), at: noon() };
    let attributes = [("replay".to_owned(), serde_json::to_string(&replay).unwrap())];
    world.state().dead[0].attributes.extend(attributes);
    let letter = letter(&world).await;
    assert_eq!(letter.replayed, 2);
    let exported = Exported {
        queue: Queue::Payments,
        message_id: "m".into(),
        sent_at: noon(),
        body: letter.body.clone(),
        attributes: letter.attributes.clone(),
        trace_header: Some("Root=1".into()),
    };
    assert_eq!(Exported::of(Queue::Payments, &letter), exported);
}
