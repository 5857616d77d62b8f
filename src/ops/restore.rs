//! `restore`: a backup becomes the database of a directory that nobody serves. Killed at any moment, it leaves the database that was
//! there, or the backup whole, or a pair that `serve` refuses with what to do.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use orderflow_embedded::backup;
use serde_json::json;

use super::args::RestoreArgs;
use super::copying::{Copying, sync_directory};
use super::show;
use crate::pipeline::make_private;

/// In bytes.
const CHUNK: usize = 1 << 20;

pub fn run(args: &RestoreArgs) -> Result<ExitCode> {
    let RestoreArgs { file, data, replace, json } = args;
    backup::check(file).with_context(|| format!("{} can't be restored", file.display()))?;
    make_private(data).with_context(|| format!("the data directory {} can't be made", data.display()))?;
    let database = data.join("orderflow.db");
    let _nobody_serves = backup::lock(&database)?;
    let wal = backup::beside(&database, "-wal");
    let old = [&database, &wal].into_iter().any(|old| old.exists());
    ensure!(
        *replace || !old,
        "{} has a database already: choose another directory, or add --replace, which keeps it under another name",
        data.display()
    );
    let mut source = File::open(file)?;
    let mut copying = Copying::begin(&database, source.metadata()?.len())?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match source.read(&mut chunk).with_context(|| format!("{} can't be read", file.display()))? {
            0 => break,
            read => copying.write(&chunk[..read])?,
        }
    }
    backup::check(copying.whole()?).context("the copy differs from the backup: check the disk")?;
    let copy = copying.sync()?;
    let kept = format!(".before-{}", jiff::Timestamp::now().as_second());
    let kept = old.then(|| backup::beside(&database, &kept));
    if let Some(kept) = kept.as_deref().filter(|_| database.exists()) {
        std::fs::hard_link(&database, kept).with_context(|| format!("{} can't be kept", database.display()))?;
    }
    copy.persist(&database).with_context(|| format!("{} can't be made", database.display()))?;
    sync_directory(&database)?;
    // From here to the end `serve` refuses the pair, for the WAL is that of the file before.
    if let Some(kept) = &kept {
        set_aside(&wal, &backup::beside(kept, "-wal"))?;
    }
    match std::fs::remove_file(backup::beside(&database, "-shm")) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).context("the -shm file can't be removed");
        }
        _ => sync_directory(&database)?,
    }
    if *json {
        show::json(&json!({ "database": database, "kept": kept }))?;
    } else {
        show::say(format!("{} is restored from {}", database.display(), file.display()));
        if let Some(kept) = kept {
            show::say(format!("what was there before is kept as {}", kept.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn set_aside(file: &Path, kept: &Path) -> Result<()> {
    match std::fs::rename(file, kept) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done.with_context(|| format!("{} can't be moved away", file.display())),
    }
}
