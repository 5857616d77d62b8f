//! Orders that nothing moves any more, and the remedies: over the ports, with the real workers.

use std::time::Duration;

use ops::{NewRun, Operations as _, Ops, Remedy, Stuck};
use orders::ports::ops::{Action, EntryState};
use orders::ports::{OrderStore as _, PageRequest};
use orders::step::QueueName;
use orders::{OrderId, Queue, Status, Step};

use crate::shop::Shop;

async fn stuck(ops: &Ops) -> Vec<Stuck> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let limit = const { std::num::NonZeroU32::new(2).unwrap() };
        let page = ops.stuck(Duration::ZERO, &PageRequest { limit, cursor }).await.unwrap();
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

async fn remedy(ops: &Ops, id: &OrderId) -> Option<Remedy> {
    stuck(ops).await.into_iter().find(|stuck| stuck.order.order_id == *id).map(|stuck| stuck.remedy)
}

async fn repair(ops: &Ops, id: &OrderId) -> EntryState {
    let run =
        ops.begin(&NewRun { action: Action::Reconcile, queue: None, how: serde_json::Value::Null }).await.unwrap();
    let entry = ops.repair(&run.id, id).await.unwrap();
    ops.finish(&run.id).await.unwrap();
    entry.state
}

/// Two orders: one charged and not confirmed, one only reserved; nothing is in any queue.
async fn half_way() -> (Shop, OrderId) {
    let shop = Shop::open().await;
    shop.embedded.gateway().set_down(true).await.unwrap();
    let id = shop.accept(1).await.remove(0);
    shop.work(shop.dead_letters(1)).await;
    shop.embedded.gateway().set_down(false).await.unwrap();
    shop.embedded.queues().purge(QueueName::dlq(Queue::Payments)).await.unwrap();
    (shop, id)
}

#[tokio::test]
async fn an_aborted_execution_is_compensated_step_by_step() {
    let (shop, id) = half_way().await;
    shop.embedded.workflow().stop(&id, None, None).await.unwrap();
    let ops = shop.ops();
    assert_eq!(remedy(&ops, &id).await, Some(Remedy::Compensate));
    let state = shop.work(repair(&ops, &id)).await;
    assert_eq!(state, EntryState::Done);
    let order = shop.embedded.orders().get(&id).await.unwrap().unwrap();
    assert_eq!(order.progress.status, Status::Rejected);
    let steps: Vec<Step> = order.progress.steps.iter().map(|record| record.step).collect();
    assert_eq!(steps, [Step::ReserveInventory, Step::RefundPayment, Step::ReleaseInventory, Step::NotifyRejected]);
    assert_eq!(shop.embedded.mailbox().of_order(&id).await.unwrap().len(), 1);
    assert_eq!(remedy(&ops, &id).await, Some(Remedy::Nothing), "it is still shown");
    assert_eq!(repair(&ops, &id).await, EntryState::Refused, "the order is final");
}

#[tokio::test]
async fn a_compensation_that_takes_longer_is_left_to_the_next_time() {
    let (shop, id) = half_way().await;
    shop.embedded.workflow().stop(&id, None, None).await.unwrap();
    let ops = shop.ops();
    // Nobody works: the first compensation waits in its queue.
    assert_eq!(repair(&ops, &id).await, EntryState::Refused);
    assert_eq!(shop.status(&id).await, Status::Reserved);
    assert_eq!(shop.work(repair(&ops, &id)).await, EntryState::Done);
    assert_eq!(shop.status(&id).await, Status::Rejected);
}

#[tokio::test]
async fn a_step_whose_message_is_lost_is_sent_again() {
    let (shop, id) = half_way().await;
    let ops = shop.ops();
    assert_eq!(remedy(&ops, &id).await, Some(Remedy::Resend { step: Step::ChargePayment }));
    shop.work(async {
        assert_eq!(repair(&ops, &id).await, EntryState::Done);
        shop.quiet(std::slice::from_ref(&id)).await;
    })
    .await;
    assert_eq!(shop.status(&id).await, Status::Confirmed);
    assert_eq!(remedy(&ops, &id).await, None);
}

#[tokio::test]
async fn an_order_whose_dispatch_is_lost_is_dispatched_again() {
    let shop = Shop::open().await;
    let id = shop.accept(1).await.remove(0);
    shop.embedded.queues().purge(Queue::Orders.into()).await.unwrap();
    let ops = shop.ops();
    assert_eq!(remedy(&ops, &id).await, Some(Remedy::Dispatch));
    shop.work(async {
        assert_eq!(repair(&ops, &id).await, EntryState::Done);
        shop.quiet(std::slice::from_ref(&id)).await;
    })
    .await;
    assert_eq!(shop.status(&id).await, Status::Confirmed);
}

#[tokio::test]
async fn an_aborted_execution_is_redriven_and_ends_as_if_nothing_had_been() {
    let (shop, id) = half_way().await;
    shop.embedded.workflow().stop(&id, None, None).await.unwrap();
    let ops = shop.ops();
    shop.work(async {
        assert_eq!(ops.redrive_execution(&id).await.unwrap().state, EntryState::Done);
        shop.quiet(std::slice::from_ref(&id)).await;
    })
    .await;
    assert_eq!(shop.status(&id).await, Status::Confirmed);
    let execution = ops.execution(&id).await.unwrap();
    assert_eq!(execution.status, orders::ports::ops::ExecutionStatus::Succeeded);
    assert!(ops.redrive_execution(&id).await.is_err(), "it has succeeded");
    let redriven = ops.history(&id).await.unwrap();
    let numbers: Vec<u64> = redriven.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "the history has no holes");
    assert_eq!(shop.embedded.gateway().ledger(&id).await.unwrap().len(), 1);
}
