//! Lints what is deployed to AWS, the template and the workflow's definition, with the linters of the field. Offline, once
//! they are installed. Our own rules are tests: `tests/template`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::venv::{run, venv};

const TEMPLATE: &str = "infra/aws/template.yaml";
const DEFINITION: &str = "statemachine/order.asl.json";
/// What production is deployed with: the SAM transform and the conditions make other resources of it.
const PRODUCTION: [&str; 3] = [
    "Canary=true",
    "PaymentGateway=stripe",
    "StripeSecretArn=arn:aws:secretsmanager:eu-central-1:111122223333:secret:stripe",
];

/// Runs every linter; the first that finds something ends it.
pub(crate) fn lint() -> Result<(), String> {
    let (sam, checkov) = (python("lint-sam")?, python("lint-checkov")?);
    let validate = ["validate", "--lint", "--region", "eu-central-1", "--template", TEMPLATE];
    at_root(tool(&sam, "sam").args(validate).env("SAM_CLI_TELEMETRY", "0"))?;
    at_root(tool(&sam, "cfn-lint").arg(TEMPLATE))?;
    at_root(tool(&sam, "cfn-lint").arg(TEMPLATE).arg("--parameters").args(PRODUCTION))?;
    at_root(tool(&checkov, "checkov").args(["--config-file", "infra/aws/.checkov.yaml", "--file", TEMPLATE]))?;
    at_root(tool(&sam, "statelint").arg(DEFINITION))?;
    match npm()? {
        Some(bin) => at_root(tool(&bin, "asl-validator").args(["--json-path", DEFINITION])),
        None => {
            eprintln!("there is no npm here: asl-validator is left to CI");
            Ok(())
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn python(name: &str) -> Result<PathBuf, String> {
    venv(name, &root().join(format!("xtask/requirements/{name}.txt")))
}

/// The tools of `xtask/npm`, installed in `target/npm` as its lock file says; `None` where there is no npm. CI must have it.
fn npm() -> Result<Option<PathBuf>, String> {
    let there = Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there && std::env::var_os("CI").is_none() {
        return Ok(None);
    }
    let (from, to) = (root().join("xtask/npm"), root().join("target/npm"));
    std::fs::create_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(file), to.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    run(Command::new("npm").args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&to))?;
    Ok(Some(to.join("node_modules/.bin")))
}

fn tool(bin: &Path, name: &str) -> Command {
    eprintln!("\n==> {name}");
    Command::new(bin.join(name))
}

fn at_root(command: &mut Command) -> Result<(), String> {
    run(command.current_dir(root()))
}
