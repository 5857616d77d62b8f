//! The tools that come from npm (a linter, the driver of the browser), installed in `npm` of the target directory as the lock file of `xtask/npm`
//! says. Installed once; anew when that file changes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::venv::{lock, run};
use crate::workspace::{root, target};

/// The directory with the `node_modules`; `None` where there is no npm. CI must have it.
///
/// # Errors
/// What could not be installed.
pub(crate) fn install() -> Result<Option<PathBuf>, String> {
    let there = Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there && std::env::var_os("CI").is_none() {
        return Ok(None);
    }
    let (from, to) = (root()?.join("xtask/npm"), target()?.join("npm"));
    let _lock = lock(&to, "npm").map_err(|error| format!("{}: {error}", to.display()))?;
    let read = |file: PathBuf| fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()));
    let wanted = read(from.join("package-lock.json"))?;
    let stamp = to.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Some(to));
    }
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), to.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    eprintln!("\n==> npm ci");
    run(Command::new("npm").args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&to))?;
    // Last, so that a half-made directory is made again.
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(Some(to))
}
