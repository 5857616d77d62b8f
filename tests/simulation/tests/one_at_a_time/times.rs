//! What the clock has to say: a forward step that comes too late does nothing, and a timeline tells when.

use std::time::Duration;

use jiff::SignedDuration;
use orders::{Order, Outcome, Queue, RejectReason, Step};

use simulation::world::World;

/// Every step times out after a day.
const TOO_LATE: Duration = Duration::from_secs(25 * 60 * 60);

fn recorded(order: &Order, step: Step) -> jiff::Timestamp {
    order.progress.steps.iter().find(|record| record.step == step).unwrap().at
}

#[tokio::test(start_paused = true)]
async fn a_forward_step_that_is_delivered_after_its_time_out_calls_nobody_and_is_acknowledged() {
    let way = [Queue::Orders, Queue::Inventory, Queue::Payments, Queue::Emails];
    for (done, late) in way.into_iter().enumerate().skip(1) {
        let world = World::new();
        let id = world.post("order", |_| {}).await;
        for queue in &way[..done] {
            world.deliver_from(*queue).await;
        }
        world.clock.advance(TOO_LATE);
        let (order, calls) = (world.order(&id), world.faults.calls());
        assert!(world.deliver_from(late).await, "nothing was in {late}");
        assert_eq!(world.faults.calls(), calls, "{late}: a port was called");
        assert_eq!(world.order(&id), order);
        assert!(world.queues.messages(late.into()).is_empty(), "{late}: not acknowledged");
        // The workflow has not waited, and undoes what there is.
        world.run().await;
        world.check(&id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_forward_step_that_becomes_late_behind_others_of_its_batch_takes_no_effect() {
    let world = World::new();
    let (first, second) = (world.post("first", |_| {}).await, world.post("second", |_| {}).await);
    world.deliver_from(Queue::Orders).await;
    world.deliver_from(Queue::Inventory).await;
    world.gateway.take(TOO_LATE);
    world.deliver_from(Queue::Payments).await;
    world.gateway.take(Duration::ZERO);
    assert_eq!((world.gateway.captures(&first), world.gateway.captures(&second)), (1, 0));
    world.run().await;
    world.check(&first);
    world.check(&second);
}

#[tokio::test(start_paused = true)]
async fn a_timeline_says_when_each_outcome_was_decided() {
    let world = World::new();
    let id = world.post("order", |_| {}).await;
    world.gateway.take(Duration::from_secs(2));
    for queue in [Queue::Orders, Queue::Inventory, Queue::Payments] {
        world.deliver_from(queue).await;
    }
    assert!(world.cancel(&id).await);
    world.run().await;
    let order = world.order(&id);
    let between = |one, other| recorded(&order, other).duration_since(recorded(&order, one));
    // The payment is created and confirmed, later read and refunded: two calls each, of two seconds.
    assert_eq!(between(Step::ReserveInventory, Step::ChargePayment), SignedDuration::from_secs(4));
    assert_eq!(between(Step::SendConfirmation, Step::RefundPayment), SignedDuration::from_secs(4));
    assert_eq!(order.outcome(Step::SendConfirmation), Some(Outcome::Rejected(RejectReason::Cancelled)));
}
