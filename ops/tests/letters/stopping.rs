//! `executions stop --compensate`, while the order moves on.

use ops::{Operations as _, StopRequest};
use orders::order::Attempt;
use orders::payment::{Charge, PaymentId};
use orders::ports::ops::EntryState;
use orders::{Money, Product, Status, Step};
use serde_json::json;

use crate::world::{World, body, noon};

const fn attempt(at: jiff::Timestamp) -> Attempt {
    Attempt { at, number: 1 }
}

/// An order whose confirmation is under way.
fn paid(world: &World) -> orders::OrderId {
    let id = world.order("k");
    let mug = Product {
        sku: "MUG".parse().unwrap(),
        name: "Mug".into(),
        description: None,
        price: Money::new(1000, orders::Currency::EUR),
        stock: 1,
        reserved: 0,
        version: 1,
    };
    let mut state = world.state();
    let order = state.orders.get_mut(&id).unwrap();
    order.reserve(&[mug], attempt(noon()));
    order.begin_charge(attempt(noon()));
    order.payment_created(PaymentId("pi_1".into()), attempt(noon()));
    order.finish_charge(Charge::Captured, attempt(noon()));
    let parameters = json!({ "MessageBody": body(Step::SendConfirmation, &id) }).to_string();
    let scheduled = json!({ "type": "TaskScheduled", "taskScheduledEventDetails": { "parameters": parameters } });
    state.histories.insert(id.clone(), vec![scheduled]);
    id
}

fn request() -> StopRequest {
    StopRequest { cause: "the customer called".into(), compensate: true }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_confirmed_while_it_is_stopped_keeps_its_money_and_its_goods_and_ops_are_told() {
    let world = World::new();
    let id = paid(&world);
    let confirmed = id.clone();
    world.state().reaction = Some(Box::new(move |state, _| {
        state.orders.get_mut(&confirmed).unwrap().confirm(attempt(noon()));
    }));
    let entry = world.ops().stop(&id, &request()).await.unwrap();
    assert_eq!(entry.state, EntryState::Refused);
    assert_eq!(entry.note.as_deref(), Some("the order is confirmed: nothing was undone"));
    assert_eq!(world.state().sent.len(), 1, "no release and no rejection follow");
}

#[tokio::test(start_paused = true)]
async fn an_order_is_undone_backwards_each_step_when_the_one_before_is_recorded() {
    let world = World::new();
    let id = paid(&world);
    let undone = id.clone();
    world.state().reaction = Some(Box::new(move |state, message| {
        let order = state.orders.get_mut(&undone).unwrap();
        match &message.body {
            body if body.contains("RefundPayment") => {
                order.begin_refund(attempt(noon()));
                order.finish_refund(orders::Done::Refunded, attempt(noon()));
            }
            body if body.contains("ReleaseInventory") => drop(order.release(attempt(noon()))),
            _ => {
                order.reject(orders::Reason::TechnicalFailure, attempt(noon()));
                order.mailed(Step::NotifyRejected, orders::mail::MailResult::Sent, attempt(noon()));
            }
        }
    }));
    let entry = world.ops().stop(&id, &request()).await.unwrap();
    assert_eq!((entry.state, entry.note.as_deref()), (EntryState::Done, Some("compensated: the order is rejected")));
    let state = world.state();
    assert_eq!(state.orders[&id].progress.status, Status::Rejected);
    let steps: Vec<Step> = state
        .sent
        .iter()
        .map(|(_, message)| serde_json::from_str::<serde_json::Value>(&message.body).unwrap()["step"].clone())
        .map(|step| serde_json::from_value(step).unwrap())
        .collect();
    assert_eq!(steps, [Step::RefundPayment, Step::ReleaseInventory, Step::NotifyRejected]);
}

#[tokio::test(start_paused = true)]
async fn a_compensation_that_takes_long_is_left_to_the_next_call() {
    let world = World::new();
    let id = paid(&world);
    let entry = world.ops().stop(&id, &request()).await.unwrap();
    assert_eq!(entry.state, EntryState::Refused);
    assert!(entry.note.unwrap().starts_with("RefundPayment was sent and is not done yet (the customer called)"));
}
