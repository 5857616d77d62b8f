//! What goes over the wire, and what an answer that is not an error means.

use orders::payment::PaymentId;
use orders::ports::{GatewayError, PaymentStatus};
use orders::{Currency, RejectReason};
use serde_json::{Value, json};

use crate::stripe::Sent;
use crate::subject::{Subject, order, request};

async fn sent(subject: &Subject) -> (String, Option<String>, String) {
    let Sent { line, key, body } = subject.stripe.sent().await;
    (line, key, body)
}

#[tokio::test]
async fn every_call_sends_just_these_parameters_and_every_post_its_key() {
    let subject = Subject::new().await;
    let gateway = &subject.gateway;
    let post = |path: &str, key: &str, body: &str| (format!("POST /v1/{path}"), Some(key.to_owned()), body.to_owned());

    let id = gateway.create(&request(2598, Currency::EUR, "pm_card_visa"), "k:create").await.unwrap().id;
    let order_id = order("k").id;
    let form = format!(
        "allowed_payment_method_types[0]=card&amount=2598&capture_method=automatic&currency=eur\
         &metadata[order_id]={order_id}&payment_method=pm_card_visa"
    );
    assert_eq!(sent(&subject).await, post("payment_intents", "k:create", &form));

    gateway.confirm(&id, "k:confirm").await.unwrap();
    let form = "error_on_requires_action=true";
    assert_eq!(sent(&subject).await, post("payment_intents/pi_0/confirm", "k:confirm", form));

    gateway.read(&id).await.unwrap();
    let line = "GET /v1/payment_intents/pi_0?expand[0]=latest_charge".to_owned();
    assert_eq!(sent(&subject).await, (line, None, String::new()));

    gateway.refund(&id, "k:refund").await.unwrap();
    assert_eq!(sent(&subject).await, post("refunds", "k:refund", "payment_intent=pi_0"));

    let id = gateway.create(&request(1, Currency::EUR, "pm_card_visa"), "l:create").await.unwrap().id;
    gateway.void(&id, "l:void").await.unwrap();
    assert_eq!(sent(&subject).await, post("payment_intents/pi_1/cancel", "l:void", ""));

    for request in subject.stripe.requests().await {
        let header = |name| request.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("authorization"), Some("Bearer sk_test_1"));
        assert_eq!(header("stripe-version"), Some("2026-09-30.endive"), "the version these parameters are of");
        let form = (request.method == "POST").then_some("application/x-www-form-urlencoded");
        assert_eq!(header("content-type"), form);
    }
}

#[tokio::test]
async fn an_amount_is_sent_in_stripes_unit_and_one_that_has_none_is_not_sent() {
    let subject = Subject::new().await;
    for (amount, currency, form) in [
        (1200, Currency::JPY, "amount=1200&capture_method=automatic&currency=jpy"),
        (5, Currency::ISK, "amount=500&capture_method=automatic&currency=isk"),
        (500, Currency::MGA, "amount=5&capture_method=automatic&currency=mga"),
    ] {
        subject.gateway.create(&request(amount, currency, "pm_card_visa"), currency.code()).await.unwrap();
        let body = subject.stripe.sent().await.body;
        assert!(body.contains(form), "{body}");
    }
    let refused = subject.gateway.create(&request(5124, Currency::KWD, "pm_card_visa"), "k").await;
    assert_eq!(refused, Err(GatewayError::Rejected(RejectReason::PaymentInvalid)));
    assert_eq!(subject.stripe.payments(), 3);
}

#[tokio::test]
async fn each_status_of_a_payment_has_its_meaning() {
    let subject = Subject::new().await;
    let declined = |reason| Some(PaymentStatus::Declined(reason));
    for (status, error, charge, meaning) in [
        ("requires_confirmation", Value::Null, Value::Null, Some(PaymentStatus::RequiresConfirmation)),
        ("processing", Value::Null, json!("ch_1"), Some(PaymentStatus::Processing)),
        ("succeeded", Value::Null, json!("ch_1"), Some(PaymentStatus::Succeeded)),
        ("succeeded", Value::Null, json!({"refunded": false}), Some(PaymentStatus::Succeeded)),
        ("succeeded", Value::Null, json!({"refunded": true}), Some(PaymentStatus::Refunded)),
        ("canceled", json!({"code": "card_declined"}), Value::Null, Some(PaymentStatus::Voided)),
        (
            "requires_payment_method",
            json!({"code": "card_declined"}),
            Value::Null,
            declined(RejectReason::PaymentDeclined),
        ),
        ("requires_payment_method", Value::Null, Value::Null, declined(RejectReason::PaymentInvalid)),
        ("requires_action", Value::Null, Value::Null, declined(RejectReason::AuthenticationRequired)),
        ("requires_capture", Value::Null, json!("ch_1"), None),
        ("something_new", Value::Null, Value::Null, None),
    ] {
        let body = json!({"id": "pi_9", "status": status, "last_payment_error": error, "latest_charge": charge});
        subject.stripe.answer(200, body);
        let read = subject.gateway.read(&PaymentId("pi_9".into())).await;
        match meaning {
            Some(meaning) => assert_eq!(read.unwrap().status, meaning, "{status}"),
            None => assert!(matches!(read, Err(GatewayError::Unavailable(_))), "{status}"),
        }
    }
}

#[tokio::test]
async fn money_on_its_way_back_is_refunded_and_a_failed_refund_is_not() {
    let subject = Subject::new().await;
    for (status, refunded) in [("succeeded", true), ("pending", true), ("failed", false), ("canceled", false)] {
        subject.stripe.answer(200, json!({"id": "re_1", "status": status}));
        match subject.gateway.refund(&PaymentId("pi_9".into()), "k").await {
            Ok(payment) => assert!(refunded && payment.status == PaymentStatus::Refunded, "{status}"),
            Err(error) => assert!(!refunded && matches!(error, GatewayError::Unavailable(_)), "{status}"),
        }
    }
}
