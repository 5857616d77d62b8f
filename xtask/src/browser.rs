//! What needs a real browser, the tests and the pictures (`tests/browser`): Debian's Chromium, driven by Playwright from npm.
//! Node's own test runner runs the tests.

use std::path::PathBuf;
use std::process::Command;

use crate::npm;
use crate::venv::run;
use crate::workspace::{root, target};

/// Names another Chromium; the tests know it, too.
const VARIABLE: &str = "CHROMIUM";
/// Tells the tests where the binary, the tools and their pictures are.
const TARGET: &str = "CARGO_TARGET_DIR";
const CHROMIUM: &str = "/usr/bin/chromium";
/// A test that hangs fails after ten minutes.
const TIMEOUT: &str = "--test-timeout=600000";

/// `cargo xtask browser [NAME]…`: all tests, or those of the named files. The service must have been built.
///
/// # Errors
/// What is missing, or that a test failed.
pub(crate) fn test(names: &[String]) -> Result<(), String> {
    let files = files(names)?;
    // A file at a time: each has a browser and a service of its own, and two would only wait for each other.
    node(&["--test", "--test-reporter=spec", "--test-concurrency=1", TIMEOUT], &files)
}

/// The same in a run of all tests: left to CI where there is no browser.
///
/// # Errors
/// That a test failed; in CI, what is missing as well.
pub(crate) fn test_where_possible() -> Result<(), String> {
    match missing() {
        Some(missing) if std::env::var_os("CI").is_none() => {
            eprintln!("\nthere is no {missing} here: the tests in the browser are left to CI");
            Ok(())
        }
        _ => test(&[]),
    }
}

/// `cargo xtask screenshots`: the pictures of the console in README and docs. The service must have been built.
///
/// # Errors
/// What is missing, or what could not be shown.
pub(crate) fn screenshots() -> Result<(), String> {
    node(&[], &[root()?.join("tests/browser/screenshots.mjs")])
}

fn node(flags: &[&str], files: &[PathBuf]) -> Result<(), String> {
    if let Some(missing) = missing() {
        return Err(format!("there is no {missing} here; on Debian: apt-get install nodejs npm chromium"));
    }
    npm::install()?;
    eprintln!("\n==> node {}", flags.join(" "));
    run(Command::new("node").args(flags).args(files).current_dir(root()?).env(TARGET, target()?))
}

fn missing() -> Option<String> {
    let chromium = std::env::var(VARIABLE).unwrap_or_else(|_| CHROMIUM.to_owned());
    let answers = |program: &str, flags: &[&str]| {
        Command::new(program).args(flags).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    // An older one doesn't know the flag.
    if !answers("node", &[TIMEOUT]) {
        return Some("Node.js 20.11 or newer".to_owned());
    }
    ["npm", &chromium].into_iter().find(|program| !answers(program, &[])).map(str::to_owned)
}

fn files(names: &[String]) -> Result<Vec<PathBuf>, String> {
    let directory = root()?.join("tests/browser");
    let entries = std::fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let is_meant = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);
    let of_test = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".test.mjs"));
        name.is_some_and(is_meant)
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(of_test).collect();
    files.sort();
    match files.is_empty() {
        true => Err(format!("no such test in {}", directory.display())),
        false => Ok(files),
    }
}
