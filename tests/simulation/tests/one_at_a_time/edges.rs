//! Every edge of the definition: each reject is caught and never retried, each Retry and Catch is walked.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use orders::{OrderId, Queue, Reason, RejectReason, Status, Step};
use statemachine::EventType;

use simulation::edges::{Edge, all, walked};
use simulation::memory::workflow::definition;
use simulation::world::World;

async fn edges_of(world: &World, id: &OrderId) -> BTreeSet<Edge> {
    world.check(id);
    world.workflow.with_run(id, |run| walked(&run.unwrap().history))
}

/// Every forward and backward state, and how to make its send fail or its message disappear.
async fn with_trouble(state: &'static str, needs_rejection: bool, lost: bool) -> BTreeSet<Edge> {
    let world = World::new();
    // CloseOrder comes after a mail that could not be sent.
    if state == "CloseOrder" {
        world.workflow.lose_sends(if needs_rejection { "NotifyRejected" } else { "SendConfirmation" });
    }
    if lost {
        world.workflow.lose_sends(state);
    } else {
        world.workflow.break_sends(state, 3);
    }
    let method = if needs_rejection { "pm_card_chargeDeclined" } else { "pm_card_visa" };
    let id = world.post("order", |content| content.payment_method = method.into()).await;
    // Two days: time enough for a step to time out, and for a compensation to be tried again.
    world.run_for(SignedDuration::from_hours(49)).await;
    world.workflow.find_sends(state);
    world.run().await;
    edges_of(&world, &id).await
}

#[tokio::test(start_paused = true)]
async fn every_retry_and_catch_edge_is_walked() {
    let mut seen = BTreeSet::new();
    for state in definition().states() {
        for needs_rejection in [false, true] {
            for lost in [false, true] {
                seen.extend(with_trouble(Box::leak(state.name().into()), needs_rejection, lost).await);
            }
        }
    }
    seen.extend(cancelled_before_its_mail(false).await);
    seen.extend(cancelled_before_its_mail(true).await);
    let all = all();
    let missed: Vec<_> = all.difference(&seen).collect();
    assert!(missed.is_empty(), "not walked: {missed:?}");
}

/// The order is paid, its mail's message is away, and the customer cancels: the mail step (or, after a day without it,
/// CloseOrder) must honour that.
async fn cancelled_before_its_mail(mail_never_comes: bool) -> BTreeSet<Edge> {
    let world = World::new();
    if mail_never_comes {
        world.workflow.lose_sends("SendConfirmation");
    }
    let id = world.post("order", |_| {}).await;
    for queue in [Queue::Orders, Queue::Inventory, Queue::Payments] {
        world.deliver_from(queue).await;
    }
    assert_eq!(world.order(&id).progress.status, Status::Paid);
    assert!(world.cancel(&id).await, "a paid order can be cancelled");
    world.run().await;
    assert_eq!(world.order(&id).progress.reason, Some(Reason::Business(RejectReason::Cancelled)));
    edges_of(&world, &id).await
}

#[test]
fn every_reject_is_never_retried_and_always_compensated() {
    let definition = definition();
    let compensation = |state: &str| match state {
        "ReserveInventory" => "ReleaseInventory",
        "ChargePayment" => "RefundPayment",
        _ => unreachable!(),
    };
    for reason in RejectReason::ALL {
        for step in [Step::ReserveInventory, Step::ChargePayment, Step::SendConfirmation] {
            let state = definition.state_named(step.name()).unwrap();
            let first = state.retriers().iter().find(|retrier| retrier.matches(reason.name()));
            assert_eq!(first.map(|retrier| retrier.max_attempts()), Some(0), "{step} retries {reason}");
            let catcher = state.catchers().iter().position(|catcher| catcher.matches(reason.name())).expect("caught");
            let to: Vec<_> = state.transitions().into_iter().filter(|transition| is_catch(transition)).collect();
            let to = to[catcher].to;
            match (step, reason) {
                (Step::SendConfirmation, RejectReason::Cancelled) => assert_eq!(to, "RefundPayment"),
                (Step::SendConfirmation, _) => assert_eq!(to, "CloseOrder"),
                _ => assert_eq!(to, compensation(step.name())),
            }
        }
    }
    // What CloseOrder may be rejected with is undone as well, and never tried again.
    let close = definition.state_named("CloseOrder").unwrap();
    for reason in [RejectReason::Cancelled, RejectReason::Compensated] {
        assert_eq!(close.retriers().iter().find(|retrier| retrier.matches(reason.name())).unwrap().max_attempts(), 0);
        assert!(close.catchers().iter().any(|catcher| catcher.matches(reason.name())));
    }
}

fn is_catch(transition: &statemachine::Transition<'_>) -> bool {
    matches!(transition.kind, statemachine::TransitionKind::Catch { .. })
}

#[tokio::test(start_paused = true)]
async fn the_happy_path_is_three_state_transitions() {
    let world = World::new();
    let id = world.post("order", |_| {}).await;
    world.run().await;
    world.check(&id);
    let entered = world.workflow.with_run(&id, |run| {
        run.unwrap().history.iter().filter(|event| event.kind == EventType::TaskStateEntered).count()
    });
    assert_eq!(entered, 3);
}
