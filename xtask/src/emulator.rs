//! MiniStack, the emulator of AWS that tests use, in a virtual environment of its own. For tests and for people.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::venv::{run, venv};
use crate::workspace::{root, target};

/// Tells tests where it is; without it each test process starts its own.
pub(crate) const VARIABLE: &str = "ORDERFLOW_EMULATOR";

/// A running emulator. It ends when its standard input does: with this value, or with this process, however that dies.
pub(crate) struct Emulator {
    child: Child,
    pub(crate) endpoint: String,
}

impl Emulator {
    /// Starts one, with its log in `emulator/log` of the target directory.
    pub(crate) fn start() -> Result<Self, String> {
        let path = state()?.join("log");
        let log = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut command = command()?;
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn();
        let mut child = child.map_err(|error| format!("{error}: {command:?}"))?;
        let mut endpoint = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut endpoint).map_err(|error| format!("the emulator: {error}"))?;
        }
        match endpoint.trim_end() {
            "" => Err(format!("the emulator does not start: see {}", path.display())),
            endpoint => Ok(Self { child, endpoint: endpoint.to_owned() }),
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// Runs one until standard input ends or Ctrl-C.
pub(crate) fn serve() -> Result<(), String> {
    run(&mut command()?)
}

fn command() -> Result<Command, String> {
    let root = root()?;
    let bin = venv("emulator", &root.join("xtask/requirements/emulator.txt"))?;
    let mut command = Command::new(bin.join("python"));
    command.arg(root.join("tests/ministack/serve.py")).arg(state()?);
    Ok(command)
}

fn state() -> Result<PathBuf, String> {
    let directory = target()?.join("emulator");
    std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    Ok(directory)
}
