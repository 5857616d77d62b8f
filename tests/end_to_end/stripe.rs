//! Charging through Stripe: the command with its feature `stripe`, against localstripe.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::api::{post, wait_for};
use crate::service::{Service, built, free_port};

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// It ends when its standard input does: with this value, or with this process.
struct LocalStripe {
    child: Child,
    url: String,
}

impl LocalStripe {
    fn start() -> Self {
        let venv = Command::new(env!("CARGO")).args(["xtask", "venv", "stripe"]).current_dir(PACKAGE).output().unwrap();
        assert!(venv.status.success(), "{}", String::from_utf8_lossy(&venv.stderr));
        let mut command = Command::new(format!("{}/python", String::from_utf8(venv.stdout).unwrap().trim_end()));
        command.arg(format!("{PACKAGE}/infra/stripe/tests/localstripe/serve.py"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim_end().to_owned() }
    }

    async fn charges(&self) -> Vec<Value> {
        let get = reqwest::Client::new().get(format!("{}/v1/charges", self.url)).bearer_auth("sk_test_1");
        let charges: Value = get.send().await.unwrap().json().await.unwrap();
        charges["data"].as_array().unwrap().clone()
    }
}

impl Drop for LocalStripe {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn an_order_is_charged_at_stripe_and_nothing_is_simulated() {
    let (stripe, data) = (LocalStripe::start(), tempfile::tempdir().unwrap());
    let settings = [("ORDERFLOW_STRIPE_KEY", "sk_test_1"), ("STRIPE_API_BASE", stripe.url.as_str())];
    let binary = built("orderflow-full");
    let service = Service::start_binary(&binary, data.path(), data.path(), free_port(), &settings).await;
    let confirmed = post(&service, "good", "pm_card_visa").await;
    let confirmed = wait_for(&service, &confirmed, |order| order["status"] == "confirmed").await;
    let charges = stripe.charges().await;
    assert_eq!(charges.len(), 1, "{charges:#?}");
    assert_eq!((&charges[0]["amount"], &charges[0]["status"]), (&confirmed["total"]["amount"], &json!("succeeded")));

    let declined = post(&service, "declined", "pm_card_chargeCustomerFail").await;
    let declined = wait_for(&service, &declined, |order| order["status"] == "rejected").await;
    assert_eq!(declined["reason"], "PaymentDeclined");
    assert_eq!(service.get("/ops/gateway").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    service.stop();
}
