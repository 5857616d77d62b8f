//! Where the workspace is, and where Cargo builds it: as `cargo metadata` says, whatever `CARGO_TARGET_DIR` or
//! `build.target-dir` make of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

/// The workspace's root.
///
/// # Errors
/// What `cargo metadata` says.
pub(crate) fn root() -> Result<&'static Path, String> {
    Ok(&workspace()?.root)
}

/// The directory that Cargo builds into; our own tools and scratch files are under it, too.
///
/// # Errors
/// What `cargo metadata` says.
pub(crate) fn target() -> Result<&'static Path, String> {
    Ok(&workspace()?.target)
}

fn workspace() -> Result<&'static Workspace, String> {
    static WORKSPACE: OnceLock<Workspace> = OnceLock::new();
    if let Some(workspace) = WORKSPACE.get() {
        return Ok(workspace);
    }
    let found = ask()?;
    Ok(WORKSPACE.get_or_init(|| found))
}

fn ask() -> Result<Workspace, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let path = |name: &str| {
        let path = metadata[name].as_str().ok_or_else(|| format!("cargo metadata has no {name}"))?;
        Ok::<_, String>(PathBuf::from(path))
    };
    Ok(Workspace { root: path("workspace_root")?, target: path("target_directory")? })
}
