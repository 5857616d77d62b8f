//! `cargo xtask mutants`: changes what decides, one place at a time, and sees whether its crate's own tests notice
//! (cargo-mutants). Not part of `cargo xtask test`: it takes hours; with `--since` minutes.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{venv, without_cargos_variables, workspace};

/// cargo-mutants, which is installed under `target/tools` where it is not.
const VERSION: &str = "27.1.0";

/// What decides: its package, and which of its files.
const AREAS: &[(&str, &[&str])] = &[
    ("orders", &["orders/src/**"]),
    ("workers", &["workers/src/**"]),
    ("ops", &["ops/src/replay*.rs", "ops/src/letter.rs"]),
    (
        "producer",
        &[
            "producer/src/orders.rs",
            "producer/src/products.rs",
            "producer/src/preconditions.rs",
            "producer/src/idempotency.rs",
            "producer/src/admission.rs",
        ],
    ),
    ("statemachine", &["statemachine/src/execution/*.rs"]),
];

/// Where those that survive stand, each with its reason.
const SURVIVORS: &str = "docs/TESTING.md";

/// How one mutant ended: the figures' columns, in cargo-mutants' words and in ours.
const ENDS: [(&str, &str); 4] =
    [("CaughtMutant", "caught"), ("Timeout", "timed out"), ("Unviable", "unviable"), ("MissedMutant", "survived")];

/// `[--since REV] [PACKAGE]...`: only what changed since then, only these packages.
///
/// # Errors
/// Tests that fail without a mutant; a survivor that docs/TESTING.md doesn't explain.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (mut since, mut packages) = (None, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--since" => since = Some(arguments.next().ok_or("--since needs a revision")?),
            package if AREAS.iter().any(|(known, _)| *known == package) => packages.push(package),
            other => {
                let known: Vec<&str> = AREAS.iter().map(|(package, _)| *package).collect();
                return Err(format!("`{other}` is not one of {}, nor --since", known.join(", ")));
            }
        }
    }
    let (root, target) = (workspace::root()?, workspace::target()?.join("mutants"));
    std::fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
    let changed = target.join("since.diff");
    if let Some(revision) = since {
        write_diff(root, revision, &changed)?;
    }
    let explained = std::fs::read_to_string(root.join(SURVIVORS)).map_err(|error| format!("{SURVIVORS}: {error}"))?;
    let mut unexplained = Vec::new();
    for (package, files) in AREAS.iter().filter(|(package, _)| packages.is_empty() || packages.contains(package)) {
        let out = target.join(package);
        let only = since.map(|_| changed.as_path());
        let ends = mutate(root, &target, package, files, only)?;
        let Some(ends) = ends else {
            eprintln!("{package}: nothing that decides has changed");
            continue;
        };
        let count = |summary| ends.iter().filter(|(_, end)| end == summary).count();
        let figures: Vec<String> = ENDS.iter().map(|(end, name)| format!("{} {name}", count(end))).collect();
        println!("{package}: {} mutants, {} ({})", ends.len(), figures.join(", "), out.display());
        let survivors = ends.iter().filter(|(_, end)| end == "MissedMutant").map(|(name, _)| name);
        unexplained.extend(survivors.filter(|name| !explained.contains(&format!("`{name}`"))).cloned());
    }
    match unexplained.is_empty() {
        true => Ok(()),
        false => {
            Err(format!("no test notices, and {SURVIVORS} does not say why none needs to:\n{}", unexplained.join("\n")))
        }
    }
}

fn write_diff(root: &Path, revision: &str, file: &Path) -> Result<(), String> {
    let output = Command::new("git").arg("-C").arg(root).args(["diff", "--no-ext-diff", revision]).output();
    let output = output.map_err(|error| format!("git diff: {error}"))?;
    if !output.status.success() {
        return Err(format!("git diff {revision}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::write(file, output.stdout).map_err(|error| format!("{}: {error}", file.display()))
}

/// Each mutant of the package's files, and how it ended; `None` if there are none.
fn mutate(
    root: &Path,
    target: &Path,
    package: &str,
    files: &[&str],
    changed: Option<&Path>,
) -> Result<Option<Vec<(String, String)>>, String> {
    let out = target.join(package);
    let outcomes = out.join("mutants.out/outcomes.json");
    if outcomes.exists() {
        std::fs::remove_file(&outcomes).map_err(|error| format!("{}: {error}", outcomes.display()))?;
    }
    let mut mutants = Command::new(program(target)?);
    mutants.args(["mutants", "--package", package, "--no-shuffle", "--colors", "never", "--dir"]).arg(root);
    // What a mutant makes endless is given up; what a busy machine makes slow is not.
    mutants.args(["--minimum-test-timeout", "120", "--timeout-multiplier", "10", "--output"]).arg(&out);
    for file in files {
        mutants.args(["--file", file]);
    }
    if let Some(changed) = changed {
        mutants.arg("--in-diff").arg(changed);
    }
    // Documentation tests hold nothing that the others don't, and each is a program to link.
    mutants.args(["--", "--lib", "--tests"]);
    // Of its own, so that dependencies are compiled once, and no other build takes a mutant for what it compiled itself.
    mutants.env("CARGO_TARGET_DIR", target.join("build"));
    without_cargos_variables(&mut mutants);
    eprintln!("\n==> {mutants:?}");
    let status = mutants.status().map_err(|error| format!("cargo-mutants: {error}"))?;
    // 2: some survived; 3: some timed out. Both are in the outcomes (cargo-mutants, "Exit codes").
    match status.code() {
        Some(0 | 2 | 3) if outcomes.exists() => read(&outcomes),
        Some(0) => Ok(None),
        Some(4) => Err(format!("{package}'s own tests fail before anything is changed: {}", out.display())),
        _ => Err(format!("cargo-mutants: {status}")),
    }
}

fn read(outcomes: &Path) -> Result<Option<Vec<(String, String)>>, String> {
    let json = std::fs::read(outcomes).map_err(|error| format!("{}: {error}", outcomes.display()))?;
    let json: Value = serde_json::from_slice(&json).map_err(|error| format!("{}: {error}", outcomes.display()))?;
    let outcomes = json["outcomes"].as_array().ok_or("cargo-mutants: no outcomes in its outcomes.json")?;
    let mutant = |outcome: &Value| {
        let name = outcome["scenario"]["Mutant"]["name"].as_str()?;
        Some((without_place(name), outcome["summary"].as_str()?.to_owned()))
    };
    Ok(Some(outcomes.iter().filter_map(mutant).collect()).filter(|ends: &Vec<_>| !ends.is_empty()))
}

/// `src/id.rs:117:78: replace …` without its line and column, which any edit above moves.
fn without_place(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(_), Some(_), Some(change)) => format!("{file}:{change}"),
        _ => name.to_owned(),
    }
}

/// The pinned cargo-mutants, installed where it is not.
fn program(target: &Path) -> Result<std::path::PathBuf, String> {
    let tools = target.with_file_name("tools");
    let program = tools.join("bin/cargo-mutants");
    let is_pinned = Command::new(&program).args(["mutants", "--version"]).output().is_ok_and(|output| {
        output.status.success() && String::from_utf8_lossy(&output.stdout).trim().ends_with(VERSION)
    });
    if !is_pinned {
        eprintln!("\n==> cargo install cargo-mutants@{VERSION}, into {}", tools.display());
        let mut install = Command::new(env!("CARGO"));
        install.args(["install", "--quiet", "--locked", "--force", "--root"]).arg(&tools);
        install.arg(format!("cargo-mutants@{VERSION}"));
        without_cargos_variables(&mut install);
        venv::run(&mut install)?;
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::without_place;

    #[test]
    fn a_mutant_is_named_without_its_line() {
        let name = "orders/src/id.rs:117:78: replace | with ^ in OrderId::derive";
        assert_eq!(without_place(name), "orders/src/id.rs: replace | with ^ in OrderId::derive");
        let name = "a.rs:1:2: delete match arm Method::Declines(reason) in Operation::applied";
        assert_eq!(without_place(name), "a.rs: delete match arm Method::Declines(reason) in Operation::applied");
    }
}
