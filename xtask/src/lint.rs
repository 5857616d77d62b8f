//! Lints what is deployed to AWS, the template and the workflow's definition, with the linters of the field. Offline, once
//! they are installed. Our own rules are tests: `tests/template`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::npm;
use crate::venv::{run, venv};
use crate::workspace::root;

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
    match npm::install()? {
        Some(npm) => at_root(tool(&npm.join("node_modules/.bin"), "asl-validator").args(["--json-path", DEFINITION])),
        None => {
            eprintln!("there is no npm here: asl-validator is left to CI");
            Ok(())
        }
    }
}

fn python(name: &str) -> Result<PathBuf, String> {
    venv(name, &root()?.join(format!("xtask/requirements/{name}.txt")))
}

fn tool(bin: &Path, name: &str) -> Command {
    eprintln!("\n==> {name}");
    Command::new(bin.join(name))
}

fn at_root(command: &mut Command) -> Result<(), String> {
    run(command.current_dir(root()?))
}
