//! Python tools (emulator, linters, cargo-lambda), each set in a virtual environment of its own under `venv` of the target directory, from a
//! requirements file with pinned versions and hashes. Made once; made anew when the file changes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{root, target};

/// The environment that has just what `requirements` pins. Returns its `bin` directory.
///
/// # Errors
/// What could not be installed.
pub fn venv(name: &str, requirements: &Path) -> Result<PathBuf, String> {
    let wanted =
        std::fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let all = target()?.join("venv");
    let _lock = lock(&all, name).map_err(|error| format!("{}: {error}", all.display()))?;
    let directory = all.join(name);
    let (bin, stamp) = (directory.join("bin"), directory.join("requirements.txt"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(bin);
    }
    eprintln!("\n==> python3 -m venv {}", directory.display());
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
    // The file names everything: pip need not resolve anew what extras were stripped from.
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r"];
    run(Command::new(bin.join("python")).args(pip).arg(requirements))?;
    // Last, so that a half-made environment is made again.
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(bin)
}

/// Prints the `bin` directory of the environment that `xtask/requirements/NAME.txt` pins.
///
/// # Errors
/// What could not be installed.
pub fn show(name: Option<String>) -> Result<(), String> {
    let name = name.ok_or("of which environment?")?;
    let requirements = root()?.join(format!("xtask/requirements/{name}.txt"));
    println!("{}", venv(&name, &requirements)?.display());
    Ok(())
}

/// One process makes an environment; the others wait for it.
///
/// # Errors
/// If there can be no file in that directory.
pub fn lock(all: &Path, name: &str) -> std::io::Result<File> {
    std::fs::create_dir_all(all)?;
    let lock = File::create(all.join(format!("{name}.lock")))?;
    lock.lock()?;
    Ok(lock)
}

/// Runs a command to its end.
///
/// # Errors
/// The command, if it can't be started or fails.
pub fn run(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{status}: {command:?}")),
        Err(error) => Err(format!("{error}: {command:?}")),
    }
}
