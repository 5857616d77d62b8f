//! What a key that was used before does. `stripe.rs` remembers keys as Stripe documents it.

use orders::payment::PaymentId;
use orders::ports::{GatewayError, PaymentStatus};
use orders::{Currency, Money};
use serde_json::json;

use crate::stripe::{Fault, error};
use crate::subject::{Subject, request};

async fn created(subject: &Subject) -> PaymentId {
    subject.gateway.create(&request(2598, Currency::EUR, "pm_card_visa"), "create").await.unwrap().id
}

async fn status(subject: &Subject, id: &PaymentId) -> PaymentStatus {
    subject.gateway.read(id).await.unwrap().status
}

fn unavailable<T>(result: &Result<T, GatewayError>) -> bool {
    matches!(result, Err(GatewayError::Unavailable(_)))
}

#[tokio::test]
async fn a_repeated_key_moves_no_money_again() {
    let subject = Subject::new().await;
    let id = created(&subject).await;
    assert_eq!(created(&subject).await, id);
    for _ in 0..2 {
        assert_eq!(subject.gateway.confirm(&id, "confirm").await.unwrap().status, PaymentStatus::Succeeded);
        assert_eq!(subject.gateway.refund(&id, "refund").await.unwrap().status, PaymentStatus::Refunded);
    }
    assert_eq!((subject.stripe.payments(), subject.stripe.movements()), (1, (1, 1)));
}

#[tokio::test]
async fn a_pruned_key_makes_another_payment_but_never_another_charge_or_refund() {
    let subject = Subject::new().await;
    let id = created(&subject).await;
    subject.stripe.prune_keys();
    assert_ne!(created(&subject).await, id, "which nobody confirms");

    subject.gateway.confirm(&id, "confirm").await.unwrap();
    subject.stripe.prune_keys();
    assert_eq!(subject.gateway.confirm(&id, "confirm").await, Err(GatewayError::WrongState));
    assert_eq!(status(&subject, &id).await, PaymentStatus::Succeeded);

    subject.gateway.refund(&id, "refund").await.unwrap();
    subject.stripe.prune_keys();
    assert_eq!(subject.gateway.refund(&id, "refund").await, Err(GatewayError::WrongState));
    assert_eq!(status(&subject, &id).await, PaymentStatus::Refunded);
    assert_eq!(subject.stripe.movements(), (1, 1));
}

#[tokio::test]
async fn a_key_in_use_is_tried_again_later() {
    let subject = Subject::new().await;
    let id = created(&subject).await;
    let (conflict, body) = error(409, json!({"type": "invalid_request_error", "code": "idempotency_key_in_use"}));
    subject.stripe.answer(conflict, body);
    assert!(unavailable(&subject.gateway.confirm(&id, "confirm").await));
    assert_eq!(subject.gateway.confirm(&id, "confirm").await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(subject.stripe.movements(), (1, 0));
}

#[tokio::test]
async fn a_500_is_repeated_for_its_key_while_reading_tells_how_the_payment_stands() {
    for (fault, stands) in
        [(Fault::FailsBefore, PaymentStatus::RequiresConfirmation), (Fault::FailsAfter, PaymentStatus::Succeeded)]
    {
        let subject = Subject::new().await;
        let id = created(&subject).await;
        subject.stripe.fault(fault);
        for _ in 0..2 {
            assert!(unavailable(&subject.gateway.confirm(&id, "confirm").await));
        }
        assert_eq!(status(&subject, &id).await, stands);
        subject.stripe.prune_keys();
        match subject.gateway.confirm(&id, "confirm").await {
            Ok(payment) => assert_eq!(payment.status, PaymentStatus::Succeeded),
            Err(error) => assert_eq!(error, GatewayError::WrongState),
        }
        assert_eq!(subject.stripe.movements(), (1, 0));
    }
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_found_by_reading() {
    let subject = Subject::new().await;
    let id = created(&subject).await;
    subject.gateway.confirm(&id, "confirm").await.unwrap();
    subject.stripe.fault(Fault::FailsAfter);
    assert!(unavailable(&subject.gateway.refund(&id, "refund").await));
    assert_eq!(status(&subject, &id).await, PaymentStatus::Refunded);
    assert_eq!(subject.stripe.movements(), (1, 1));
}

#[tokio::test]
async fn a_payment_whose_creation_failed_is_made_once_the_key_is_forgotten() {
    let subject = Subject::new().await;
    let request = request(2598, Currency::EUR, "pm_card_visa");
    subject.stripe.fault(Fault::FailsAfter);
    for _ in 0..2 {
        assert!(unavailable(&subject.gateway.create(&request, "create").await));
    }
    assert_eq!(subject.stripe.payments(), 1);
    subject.stripe.prune_keys();
    let id = created(&subject).await;
    subject.gateway.confirm(&id, "confirm").await.unwrap();
    assert_eq!(subject.stripe.movements(), (1, 0));
}

#[tokio::test]
async fn a_key_used_for_another_request_is_not_the_orders_fault_and_makes_nothing() {
    let subject = Subject::new().await;
    let id = created(&subject).await;
    let mut other = request(2598, Currency::EUR, "pm_card_visa");
    other.amount = Money::new(1, Currency::EUR);
    assert!(unavailable(&subject.gateway.create(&other, "create").await));
    assert!(unavailable(&subject.gateway.confirm(&id, "create").await));
    assert_eq!((subject.stripe.payments(), subject.stripe.movements()), (1, (0, 0)));
}
