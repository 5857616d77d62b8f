//! What each kind of error means, and what nobody may read in it.

use std::net::TcpListener;

use orders::payment::PaymentId;
use orders::ports::{GatewayError, Payment, PaymentGateway, PaymentStatus};
use orders::{Currency, RejectReason};
use serde_json::{Value, json};

use crate::stripe::error;
use crate::subject::{Subject, gateway, request};

const CALLS: [&str; 5] = ["create", "read", "confirm", "void", "refund"];

async fn call(gateway: &dyn PaymentGateway, name: &str) -> Result<Payment, GatewayError> {
    let id = PaymentId("pi_9".into());
    match name {
        "create" => gateway.create(&request(2598, Currency::EUR, "pm_card_visa"), "key").await,
        "read" => gateway.read(&id).await,
        "confirm" => gateway.confirm(&id, "key").await,
        "void" => gateway.void(&id, "key").await,
        _ => gateway.refund(&id, "key").await,
    }
}

/// The answer to a call, when Stripe answers with this error.
async fn answered(subject: &Subject, name: &str, status: u16, fields: Value) -> Result<Payment, GatewayError> {
    let (status, body) = error(status, fields);
    subject.stripe.answer(status, body);
    call(&*subject.gateway, name).await
}

fn invalid(code: &str, param: &str) -> Value {
    json!({"type": "invalid_request_error", "code": code, "param": param})
}

#[tokio::test]
async fn a_decline_is_an_answer_with_its_reason_and_reading_repeats_it() {
    let subject = Subject::new().await;
    for (code, decline_code, reason) in [
        ("card_declined", Some("generic_decline"), RejectReason::PaymentDeclined),
        ("card_declined", Some("do_not_honor"), RejectReason::PaymentDeclined),
        ("card_declined", Some("lost_card"), RejectReason::PaymentDeclined),
        ("card_declined", Some("fraudulent"), RejectReason::PaymentDeclined),
        ("card_declined", Some("insufficient_funds"), RejectReason::InsufficientFunds),
        ("card_declined", Some("authentication_required"), RejectReason::AuthenticationRequired),
        ("card_declined", None, RejectReason::PaymentDeclined),
        ("authentication_required", Some("authentication_required"), RejectReason::AuthenticationRequired),
        ("requires_action_not_handled", None, RejectReason::AuthenticationRequired),
        ("payment_intent_authentication_failure", None, RejectReason::AuthenticationRequired),
        ("expired_card", Some("expired_card"), RejectReason::PaymentDeclined),
        ("incorrect_cvc", Some("incorrect_cvc"), RejectReason::PaymentDeclined),
        ("processing_error", Some("processing_error"), RejectReason::PaymentDeclined),
        ("a_code_of_tomorrow", None, RejectReason::PaymentDeclined),
    ] {
        let fields = json!({"type": "card_error", "code": code, "decline_code": decline_code, "charge": "ch_1"});
        let declined = Payment { id: PaymentId("pi_9".into()), status: PaymentStatus::Declined(reason) };
        let confirmed = answered(&subject, "confirm", 402, fields.clone()).await;
        assert_eq!(confirmed, Ok(declined.clone()), "{code} {decline_code:?}");
        let body = json!({"id": "pi_9", "status": "requires_payment_method", "last_payment_error": fields});
        subject.stripe.answer(200, body);
        assert_eq!(call(&*subject.gateway, "read").await, Ok(declined), "{code} {decline_code:?}");
        // A card can be refused before there is a payment, too.
        assert_eq!(answered(&subject, "create", 402, fields).await, Err(GatewayError::Rejected(reason)));
    }
}

#[tokio::test]
async fn what_the_order_asks_for_in_vain_is_its_own_fault() {
    let subject = Subject::new().await;
    for (status, fields) in [
        (400, invalid("resource_missing", "payment_method")),
        (404, invalid("resource_missing", "payment_method")),
        (400, invalid("amount_too_small", "amount")),
        (400, invalid("amount_too_large", "amount")),
        (400, invalid("parameter_invalid_integer", "amount")),
        (400, json!({"type": "invalid_request_error", "param": "currency"})),
        (400, json!({"type": "invalid_request_error", "code": "payment_intent_incompatible_payment_method"})),
        (400, json!({"type": "invalid_request_error", "code": "payment_method_unsupported_type"})),
    ] {
        for name in ["create", "confirm"] {
            let refused = answered(&subject, name, status, fields.clone()).await;
            assert_eq!(refused, Err(GatewayError::Rejected(RejectReason::PaymentInvalid)), "{name} {fields}");
        }
    }
    // All that a new payment names is its method, so nothing else can be missing.
    let refused = answered(&subject, "create", 404, json!({"type": "invalid_request_error"})).await;
    assert_eq!(refused, Err(GatewayError::Rejected(RejectReason::PaymentInvalid)));
}

#[tokio::test]
async fn a_payment_that_moved_on_is_read_again() {
    let subject = Subject::new().await;
    for (name, fields) in [
        ("confirm", json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state"})),
        ("void", json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state"})),
        ("refund", json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state"})),
        ("refund", json!({"type": "invalid_request_error", "code": "charge_already_refunded"})),
        ("refund", json!({"type": "invalid_request_error", "param": "payment_intent"})),
    ] {
        assert_eq!(answered(&subject, name, 400, fields).await, Err(GatewayError::WrongState), "{name}");
    }
    // Nothing has a state before it exists.
    let refused = answered(&subject, "create", 400, json!({"type": "invalid_request_error"})).await;
    assert!(matches!(refused, Err(GatewayError::Unavailable(_))));
}

#[tokio::test]
async fn what_is_neither_is_technical_for_every_call_and_says_no_more_than_its_codes() {
    let subject = Subject::new().await;
    for (status, fields, cause) in [
        (401, json!({"type": "invalid_request_error"}), "Stripe answered 401 invalid_request_error"),
        (401, invalid("api_key_expired", ""), "Stripe answered 401 invalid_request_error api_key_expired"),
        (403, json!({"type": "invalid_request_error"}), "Stripe answered 403 invalid_request_error"),
        (404, invalid("resource_missing", "intent"), "Stripe answered 404 invalid_request_error resource_missing"),
        (400, invalid("parameter_unknown", "color"), "Stripe answered 400 invalid_request_error parameter_unknown"),
        (400, invalid("testmode_charges_only", ""), "Stripe answered 400 invalid_request_error testmode_charges_only"),
        (400, invalid("charge_disputed", "charge"), "Stripe answered 400 invalid_request_error charge_disputed"),
        (400, json!({"type": "idempotency_error"}), "Stripe answered 400 idempotency_error"),
        (
            409,
            invalid("idempotency_key_in_use", ""),
            "Stripe answered 409 invalid_request_error idempotency_key_in_use",
        ),
        (424, json!({"type": "api_error"}), "Stripe answered 424 api_error"),
        (429, invalid("rate_limit", ""), "Stripe answered 429 invalid_request_error rate_limit"),
        (429, invalid("lock_timeout", ""), "Stripe answered 429 invalid_request_error lock_timeout"),
        (500, json!({"type": "api_error"}), "Stripe answered 500 api_error"),
        (503, json!({"type": "api_error"}), "Stripe answered 503 api_error"),
    ] {
        for name in CALLS.into_iter().filter(|name| (status, *name) != (404, "create")) {
            match answered(&subject, name, status, fields.clone()).await {
                Err(GatewayError::Unavailable(unavailable)) => assert_eq!(unavailable.cause, cause, "{name}"),
                other => panic!("{name} {status} {fields}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_stripes_is_technical() {
    let subject = Subject::new().await;
    let html = json!("<html>Bad gateway</html>");
    for (status, body, cause) in [
        (502, html.clone(), "Stripe answered 502"),
        (200, html, "Stripe's answer is not understood"),
        (200, json!({"object": "list"}), "Stripe's answer is not understood"),
        (302, json!({}), "Stripe answered 302"),
    ] {
        for name in CALLS {
            subject.stripe.answer(status, body.clone());
            match call(&*subject.gateway, name).await {
                Err(GatewayError::Unavailable(unavailable)) => assert_eq!(unavailable.cause, cause, "{name}"),
                other => panic!("{name} {status}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn no_answer_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let expect = async |cause: &str| {
        for name in CALLS {
            match call(&*gateway(&url), name).await {
                Err(GatewayError::Unavailable(unavailable)) => {
                    assert!(unavailable.cause.contains(cause), "{unavailable}")
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    };
    // It takes the connection, and never answers.
    expect("did not answer in time").await;
    // Nobody listens any more.
    drop(listener);
    expect("onnection refused").await;
}

#[tokio::test]
async fn https_is_spoken_where_it_is_asked_for() {
    let subject = Subject::new().await;
    let gateway = gateway(&subject.stripe.url().replace("http:", "https:"));
    match call(&*gateway, "confirm").await {
        // The stand-in knows no TLS.
        Err(GatewayError::Unavailable(unavailable)) => {
            assert!(unavailable.cause.contains("corrupt message"), "{unavailable}")
        }
        other => panic!("{other:?}"),
    }
    assert!(subject.stripe.requests().await.is_empty());
}
