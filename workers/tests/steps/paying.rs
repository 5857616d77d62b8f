//! `ChargePayment` and `RefundPayment`: the order of writes and calls, and what another delivery does in between.

use orders::ports::{GatewayError, PaymentStatus};
use orders::{Done, Outcome, RejectReason, Status, Step};
use serde_json::json;

use crate::shop::{Call, End, Shop, attempt};

#[tokio::test(start_paused = true)]
async fn a_charge_writes_creates_writes_confirms_and_writes() {
    let shop = Shop::open();
    let id = shop.reserved("k");
    let end = shop.deliver(Step::ChargePayment, &id).await;
    assert_eq!(end, End::Succeeded(json!({ "outcome": "Charged", "payment_id": "pi_0" })));
    use Call::{Confirm, Create, Get, Update};
    assert_eq!(*shop.calls.lock(), [Get, Update, Create, Update, Confirm, Update]);
    assert_eq!(shop.status(&id), Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn each_order_has_keys_of_its_own_for_ever_and_for_each_call_another() {
    let shop = Shop::open();
    let orders = [shop.reserved("one"), shop.reserved("two")];
    for id in &orders {
        shop.deliver(Step::ChargePayment, id).await;
        shop.deliver(Step::RefundPayment, id).await;
    }
    let [one, two] = orders;
    let of = |id| ["create", "confirm", "refund"].map(|call| format!("{id}:{call}"));
    assert_eq!(*shop.keys.lock(), [of(one), of(two)].concat());
}

#[tokio::test(start_paused = true)]
async fn a_charge_confirms_the_payment_that_the_order_knows_and_not_its_own() {
    let shop = Shop::open();
    let id = shop.reserved("k");
    let first = shop.payment(PaymentStatus::RequiresConfirmation);
    // While this delivery creates a payment, another records its own.
    let (order, recorded) = (id.clone(), first.clone());
    shop.before(Call::Create, move |shop| shop.change(&order, |order| order.payment_created(recorded, attempt())));
    let end = shop.deliver(Step::ChargePayment, &id).await;
    assert_eq!(end, End::Succeeded(json!({ "outcome": "Charged", "payment_id": first })));
    assert_eq!(*shop.captured.lock(), [first], "one capture, of the recorded payment");
}

#[tokio::test(start_paused = true)]
async fn a_charge_whose_refund_came_while_its_payment_was_created_is_never_confirmed() {
    let shop = Shop::open();
    let id = shop.reserved("k");
    let order = id.clone();
    shop.before(Call::Create, move |shop| shop.change(&order, |order| order.begin_refund(attempt())));
    assert_eq!(shop.deliver(Step::ChargePayment, &id).await, End::Failed("Compensated".into()));
    assert!(shop.captured.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_charge_that_is_confirmed_while_a_refund_begins_is_paid_back() {
    let shop = Shop::open();
    let id = shop.reserved("k");
    let order = id.clone();
    shop.before(Call::Confirm, move |shop| shop.change(&order, |order| order.begin_refund(attempt())));
    assert_eq!(shop.deliver(Step::ChargePayment, &id).await, End::Failed("Compensated".into()));
    assert_eq!(shop.captured.lock().len(), 1);
    let end = shop.deliver(Step::RefundPayment, &id).await;
    assert_eq!(end, End::Succeeded(json!({ "outcome": "Refunded" })));
    assert_eq!(shop.payments.lock()[0].status, PaymentStatus::Refunded);
}

#[tokio::test(start_paused = true)]
async fn a_payment_with_an_id_is_read_and_never_made_again() {
    for (status, end) in [
        (PaymentStatus::RequiresConfirmation, Ok("Charged")),
        (PaymentStatus::Succeeded, Ok("Charged")),
        (PaymentStatus::Declined(RejectReason::InsufficientFunds), Err("InsufficientFunds")),
        (PaymentStatus::Voided, Err("Compensated")),
        (PaymentStatus::Refunded, Err("Compensated")),
    ] {
        let shop = Shop::open();
        let id = shop.reserved("k");
        let payment = shop.payment(status);
        shop.change(&id, |order| {
            order.begin_charge(attempt());
            order.payment_created(payment.clone(), attempt());
        });
        let end = match end {
            Ok(outcome) => End::Succeeded(json!({ "outcome": outcome, "payment_id": payment })),
            Err(reason) => End::Failed(reason.to_owned()),
        };
        assert_eq!(shop.deliver(Step::ChargePayment, &id).await, end, "{status:?}");
        assert_eq!(shop.calls.lock().contains(&Call::Confirm), status == PaymentStatus::RequiresConfirmation);
        assert!(!shop.calls.lock().contains(&Call::Create));
        let captured = usize::from(status == PaymentStatus::RequiresConfirmation);
        assert_eq!(shop.captured.lock().len(), captured);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_gateway_refuses_rejects_the_order_and_what_it_has_not_finished_comes_again() {
    let refused = |call: &'static str| async move {
        let shop = Shop::open();
        let id = shop.reserved("k");
        shop.refusals.lock().insert(call, GatewayError::Rejected(RejectReason::PaymentInvalid));
        assert_eq!(shop.deliver(Step::ChargePayment, &id).await, End::Failed("PaymentInvalid".into()), "{call}");
        assert_eq!(shop.deliver(Step::ChargePayment, &id).await, End::Failed("PaymentInvalid".into()), "again");
        assert!(shop.captured.lock().is_empty());
    };
    refused("create").await;
    refused("confirm").await;

    let shop = Shop::open();
    let id = shop.reserved("k");
    let payment = shop.payment(PaymentStatus::Processing);
    shop.change(&id, |order| {
        order.begin_charge(attempt());
        order.payment_created(payment, attempt());
    });
    assert_eq!(shop.deliver(Step::ChargePayment, &id).await, End::Reported);
    shop.change(&id, |order| order.begin_refund(attempt()));
    assert_eq!(shop.deliver(Step::RefundPayment, &id).await, End::Reported);
}

#[tokio::test(start_paused = true)]
async fn a_refund_does_what_the_payment_needs_and_repeats_nothing() {
    for (status, after, done) in [
        (PaymentStatus::Succeeded, PaymentStatus::Refunded, Done::Refunded),
        (PaymentStatus::RequiresConfirmation, PaymentStatus::Voided, Done::Voided),
        (PaymentStatus::Declined(RejectReason::PaymentDeclined), PaymentStatus::Voided, Done::Voided),
        (PaymentStatus::Voided, PaymentStatus::Voided, Done::Voided),
        (PaymentStatus::Refunded, PaymentStatus::Refunded, Done::Refunded),
    ] {
        let shop = Shop::open();
        let id = shop.reserved("k");
        let payment = shop.payment(status);
        shop.change(&id, |order| {
            order.begin_charge(attempt());
            order.payment_created(payment.clone(), attempt());
        });
        for _ in 0..2 {
            let end = shop.deliver(Step::RefundPayment, &id).await;
            assert_eq!(end, End::Succeeded(json!({ "outcome": done })), "{status:?}");
        }
        assert_eq!(shop.status_of(&payment), after);
        assert_eq!(shop.order(&id).outcome(Step::RefundPayment), Some(Outcome::Done(done)));
        let moved = shop.calls.lock().iter().filter(|call| matches!(call, Call::Void | Call::Refund)).count();
        assert_eq!(moved, usize::from(status != after), "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_changes_under_its_refund_is_read_again() {
    let shop = Shop::open();
    let id = shop.reserved("k");
    let payment = shop.payment(PaymentStatus::RequiresConfirmation);
    shop.change(&id, |order| {
        order.begin_charge(attempt());
        order.payment_created(payment.clone(), attempt());
    });
    shop.before(Call::Void, |shop| shop.payments.lock()[0].status = PaymentStatus::Succeeded);
    assert_eq!(shop.deliver(Step::RefundPayment, &id).await, End::Reported);
    assert_eq!(shop.deliver(Step::RefundPayment, &id).await, End::Succeeded(json!({ "outcome": "Refunded" })));
    assert_eq!(shop.status_of(&payment), PaymentStatus::Refunded);
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_comes_after_the_order_was_confirmed_pays_nothing_back() {
    let shop = Shop::open();
    let (id, payment) = shop.paid("k");
    shop.change(&id, |order| drop(order.confirm(attempt())));
    assert_eq!(shop.deliver(Step::RefundPayment, &id).await, End::Succeeded(json!({ "outcome": null })));
    assert_eq!(shop.status_of(&payment), PaymentStatus::Succeeded);
    assert_eq!((shop.status(&id), shop.order(&id).outcome(Step::RefundPayment)), (Status::Confirmed, None));
}
