//! A copy of a database on its way to a file: under another name until it is whole, private, with the room for it looked for first.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use orderflow_embedded::disk;
use tempfile::NamedTempFile;

/// After this many bytes the disk has to have them: many at once would keep the syncs of a service beside us waiting.
const SYNC_EVERY: u64 = 16 << 20;
/// Besides the copy itself.
const SPARE: u64 = 16 << 20;

/// Dropped before [`Copying::keep`]: nothing is left of it.
pub struct Copying {
    file: NamedTempFile,
    destination: PathBuf,
    bytes: u64,
    written: u64,
    unsynced: u64,
    bar: ProgressBar,
}

impl Copying {
    /// Of this many bytes, to this file.
    ///
    /// # Errors
    /// If there is no room for it, or it can't be made.
    pub fn begin(destination: &Path, bytes: u64) -> Result<Self> {
        if let Some(free) = disk::free_bytes(destination) {
            ensure!(
                bytes.saturating_add(SPARE) <= free,
                "{} needs {bytes} bytes and some spare, and only {free} are free there: choose a place with more room",
                destination.display()
            );
        }
        let name = destination.file_name().context("the file has no name")?.to_string_lossy();
        let (prefix, directory) = (format!(".{name}."), directory(destination));
        let file = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(directory);
        let file = file.with_context(|| format!("no file can be made in {}", directory.display()))?;
        let bar = ProgressBar::new(bytes);
        let template = "{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {msg}";
        // The template is ours and valid; without it the bar looks plainer.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(Self { file, destination: destination.to_owned(), bytes, written: 0, unsynced: 0, bar })
    }

    /// # Errors
    /// If the disk refuses.
    pub fn write(&mut self, part: &[u8]) -> Result<()> {
        let failed = || format!("{} can't be written", self.destination.display());
        self.file.write_all(part).with_context(failed)?;
        self.written += part.len() as u64;
        self.unsynced += part.len() as u64;
        if self.unsynced >= SYNC_EVERY {
            self.unsynced = 0;
            self.file.as_file().sync_data().with_context(failed)?;
        }
        self.bar.set_position(self.written);
        Ok(())
    }

    /// All of it is there.
    ///
    /// # Errors
    /// If it isn't.
    pub fn whole(&self) -> Result<&Path> {
        let Self { written, bytes, .. } = self;
        ensure!(written == bytes, "the copy broke off after {written} of {bytes} bytes");
        self.bar.set_message("checking");
        self.bar.tick();
        Ok(self.file.path())
    }

    /// On disk, and not yet under its name.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn sync(self) -> Result<NamedTempFile> {
        self.file.as_file().sync_all().with_context(|| format!("{} can't be synced", self.destination.display()))?;
        self.bar.finish_and_clear();
        Ok(self.file)
    }

    /// Gives it its name, unless there is such a file.
    ///
    /// # Errors
    /// If there is, or the disk refuses.
    pub fn keep(self) -> Result<()> {
        let destination = self.destination.clone();
        self.sync()?
            .persist_noclobber(&destination)
            .with_context(|| format!("{} can't be made", destination.display()))?;
        sync_directory(&destination)
    }
}

/// Makes the names in a file's directory durable.
///
/// # Errors
/// If the disk refuses.
pub fn sync_directory(file: &Path) -> Result<()> {
    // Elsewhere a directory can't be opened, and need not be.
    #[cfg(unix)]
    std::fs::File::open(directory(file))
        .and_then(|directory| directory.sync_all())
        .with_context(|| format!("the directory of {} can't be synced", file.display()))?;
    Ok(())
}

fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
