//! MiniStack, the emulator of AWS: the one that `cargo xtask test` started, or one of this process's own.
//!
//! Tests are kept apart by account: each takes one that no other has, so names need not be unique.

#![allow(dead_code)] // each test binary uses its part

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;

/// The region that the emulator's functions run in.
pub const REGION: &str = "eu-west-1";

/// Where the emulator is.
pub async fn endpoint() -> String {
    if let Ok(endpoint) = std::env::var("ORDERFLOW_EMULATOR") {
        return endpoint;
    }
    OWN.1.clone()
}

/// An account of nobody else's.
pub fn new_account() -> String {
    format!("{:012}", fastrand::u64(1..1_000_000_000_000))
}

/// Its root's configuration of the SDK. The emulator takes the account for an access key.
pub async fn sdk_config(account: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint().await)
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(account, "secret", None, None, "test"))
        .load()
        .await
}

/// Signs a call of an account's root for which there is no client here. The emulator checks the signature of other callers only.
pub fn authorization(account: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// It ends when its standard input does: with this process.
static OWN: LazyLock<(Child, String)> = LazyLock::new(|| {
    let mut cargo = Command::new(env!("CARGO"));
    let cargo = cargo.args(["xtask", "emulator"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut child = cargo.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut endpoint = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
    assert!(endpoint.starts_with("http://"), "`cargo xtask emulator` does not start");
    (child, endpoint.trim_end().to_owned())
});
