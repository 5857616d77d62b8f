//! `cargo xtask`: what the project does to itself. Needs nothing but Rust; tools that make it better are used if they
//! are there.

mod browser;
mod cold_start;
mod emulator;
mod lint;
mod mutants;
mod npm;
mod package;
mod picture;
mod process;
mod simulate;
mod speed;
mod statistics;
mod venv;
mod workspace;

use std::process::{Command, ExitCode};

use emulator::Emulator;

const USAGE: &str = "\
usage: cargo xtask test      format, lints, all tests, documentation, dependencies
       cargo xtask build     what tests run beside their own: the Lambda functions, and the command with all features
       cargo xtask bench     all benches (criterion)
       cargo xtask mutants   whether tests notice when what decides is changed, hours: [--since REV] [PACKAGE]...
       cargo xtask emulator  the emulator of AWS that tests use, until Ctrl-C
       cargo xtask browser   the tests in Chromium: [NAME of tests/browser/NAME.test.mjs]...
       cargo xtask lint      the template and the workflow's definition, with AWS's linters
       cargo xtask package   the Lambda functions' zips: [--target arm64|x86-64] [--out DIRECTORY]
       cargo xtask cold-start  how fast the functions start, beside one that does nothing: [--json] [--runs N]
       cargo xtask speed     how fast the pipeline is, release build, durable: [--runs N] or [--growth]
       cargo xtask simulate  deliveries that race: all pairs, and seeded runs, 10,000 or [--runs N]; or the one of [--seed S]
       cargo xtask picture   the documentation's pictures: docs/demo.svg from a run of the demo, docs/graph*.svg
       cargo xtask screenshots  docs/console-*.png, from the console at work
       cargo xtask venv NAME where the programs of xtask/requirements/NAME.txt are, after installing them";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (task, arguments) = (arguments.next(), arguments.collect::<Vec<_>>());
    let done = match task.as_deref() {
        Some("test") => test(),
        Some("build") => build(),
        Some("bench") => cargo("bench --workspace --benches"),
        Some("mutants") => mutants::run(&arguments),
        Some("emulator") => emulator::serve(),
        Some("browser") => cargo("build --package orderflow --locked").and_then(|()| browser::test(&arguments)),
        Some("screenshots") => cargo("build --package orderflow --locked").and_then(|()| browser::screenshots()),
        Some("lint") => lint::lint(),
        Some("package") => package::package(&arguments),
        Some("cold-start") => cold_start::measure(&arguments),
        Some("speed") => speed::measure(&arguments),
        Some("simulate") => simulate::run(&arguments),
        Some("picture") => picture::draw(),
        Some("venv") => venv::show(std::env::args().nth(2)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Everything a change must pass, cheapest first.
fn test() -> Result<(), String> {
    if installed("fmt") {
        cargo("fmt --all --check")?;
    }
    if installed("clippy") {
        cargo("clippy --workspace --all-targets --locked -- -D warnings")?;
        cargo("clippy --package orderflow --features aws,stripe --all-targets --locked -- -D warnings")?;
    }
    if installed("deny") {
        cargo("deny check bans licenses sources")?;
    }
    lint::lint()?;
    build()?;
    let emulator = Emulator::start()?;
    let tests = match installed("nextest") {
        true => "nextest run --workspace --locked --no-fail-fast",
        false => "test --workspace --locked --no-fail-fast --lib --bins --tests",
    };
    cargo_with(&[(emulator::VARIABLE, &emulator.endpoint)], tests)?;
    drop(emulator);
    simulate::run(&[])?;
    browser::test_where_possible()?;
    cargo("test --workspace --locked --doc")?;
    no_aws_sdk()
}

/// What tests run beside their own, each with the list of its sources, which a test run alone doesn't write: the functions, and
/// the command with all its features. That goes aside, as `orderflow-full`, since a test run builds the default one.
fn build() -> Result<(), String> {
    cargo("build --workspace --locked --features orderflow/aws,orderflow/stripe")?;
    let built = std::env::current_exe().map_err(|error| format!("where this is: {error}"))?;
    for ending in ["", ".d"] {
        let [from, to] = ["orderflow", "orderflow-full"].map(|name| built.with_file_name(format!("{name}{ending}")));
        std::fs::copy(&from, &to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    Ok(())
}

/// The shipped default binary stays free of the AWS SDK (DESIGN.md 2).
fn no_aws_sdk() -> Result<(), String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "orderflow", "--edges", "normal,build", "--prefix", "none", "--locked"])
        .output()
        .map_err(|error| format!("cargo tree: {error}"))?;
    let tree = String::from_utf8_lossy(&tree.stdout);
    match tree.lines().find(|line| line.starts_with("aws-sdk-") || line.starts_with("aws-config ")) {
        Some(line) => Err(format!("the default binary depends on {line}")),
        None => Ok(()),
    }
}

fn installed(subcommand: &str) -> bool {
    Command::new(env!("CARGO")).args([subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}

fn cargo(arguments: &str) -> Result<(), String> {
    cargo_with(&[], arguments)
}

fn cargo_with(environment: &[(&str, &str)], arguments: &str) -> Result<(), String> {
    eprintln!("\n==> cargo {arguments}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments.split(' ')).envs(environment.iter().copied());
    without_cargos_variables(&mut cargo);
    let status = cargo.status();
    match status.map_err(|error| format!("cargo {arguments}: {error}"))?.success() {
        true => Ok(()),
        false => Err(format!("failed: cargo {arguments}")),
    }
}

/// What Cargo tells this program about itself. Build scripts look at it (ring's), and would run again, and all that needs them
/// be compiled again, whenever `cargo xtask` comes after `cargo`, or before.
fn without_cargos_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
}
