use std::time::Duration;

use orders::ports::{GatewayError, Payment, PaymentGateway as _, PaymentRequest, PaymentStatus};
use orders::{Currency, Money, RejectReason};

use super::{Movement, SimulatedGateway};
use crate::Embedded;
use crate::fixture::{Pipeline, order};

fn request(method: &str) -> PaymentRequest {
    PaymentRequest {
        order_id: order("k").id,
        amount: Money::new(2598, Currency::EUR),
        payment_method: method.to_owned(),
    }
}

async fn created(gateway: &SimulatedGateway, method: &str) -> Payment {
    let payment = gateway.create(&request(method), "create").await.unwrap();
    assert_eq!(payment.status, PaymentStatus::RequiresConfirmation);
    payment
}

async fn movements(embedded: &Embedded) -> Vec<Movement> {
    let ledger = embedded.gateway().ledger(&order("k").id).await.unwrap();
    ledger.into_iter().map(|entry| entry.movement).collect()
}

#[tokio::test]
async fn each_card_does_what_it_is_named_for() {
    for (method, status) in [
        ("pm_card_visa", PaymentStatus::Succeeded),
        ("pm_card_mastercard", PaymentStatus::Succeeded),
        ("pm_card_amex", PaymentStatus::Succeeded),
        ("pm_card_chargeDeclined", PaymentStatus::Declined(RejectReason::PaymentDeclined)),
        ("pm_card_chargeDeclinedInsufficientFunds", PaymentStatus::Declined(RejectReason::InsufficientFunds)),
        ("pm_card_authenticationRequired", PaymentStatus::Declined(RejectReason::AuthenticationRequired)),
    ] {
        let pipeline = Pipeline::new();
        let embedded = pipeline.open();
        let gateway = embedded.gateway();
        let id = created(&gateway, method).await.id;
        assert_eq!(gateway.confirm(&id, "confirm").await.unwrap().status, status, "{method}");
        assert_eq!(gateway.read(&id).await.unwrap(), Payment { id, status });
        let captured = status == PaymentStatus::Succeeded;
        assert_eq!(movements(&embedded).await, if captured { vec![Movement::Capture] } else { vec![] }, "{method}");
    }
}

#[tokio::test]
async fn what_the_gateway_cannot_take_is_refused_at_once() {
    let pipeline = Pipeline::new();
    let gateway = pipeline.open().gateway();
    let refused = Err(GatewayError::Rejected(RejectReason::PaymentInvalid));
    for method in ["", "pm_card_unknown", "pm_sim_timeout_", "pm_sim_timeout_x", "pm_sim_slow_-1"] {
        assert_eq!(gateway.create(&request(method), method).await, refused, "{method}");
    }
    for amount in [0, -1, 100_000_000] {
        let amount = Money::new(amount, Currency::EUR);
        assert_eq!(gateway.create(&PaymentRequest { amount, ..request("pm_card_visa") }, "key").await, refused);
    }
    let unknown = orders::payment::PaymentId("pi_nonsense".to_owned());
    assert_eq!(gateway.confirm(&unknown, "key").await, refused);
}

#[tokio::test]
async fn a_time_out_has_no_effect_and_is_counted_across_restarts() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let id = created(&embedded.gateway(), "pm_sim_timeout_2").await.id;
    assert!(matches!(embedded.gateway().confirm(&id, "c").await, Err(GatewayError::Unavailable(_))));
    embedded.close();
    let embedded = pipeline.open();
    let gateway = embedded.gateway();
    assert!(matches!(gateway.confirm(&id, "c").await, Err(GatewayError::Unavailable(_))));
    assert_eq!(gateway.read(&id).await.unwrap().status, PaymentStatus::RequiresConfirmation);
    assert_eq!(gateway.confirm(&id, "c").await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(movements(&embedded).await, [Movement::Capture]);
}

#[tokio::test]
async fn a_lost_answer_has_charged_once_whatever_the_caller_repeats() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let gateway = embedded.gateway();
    let id = created(&gateway, "pm_sim_lost_2").await.id;
    for _ in 0..2 {
        assert!(matches!(gateway.confirm(&id, "c").await, Err(GatewayError::Unavailable(_))));
        assert_eq!(gateway.read(&id).await.unwrap().status, PaymentStatus::Succeeded);
    }
    assert_eq!(gateway.confirm(&id, "c").await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(movements(&embedded).await, [Movement::Capture]);
}

#[tokio::test]
async fn a_slow_gateway_charges_before_it_answers() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let gateway = embedded.gateway();
    let id = created(&gateway, "pm_sim_slow_300").await.id;
    let impatient = tokio::time::timeout(Duration::from_millis(100), gateway.confirm(&id, "c")).await;
    assert!(impatient.is_err());
    assert_eq!(gateway.read(&id).await.unwrap().status, PaymentStatus::Succeeded);
}

#[tokio::test]
async fn a_gateway_that_is_down_never_answers() {
    let pipeline = Pipeline::new();
    let gateway = pipeline.open().gateway();
    let answer = gateway.create(&request("pm_sim_down"), "key").await;
    assert!(matches!(answer, Err(GatewayError::Unavailable(_))));
}

#[tokio::test]
async fn an_idempotency_key_repeats_its_answer_and_no_other_request() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let gateway = embedded.gateway();
    let payment = created(&gateway, "pm_card_visa").await;
    assert_eq!(gateway.create(&request("pm_card_visa"), "create").await, Ok(payment.clone()));
    let other = PaymentRequest { amount: Money::new(1, Currency::EUR), ..request("pm_card_visa") };
    let refused = Err(GatewayError::Rejected(RejectReason::PaymentInvalid));
    assert_eq!(gateway.create(&other, "create").await, refused);
    assert_eq!(gateway.confirm(&payment.id, "create").await, refused);

    let succeeded = Ok(Payment { status: PaymentStatus::Succeeded, ..payment.clone() });
    assert_eq!(gateway.confirm(&payment.id, "confirm").await, succeeded);
    assert_eq!(gateway.confirm(&payment.id, "confirm").await, succeeded);
    let refunded = Ok(Payment { status: PaymentStatus::Refunded, ..payment.clone() });
    assert_eq!(gateway.refund(&payment.id, "refund").await, refunded);
    assert_eq!(gateway.refund(&payment.id, "refund").await, refunded);
    assert_eq!(gateway.confirm(&payment.id, "confirm").await, succeeded, "the answer of that day");
    assert_eq!(movements(&embedded).await, [Movement::Capture, Movement::Refund]);
    let totals = gateway.totals().await.unwrap();
    assert_eq!(totals.iter().map(|total| (total.captures, total.refunds)).collect::<Vec<_>>(), [(1, 1)]);
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day_and_pruned() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let gateway = embedded.gateway();
    let first = created(&gateway, "pm_card_visa").await;
    pipeline.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(created(&gateway, "pm_card_visa").await, first);
    pipeline.clock.advance(Duration::from_secs(1));
    assert_ne!(created(&gateway, "pm_card_visa").await, first, "a forgotten key makes another payment");
    for key in ["a", "b", "c"] {
        gateway.create(&request("pm_card_visa"), key).await.unwrap();
    }
    pipeline.clock.advance(Duration::from_secs(24 * 60 * 60));
    for key in ["d", "e"] {
        gateway.create(&request("pm_card_visa"), key).await.unwrap();
    }
    let keys = |connection: &rusqlite::Connection| {
        connection.query_row("SELECT count(*) FROM gateway_keys", [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(embedded.db().read(keys).unwrap(), 2, "only the new ones are left");
}

#[tokio::test]
async fn what_the_state_does_not_allow_is_refused() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let gateway = embedded.gateway();
    let id = created(&gateway, "pm_card_visa").await.id;
    assert_eq!(gateway.refund(&id, "r1").await, Err(GatewayError::WrongState));
    assert_eq!(gateway.void(&id, "v1").await.unwrap().status, PaymentStatus::Voided);
    assert_eq!(gateway.confirm(&id, "c1").await, Err(GatewayError::WrongState));
    assert_eq!(gateway.void(&id, "v2").await, Err(GatewayError::WrongState));

    let id = gateway.create(&request("pm_card_visa"), "another").await.unwrap().id;
    gateway.confirm(&id, "c2").await.unwrap();
    assert_eq!(gateway.confirm(&id, "c3").await, Err(GatewayError::WrongState));
    assert_eq!(gateway.void(&id, "v3").await, Err(GatewayError::WrongState));
    gateway.refund(&id, "r2").await.unwrap();
    assert_eq!(gateway.refund(&id, "r3").await, Err(GatewayError::WrongState));
    assert_eq!(movements(&embedded).await, [Movement::Capture, Movement::Refund]);
}
