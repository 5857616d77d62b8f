//! The real binary, started and killed by tests, and a client of its API.

#![allow(dead_code)] // each test binary uses its part

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response};

pub struct Service {
    child: Child,
    pub url: String,
    pub client: Client,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Service {
    pub async fn start(data: &Path, port: u16) -> Self {
        Self::start_with(data, port, &[]).await
    }

    /// Started with this environment, and ready.
    pub async fn start_with(data: &Path, port: u16, environment: &[(&str, &str)]) -> Self {
        Self::start_at(data, data, port, environment).await
    }

    /// In `directory`, where its log is, with its data elsewhere.
    pub async fn start_at(directory: &Path, data: &Path, port: u16, environment: &[(&str, &str)]) -> Self {
        Self::start_binary(Path::new(env!("CARGO_BIN_EXE_orderflow")), directory, data, port, environment).await
    }

    /// As another binary than the default one.
    pub async fn start_binary(
        binary: &Path,
        directory: &Path,
        data: &Path,
        port: u16,
        environment: &[(&str, &str)],
    ) -> Self {
        let child = Command::new(binary)
            .args(["serve", "--log", "warn", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(data)
            .envs(environment.iter().copied())
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(std::fs::File::options().create(true).append(true).open(directory.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut service = Self { child, url: format!("http://127.0.0.1:{port}"), client: Client::new() };
        let end = Instant::now() + Duration::from_secs(30);
        while !service.get("/ready").send().await.is_ok_and(|response| response.status().is_success()) {
            let exited = service.child.try_wait().unwrap();
            assert!(exited.is_none() && Instant::now() < end, "not ready: {exited:?}\n{}", log(directory));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        service
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub async fn post(&self, key: &str, body: &str) -> reqwest::Result<Response> {
        let request = self.client.post(format!("{}/orders", self.url)).header("Content-Type", "application/json");
        request.header("Idempotency-Key", key).body(body.to_owned()).send().await
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// The exit code, once it has ended.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|status| status.code().unwrap())
    }

    /// SIGTERM; asserts that it ends well.
    pub fn stop(mut self) {
        self.terminate();
        assert!(self.child.wait().unwrap().success());
    }
}

/// No test leaves a process behind, not even one that fails.
impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A binary of `cargo xtask build`, not older than what it is made from.
pub fn built(name: &str) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_orderflow")).with_file_name(name);
    let changed = |file: &Path| std::fs::metadata(file).and_then(|file| file.modified()).ok();
    let sources = std::fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let sources = sources.split_once(": ").map(|(_, sources)| sources.split_whitespace()).into_iter().flatten();
    let newest = sources.filter_map(|source| changed(Path::new(source))).max();
    assert!(newest.is_some() && changed(&binary) >= newest, "first `cargo xtask build`: {}", binary.display());
    binary
}

pub fn log(data: &Path) -> String {
    std::fs::read_to_string(data.join("log")).unwrap_or_default()
}
