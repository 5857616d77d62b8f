//! `PaymentGateway`: a key repeats the answer and not the effect; a payment moves only forwards.

use orders::payment::PaymentId;
use orders::ports::{GatewayError, PaymentRequest, PaymentStatus};
use orders::{Currency, Money, RejectReason};

use crate::subject::{Subject, order};

crate::contract!(
    a_payment_is_created_confirmed_and_refunded,
    a_key_repeats_the_answer,
    a_decline_is_an_answer_and_can_be_voided,
    what_is_captured_is_not_voided_and_what_is_voided_is_not_captured,
    a_method_that_does_not_exist_is_the_orders_fault,
);

fn request(key: &str, method: &str) -> PaymentRequest {
    PaymentRequest { order_id: order(key).id, amount: Money::new(2598, Currency::EUR), payment_method: method.into() }
}

async fn created(subject: &Subject, key: &str, method: &str) -> PaymentId {
    let payment = subject.gateway.create(&request(key, method), &format!("{key}:create")).await.unwrap();
    assert_eq!(payment.status, PaymentStatus::RequiresConfirmation);
    payment.id
}

async fn a_payment_is_created_confirmed_and_refunded(subject: Subject) {
    let id = created(&subject, "k", "pm_card_visa").await;
    assert_eq!(subject.gateway.read(&id).await.unwrap().status, PaymentStatus::RequiresConfirmation);
    assert_eq!(subject.gateway.confirm(&id, "k:confirm").await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(subject.gateway.read(&id).await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(subject.gateway.refund(&id, "k:refund").await.unwrap().status, PaymentStatus::Refunded);
    assert_eq!(subject.gateway.read(&id).await.unwrap().status, PaymentStatus::Refunded);
}

async fn a_key_repeats_the_answer(subject: Subject) {
    let id = created(&subject, "k", "pm_card_visa").await;
    assert_eq!(created(&subject, "k", "pm_card_visa").await, id);
    assert_ne!(created(&subject, "other", "pm_card_visa").await, id);
    for _ in 0..2 {
        assert_eq!(subject.gateway.confirm(&id, "k:confirm").await.unwrap().status, PaymentStatus::Succeeded);
    }
    for _ in 0..2 {
        assert_eq!(subject.gateway.refund(&id, "k:refund").await.unwrap().status, PaymentStatus::Refunded);
    }
}

async fn a_decline_is_an_answer_and_can_be_voided(subject: Subject) {
    let id = created(&subject, "k", "pm_card_chargeDeclined").await;
    let declined = PaymentStatus::Declined(RejectReason::PaymentDeclined);
    assert_eq!(subject.gateway.confirm(&id, "k:confirm").await.unwrap().status, declined);
    assert_eq!(subject.gateway.read(&id).await.unwrap().status, declined);
    assert_eq!(subject.gateway.void(&id, "k:void").await.unwrap().status, PaymentStatus::Voided);
}

async fn what_is_captured_is_not_voided_and_what_is_voided_is_not_captured(subject: Subject) {
    let captured = created(&subject, "a", "pm_card_visa").await;
    subject.gateway.confirm(&captured, "a:confirm").await.unwrap();
    assert_eq!(subject.gateway.void(&captured, "a:void").await, Err(GatewayError::WrongState));
    let voided = created(&subject, "b", "pm_card_visa").await;
    subject.gateway.void(&voided, "b:void").await.unwrap();
    assert_eq!(subject.gateway.confirm(&voided, "b:confirm").await, Err(GatewayError::WrongState));
    assert_eq!(subject.gateway.refund(&voided, "b:refund").await, Err(GatewayError::WrongState));
}

async fn a_method_that_does_not_exist_is_the_orders_fault(subject: Subject) {
    let refused = subject.gateway.create(&request("k", "cash"), "k:create").await;
    assert_eq!(refused, Err(GatewayError::Rejected(RejectReason::PaymentInvalid)));
}
