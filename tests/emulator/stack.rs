//! A stage of `infra/aws/template.yaml` on the emulator, and what a test asks of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::Message;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::ministack::{self, REGION};
use crate::service::built;

/// Whose stacks they all are: the emulator serves APIs of this account only. Stages keep them apart.
pub const ACCOUNT: &str = "000000000000";
const FUNCTIONS: [&str; 5] = ["producer", "dispatch", "inventory", "payment", "email"];
pub const QUEUES: [&str; 4] = ["OrdersQueue", "InventoryQueue", "PaymentsQueue", "EmailsQueue"];
pub const DLQS: [&str; 4] = ["OrdersDlq", "InventoryDlq", "PaymentsDlq", "EmailsDlq"];
/// The steps that end an execution.
const CLOSING: [&str; 3] = ["SendConfirmation", "NotifyRejected", "CloseOrder"];

pub struct Stack {
    pub stage: String,
    pub sdk: SdkConfig,
    pub deployed: Deployed,
    endpoint: String,
    client: Client,
}

/// What `deploy.py` says.
#[derive(Deserialize)]
pub struct Deployed {
    /// Logical to physical ids.
    pub resources: BTreeMap<String, String>,
    /// One for each scope.
    tokens: BTreeMap<String, String>,
    /// The resource types that the emulator refuses.
    pub refused: Vec<String>,
}

impl Stack {
    pub async fn deploy() -> Self {
        let (endpoint, stage) = (ministack::endpoint().await, format!("t{:08x}", fastrand::u32(..)));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let venv = Command::new(env!("CARGO")).args(["xtask", "venv", "emulator"]).current_dir(root).output().unwrap();
        let python = Path::new(String::from_utf8_lossy(&venv.stdout).trim()).join("python");
        let output = Command::new(python)
            .arg(root.join("tests/emulator/deploy.py"))
            .args([&endpoint, REGION, ACCOUNT, &stage])
            .arg(functions())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success());
        let deployed = serde_json::from_slice(&output.stdout).unwrap();
        let sdk = ministack::sdk_config(ACCOUNT).await;
        Self { stage, sdk, deployed, endpoint, client: Client::new() }
    }

    /// With the products of `examples/products.json`.
    pub async fn with_products() -> Self {
        let stack = Self::deploy().await;
        for product in products() {
            let path = format!("/products/{}", product["sku"].as_str().unwrap());
            let put = stack.request(Method::PUT, &path, Some("ops")).json(&product).send().await.unwrap();
            assert_eq!(put.status(), StatusCode::CREATED);
        }
        stack
    }

    /// A request to the HTTP API, with the token of a scope or without one.
    pub fn request(&self, method: Method, path: &str, scope: Option<&str>) -> RequestBuilder {
        let api = self.resource("HttpApi");
        let request = self.client.request(method, format!("{}/_aws/execute-api/{api}/$default{path}", self.endpoint));
        match scope {
            Some(scope) => request.bearer_auth(&self.deployed.tokens[scope]),
            None => request,
        }
    }

    pub async fn post(&self, key: &str, body: String) -> Response {
        let request = self.request(Method::POST, "/orders", Some("storefront"));
        let request = request.header("Idempotency-Key", key).header("Content-Type", "application/json");
        request.body(body).send().await.unwrap()
    }

    /// Posts an order that must be accepted: its id.
    pub async fn place(&self, key: &str, body: String) -> String {
        let response = self.post(key, body).await;
        let (status, answer) = (response.status(), response.json::<Value>().await.unwrap());
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer["order_id"].as_str().unwrap().to_owned()
    }

    /// The order, when its story has ended.
    pub async fn ended(&self, id: &str) -> Value {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let request = self.request(Method::GET, &format!("/orders/{id}"), Some("storefront"));
            let order: Value = request.send().await.unwrap().json().await.unwrap();
            if CLOSING.iter().any(|closing| step(&order, closing).is_some()) {
                return order;
            }
            assert!(Instant::now() < end, "{order:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn send(&self, queue: &str, body: &str) {
        self.sqs().send_message().queue_url(self.resource(queue)).message_body(body).send().await.unwrap();
    }

    /// A message of a queue, when one comes.
    pub async fn receive(&self, queue: &str) -> Message {
        let receive = self.sqs().receive_message().queue_url(self.resource(queue)).wait_time_seconds(20);
        let received = receive.message_attribute_names("All").send().await.unwrap().messages.unwrap_or_default().pop();
        received.unwrap_or_else(|| panic!("nothing comes to {queue}"))
    }

    /// How many messages a queue holds, visible or not.
    pub async fn depth(&self, queue: &str) -> usize {
        let url =
            format!("{}/_ministack/sqs/messages?account={ACCOUNT}&QueueUrl={}", self.endpoint, self.resource(queue));
        let peek: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
        peek["messages"][ACCOUNT][REGION][self.resource(queue)].as_array().unwrap().len()
    }

    /// Until no queue but the DLQs holds a message.
    pub async fn quiet(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        for queue in QUEUES {
            while self.depth(queue).await > 0 {
                assert!(Instant::now() < end, "messages still wait in {queue}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Stops or starts the function behind a queue.
    pub async fn poll(&self, mapping: &str, enabled: bool) {
        let url = format!("{}/2015-03-31/event-source-mappings/{}", self.endpoint, self.resource(mapping));
        let request = self.client.put(url).header("Authorization", ministack::authorization(ACCOUNT, "lambda"));
        request.json(&json!({ "Enabled": enabled })).send().await.unwrap().error_for_status().unwrap();
    }

    /// What this stage mailed.
    pub async fn mails(&self) -> Vec<Value> {
        let url = format!("{}/_ministack/ses/messages?account={ACCOUNT}", self.endpoint);
        let sent: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
        let sent = sent["messages"][ACCOUNT].as_array().cloned().unwrap_or_default();
        let sender = format!("@{}.example.com", self.stage);
        sent.into_iter().filter(|mail| mail["Source"].as_str().unwrap().contains(&sender)).collect()
    }

    pub fn resource(&self, id: &str) -> &str {
        &self.deployed.resources[id]
    }

    /// The stack's name.
    pub fn name(&self) -> String {
        format!("orderflow-{}", self.stage)
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }
}

/// The products of `examples/products.json`.
pub fn products() -> Vec<Value> {
    serde_json::from_str(include_str!("../../examples/products.json")).unwrap()
}

/// The order's record of a step.
pub fn step<'a>(order: &'a Value, step: &str) -> Option<&'a Value> {
    order["timeline"].as_array()?.iter().find(|record| record["step"] == step)
}

/// Where the compiled functions are.
fn functions() -> PathBuf {
    FUNCTIONS.map(built)[0].parent().unwrap().to_owned()
}
