//! `Dispatch`; and what all steps share: a message whose order is gone, or whose time is over.

use std::time::Duration;

use orders::{Order, Step};
use serde_json::json;

use crate::shop::{Call, End, Shop, message, now, placed};

const STEPS: [Step; 7] = [
    Step::ReserveInventory,
    Step::ChargePayment,
    Step::SendConfirmation,
    Step::RefundPayment,
    Step::ReleaseInventory,
    Step::NotifyRejected,
    Step::CloseOrder,
];

#[tokio::test(start_paused = true)]
async fn an_order_is_made_permanent_before_its_execution_starts() {
    let shop = Shop::open();
    let id = shop.accepted("k");
    assert_eq!(shop.deliver(Step::Dispatch, &id).await, End::Acknowledged);
    assert_eq!(*shop.calls.lock(), [Call::Keep, Call::Start]);
    let input = json!({ "order_id": id, "trace_id": "ab".repeat(16) });
    assert_eq!(*shop.started.lock(), [(id, input)]);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_order_is_gone_is_a_dead_letter_at_once() {
    let gone = Order::new(placed("gone"));
    for step in STEPS.into_iter().chain([Step::Dispatch]) {
        let shop = Shop::open();
        let End::Dead(letter) = shop.deliver(step, gone.id()).await else { panic!("{step}") };
        assert_eq!((letter.error.as_str(), letter.cause.as_str()), ("OrderNotFound", "the store has no such order"));
        assert_eq!((letter.step, letter.order_id.as_ref(), letter.receive_count), (Some(step), Some(gone.id()), 1));
        assert!(shop.started.lock().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn past_its_time_out_a_forward_step_does_nothing_and_a_backward_step_does_all() {
    for step in STEPS {
        for (entered, late) in [(24 * 3600 - 1, false), (24 * 3600, true)] {
            let shop = Shop::open();
            let (id, _) = match step {
                Step::ReserveInventory => (shop.accepted("k"), None),
                Step::ChargePayment => (shop.reserved("k"), None),
                _ => {
                    let (id, payment) = shop.paid("k");
                    (id, Some(payment))
                }
            };
            let mut message = message(step, &id);
            message["entered_at"] = json!(now() - Duration::from_secs(entered));
            let end = shop.deliver_message(&message, step.queue(), 1).await;
            let forward = matches!(step, Step::ReserveInventory | Step::ChargePayment | Step::SendConfirmation);
            if forward && late {
                assert_eq!((end, shop.calls.lock().len()), (End::Acknowledged, 0), "{step}");
            } else {
                assert!(matches!(end, End::Succeeded(_)), "{step}: {end:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_says_when_and_at_which_receive() {
    let shop = Shop::open();
    let id = shop.accepted("k");
    let step = Step::ReserveInventory;
    shop.deliver_message(&message(step, &id), step.queue(), 3).await;
    let records = shop.order(&id).progress.steps;
    assert_eq!((records[0].at, records[0].attempts), (now(), 3));
}
