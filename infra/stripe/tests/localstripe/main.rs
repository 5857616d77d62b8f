//! The gateway against localstripe, a stand-in for Stripe that others wrote (a Python package; `xtask` installs it).
//!
//! Proves: a payment's whole life goes as somebody else understood Stripe's API. Misses: idempotency keys, which it ignores;
//! what `serve.py` names; decline codes, `param` and error types, which it doesn't give.

#![allow(clippy::unwrap_used)] // a test

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use orderflow_stripe::{SecretString, StripeGateway};
use orders::payment::PaymentId;
use orders::ports::{GatewayError, PaymentGateway as _, PaymentRequest, PaymentStatus};
use orders::{Currency, Money, OrderId, RejectReason, Storefront};
use serde_json::Value;

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// The interpreter that has localstripe.
static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let venv = Command::new(env!("CARGO")).args(["xtask", "venv", "stripe"]).current_dir(PACKAGE).output().unwrap();
    assert!(venv.status.success(), "{}", String::from_utf8_lossy(&venv.stderr));
    format!("{}/python", String::from_utf8(venv.stdout).unwrap().trim_end())
});

struct LocalStripe {
    gateway: StripeGateway,
    url: String,
    /// It ends when its standard input does: with this value, or with this process.
    child: Child,
}

impl LocalStripe {
    fn start() -> Self {
        let mut command = Command::new(&*PYTHON);
        command.arg(format!("{PACKAGE}/tests/localstripe/serve.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim_end().to_owned();
        let gateway = StripeGateway::new(&SecretString::from("sk_test_1"), Some(&url)).unwrap();
        Self { gateway, url, child }
    }

    async fn created(&self, method: &str) -> PaymentId {
        let payment = self.gateway.create(&request(method), "create").await.unwrap();
        assert_eq!(payment.status, PaymentStatus::RequiresConfirmation);
        payment.id
    }

    async fn status(&self, id: &PaymentId) -> PaymentStatus {
        self.gateway.read(id).await.unwrap().status
    }

    async fn get(&self, path: &str) -> Value {
        let get = reqwest::Client::new().get(format!("{}/v1/{path}", self.url)).bearer_auth("sk_test_1");
        get.send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for LocalStripe {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

fn request(method: &str) -> PaymentRequest {
    let storefront: Storefront = "shop".parse().unwrap();
    PaymentRequest {
        order_id: OrderId::derive(&storefront, &"k".parse().unwrap()),
        amount: Money::new(2598, Currency::EUR),
        payment_method: method.into(),
    }
}

#[tokio::test]
async fn a_payment_is_created_confirmed_and_refunded() {
    let stripe = LocalStripe::start();
    let id = stripe.created("pm_card_visa").await;
    assert_eq!(stripe.status(&id).await, PaymentStatus::RequiresConfirmation);
    let intent = stripe.get(&format!("payment_intents/{}", id.0)).await;
    let order_id = request("pm_card_visa").order_id.to_string();
    assert_eq!((&intent["amount"], &intent["currency"]), (&2598.into(), &"eur".into()));
    assert_eq!((&intent["capture_method"], &intent["metadata"]["order_id"]), (&"automatic".into(), &order_id.into()));

    assert_eq!(stripe.gateway.confirm(&id, "confirm").await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(stripe.status(&id).await, PaymentStatus::Succeeded);
    assert_eq!(stripe.gateway.refund(&id, "refund").await.unwrap().status, PaymentStatus::Refunded);
    assert_eq!(stripe.status(&id).await, PaymentStatus::Refunded);
    let charges = stripe.get("charges").await;
    let of = |field: &str| charges["data"].as_array().unwrap().iter().map(|charge| charge[field].clone()).collect();
    let amounts: [Vec<Value>; 2] = [of("amount"), of("amount_refunded")];
    assert_eq!(amounts, [[2598], [2598]], "one charge, paid back in full");
}

#[tokio::test]
async fn a_decline_is_an_answer_and_can_be_voided() {
    let stripe = LocalStripe::start();
    let id = stripe.created("pm_card_chargeCustomerFail").await;
    let declined = PaymentStatus::Declined(RejectReason::PaymentDeclined);
    assert_eq!(stripe.gateway.confirm(&id, "confirm").await.unwrap().status, declined);
    assert_eq!(stripe.status(&id).await, declined);
    assert_eq!(stripe.gateway.refund(&id, "refund").await, Err(GatewayError::WrongState));
    assert_eq!(stripe.gateway.void(&id, "void").await.unwrap().status, PaymentStatus::Voided);
    assert_eq!(stripe.status(&id).await, PaymentStatus::Voided);
}

#[tokio::test]
async fn what_is_captured_is_not_voided_and_what_is_voided_is_not_captured() {
    let stripe = LocalStripe::start();
    let captured = stripe.created("pm_card_visa").await;
    stripe.gateway.confirm(&captured, "confirm").await.unwrap();
    assert_eq!(stripe.gateway.void(&captured, "void").await, Err(GatewayError::WrongState));
    let voided = stripe.created("pm_card_visa").await;
    assert_eq!(stripe.gateway.void(&voided, "void").await.unwrap().status, PaymentStatus::Voided);
    assert_eq!(stripe.gateway.confirm(&voided, "confirm").await, Err(GatewayError::WrongState));
    assert_eq!(stripe.status(&voided).await, PaymentStatus::Voided);
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_the_orders_fault() {
    let stripe = LocalStripe::start();
    let refused = stripe.gateway.create(&request("pm_of_nobody"), "create").await;
    assert_eq!(refused, Err(GatewayError::Rejected(RejectReason::PaymentInvalid)));
}

#[tokio::test]
async fn a_card_that_wants_its_holder_is_declined_for_it() {
    let stripe = LocalStripe::start();
    let card = "type=card&card[number]=4000002500003155&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123";
    let made = reqwest::Client::new().post(format!("{}/v1/payment_methods", stripe.url)).bearer_auth("sk_test_1");
    let made = made.header("content-type", "application/x-www-form-urlencoded").body(card).send().await.unwrap();
    let method: Value = made.json().await.unwrap();
    let id = stripe.created(method["id"].as_str().unwrap()).await;
    let declined = PaymentStatus::Declined(RejectReason::AuthenticationRequired);
    assert_eq!(stripe.gateway.confirm(&id, "confirm").await.unwrap().status, declined);
    assert_eq!(stripe.status(&id).await, declined);
    assert_eq!(stripe.gateway.void(&id, "void").await.unwrap().status, PaymentStatus::Voided);
}

#[tokio::test]
async fn a_payment_that_is_not_there_is_technical() {
    let stripe = LocalStripe::start();
    let read = stripe.gateway.read(&PaymentId("pi_of_another_account".into())).await;
    assert!(matches!(read, Err(GatewayError::Unavailable(_))), "{read:?}");
}
