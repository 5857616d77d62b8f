//! `orderflow man`: a man page for each command, from the same source as `--help`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

/// Writes them into `directory`, which is made if it is not there.
///
/// # Errors
/// If a file can't be written.
pub fn write(directory: &Path) -> Result<ExitCode> {
    let failed = || format!("the man pages can't be written into {}", directory.display());
    std::fs::create_dir_all(directory).with_context(failed)?;
    clap_mangen::generate_to(crate::args::command(), directory).with_context(failed)?;
    Ok(ExitCode::SUCCESS)
}
