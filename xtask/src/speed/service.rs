//! A fresh `orderflow serve`, and loads on it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::process::memory_mb;
use crate::workspace::target;

/// A running service on a port and a database of its own; ends when dropped.
pub(super) struct Service {
    child: Child,
    /// Open as long as it may print.
    _stdout: BufReader<ChildStdout>,
    url: String,
    data: PathBuf,
}

impl Service {
    pub(super) fn start() -> Result<Self, String> {
        Self::start_at("speed")
    }

    /// With its data in this folder of the target directory.
    pub(super) fn start_at(data: &str) -> Result<Self, String> {
        let (orderflow, data) = (orderflow()?, target()?.join(data));
        // What an earlier run left, if anything.
        std::fs::remove_dir_all(&data).ok();
        let mut child = Command::new(&orderflow)
            .args(["serve", "--listen", "127.0.0.1:0", "--durability", "full", "--log", "warn", "--data"])
            .arg(&data)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", orderflow.display()))?;
        let stdout = child.stdout.take().ok_or("serve has no output")?;
        let (mut stdout, mut greeting) = (BufReader::new(stdout), String::new());
        stdout.read_line(&mut greeting).map_err(|error| format!("serve: {error}"))?;
        let Some((_, url)) = greeting.split_once("http://") else {
            return Err(format!("serve did not start: {greeting}"));
        };
        Ok(Self { url: format!("http://{}", url.trim()), child, _stdout: stdout, data })
    }

    /// The report of `orderflow load`.
    pub(super) fn load(&self, arguments: &[&str]) -> Result<Value, String> {
        let common = ["load", "--json", "--mix", "good=1", "--url", &self.url];
        let report = output(&orderflow()?, &[&common, arguments].concat())?;
        serde_json::from_str(&report).map_err(|error| format!("the report of orderflow load: {error}"))
    }

    /// What it allocated, and all that is resident (with the mapped part of its files), in MB.
    pub(super) fn memory(&self) -> Result<[f64; 2], String> {
        memory_mb(self.child.id(), ["RssAnon:", "VmRSS:"])
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself; the next start would find its files.
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.data).ok();
    }
}

fn orderflow() -> Result<PathBuf, String> {
    Ok(target()?.join("release/orderflow"))
}

/// What a command prints.
pub(super) fn output(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    match output.status.success() {
        true => String::from_utf8(output.stdout).map_err(|error| error.to_string()),
        false => Err(format!("{} {}: {}", program.display(), arguments.join(" "), output.status)),
    }
}
