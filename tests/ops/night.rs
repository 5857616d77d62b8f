//! The command, as ops use it at night, against a service of its own. The load's tests have it too.

#![allow(dead_code)] // each test binary uses its part

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::service::{Service, free_port};

/// Two tries and short pauses, so that an outage doesn't take ten minutes to fill a DLQ.
pub const SETTINGS: &str = "\
[retries]
max_receive_count = 2
backoff = \"5ms\"
longest_backoff = \"20ms\"
";

pub struct Night {
    pub data: TempDir,
    port: u16,
    service: Option<Service>,
}

impl Night {
    pub async fn begins() -> Self {
        Self::with(SETTINGS).await
    }

    /// With this `orderflow.toml`.
    pub async fn with(settings: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("orderflow.toml"), settings).unwrap();
        let mut night = Self { data, port: free_port(), service: None };
        night.start().await;
        night
    }

    /// Nothing is served, and there is nothing to serve.
    pub fn begins_at_nothing() -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("orderflow.toml"), SETTINGS).unwrap();
        Self { data, port: free_port(), service: None }
    }

    /// With dead letters of an outage that is over, and the ids of their orders.
    pub async fn after_an_outage(orders: usize) -> (Self, Vec<String>) {
        let night = Self::begins().await;
        night.says(&["gateway", "down"]);
        let ids = night.post("k", orders).await;
        night.until("dead-lettered", |status| status["dead_letters"] == orders).await;
        night.says(&["gateway", "up"]);
        (night, ids)
    }

    pub async fn start(&mut self) {
        self.service = Some(Service::start(self.data.path(), self.port).await);
    }

    pub fn service(&self) -> &Service {
        self.service.as_ref().unwrap()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.service.take().unwrap().kill();
    }

    pub fn stop(&mut self) {
        self.service.take().unwrap().stop();
    }

    pub fn ends(mut self) {
        self.stop();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orderflow"));
        command.args(arguments).current_dir(self.data.path());
        command.env("ORDERFLOW_URL", format!("http://127.0.0.1:{}", self.port)).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What it prints; it must succeed.
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// What it prints with `--json`; it must succeed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.says(&arguments)).unwrap()
    }

    /// Its exit code, and what it says of why.
    pub fn refuses(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    /// Posts orders of one mug each, and gives their ids.
    pub async fn post(&self, prefix: &str, count: usize) -> Vec<String> {
        let posts = (0..count).map(|number| async move {
            let body = serde_json::json!({
                "customer": { "id": "c-42", "email": "ada@example.com" },
                "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }],
                "currency": "EUR", "payment_method": "pm_card_visa",
            });
            let response = self.service().post(&format!("{prefix}{number}"), &body.to_string()).await.unwrap();
            assert_eq!(response.status().as_u16(), 202);
            response.json::<Value>().await.unwrap()["order_id"].as_str().unwrap().to_owned()
        });
        futures::StreamExt::collect(futures::StreamExt::buffer_unordered(futures::stream::iter(posts), 16)).await
    }

    /// Until the status holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let end = Instant::now() + Duration::from_secs(180);
        loop {
            let status = self.get("/ops/status").await;
            if holds(&status) {
                return;
            }
            assert!(Instant::now() < end, "never {what}: {status:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn until_quiet(&self) {
        self.until("quiet", |status| status["backlog"] == 0 && status["in_flight"] == 0).await;
    }

    pub async fn get(&self, path: &str) -> Value {
        self.service().get(path).send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    pub fn database(&self) -> rusqlite::Connection {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(self.path().join("orderflow.db"), flags).unwrap()
    }

    /// Every order is confirmed, and each was charged once. Mail is at-least-once: never more than the attempts.
    pub fn all_confirmed_once(&self, orders: usize) {
        let database = self.database();
        let one = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize;
        assert_eq!(one("SELECT count(*) FROM orders WHERE status = 'confirmed'"), orders);
        assert_eq!(one("SELECT count(*) FROM orders"), orders);
        assert_eq!(one("SELECT count(*) FROM gateway_ledger"), orders, "one charge each, and no refund");
        assert_eq!(one("SELECT count(DISTINCT payment) FROM gateway_ledger"), orders);
        assert_eq!(one("SELECT count(DISTINCT order_id) FROM gateway_payments"), orders);
        assert_eq!(one("SELECT count(DISTINCT order_id) FROM mails"), orders);
        let attempts = one("SELECT sum(progress ->> '$.mail.attempts') FROM orders");
        assert!(one("SELECT count(*) FROM mails") <= attempts, "no mail without an attempt");
        assert_eq!(one("SELECT count(*) FROM messages"), 0, "no message is left anywhere");
    }

    pub fn path(&self) -> &Path {
        self.data.path()
    }
}
