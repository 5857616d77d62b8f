//! Which file a WAL belongs to. SQLite can't tell: it replays whatever WAL lies beside a file, and so ruins an older copy that was
//! put there after a crash.
//!
//! One row (`wal_mark`) is a chain: the first transaction of each WAL draws a new random mark and keeps the one before it. A file
//! that a WAL may be replayed onto has, without it, either the mark that the WAL began from, or one that a checkpoint brought
//! from that WAL: whatever moment a crash has chosen. Any other file is not its own.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::wal;
use crate::schema::OpenError;

/// The schema's version that brought it.
pub(crate) const SINCE: i32 = 6;
/// In bytes.
const WIDTH: usize = 16;

/// What the row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The file was closed, or made as a backup: it needs no WAL.
    pub(crate) complete: bool,
    previous: [u8; WIDTH],
    mark: [u8; WIDTH],
}

/// The WAL may begin anew with this transaction.
pub(super) fn renew(connection: &Connection) -> rusqlite::Result<()> {
    draw(connection, false)
}

/// Nothing follows: with what was committed up to here the file needs no WAL.
pub(crate) fn complete(connection: &Connection) -> rusqlite::Result<()> {
    draw(connection, true)
}

fn draw(connection: &Connection, complete: bool) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_mark SET complete = ?, previous = mark, mark = randomblob(16)";
    connection.prepare_cached(sql)?.execute([complete]).map(drop)
}

/// Refuses a file beside which the WAL of another lies. Changes nothing.
///
/// # Errors
/// [`OpenError`]: each says what to do.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    let beside = beside(path, "-wal");
    let failed = |error| OpenError::Io { path: beside.clone(), error };
    let wal = match File::open(&beside) {
        Ok(wal) if wal.metadata().map_err(failed)?.len() > 0 => Some(wal),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let Some(wal) = wal else { return alone(path) };
    let file_is_there = std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    if !file_is_there {
        return Err(OpenError::WithoutFile { path: path.to_owned(), wal: beside });
    }
    // A file of a version before the marks has none; nor can one be read that a checkpoint was changing when the power went.
    let Some((page, file)) = read(path) else { return Ok(()) };
    let images = wal::images(wal, page).map_err(failed)?;
    let marks: Vec<Mark> = images.iter().filter_map(|image| Mark::in_page(image)).collect();
    let Some(first) = marks.first() else { return Ok(()) };
    let belongs = first.previous == file.mark || marks.iter().any(|mark| mark.mark == file.mark);
    if belongs { Ok(()) } else { Err(OpenError::ForeignWal { path: path.to_owned(), wal: beside }) }
}

/// A file that was not closed, without its WAL: another program may have moved it into the file, or it is lost.
fn alone(path: &Path) -> Result<(), OpenError> {
    if read(path).is_none_or(|(_, mark)| mark.complete) {
        return Ok(());
    }
    let check = || -> rusqlite::Result<String> {
        immutable(path)?.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    };
    match check() {
        Ok(verdict) if verdict == "ok" => {
            tracing::warn!(
                path = %path.display(),
                "the database was not closed, and its WAL is not here. If sqlite3 has opened it since, all is well; if the WAL was \
                 lost, or this is a copy that was made while the service ran, what was written last is missing"
            );
            Ok(())
        }
        Ok(why) => Err(OpenError::WithoutWal { path: path.to_owned(), why }),
        Err(error) => Err(OpenError::WithoutWal { path: path.to_owned(), why: error.to_string() }),
    }
}

/// The mark in the file itself, whatever its WAL says, and the number of its page.
pub(crate) fn read(path: &Path) -> Option<(u32, Mark)> {
    let place = || -> rusqlite::Result<(u32, u32)> {
        let file = immutable(path)?;
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'wal_mark'";
        let page = file.query_row(sql, [], |row| row.get(0))?;
        Ok((page, file.query_row("PRAGMA page_size", [], |row| row.get(0))?))
    };
    let (page, page_size) = place().ok()?;
    let mut image = vec![0; page_size as usize];
    let mut read = || -> std::io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(u64::from(page.saturating_sub(1)) * u64::from(page_size)))?;
        file.read_exact(&mut image)
    };
    read().ok()?;
    Some((page, Mark::in_page(&image)?))
}

/// The file as it is, without its WAL.
pub(crate) fn immutable(path: &Path) -> rusqlite::Result<Connection> {
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
}

/// `<path><suffix>`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Mark {
    /// In a table's only page with its only row (SQLite, "Database File Format", sections 1.6 and 2.1).
    fn in_page(page: &[u8]) -> Option<Self> {
        const LEAF_OF_A_TABLE: u8 = 13;
        const BLOB: u8 = 2 * WIDTH as u8 + 12;
        if page.first() != Some(&LEAF_OF_A_TABLE) || page.get(3..5)? != [0, 1] {
            return None;
        }
        let at = usize::from(u16::from_be_bytes([*page.get(8)?, *page.get(9)?]));
        // The record's length, the row's id; then the header: its length, NULL for the id, 0 or 1, two blobs.
        let [37, 1, 5, 0, complete @ (8 | 9), BLOB, BLOB, values @ ..] = page.get(at..at + 39)? else { return None };
        let (previous, mark) = values.split_at(WIDTH);
        Some(Self { complete: *complete == 9, previous: previous.try_into().ok()?, mark: mark.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests;
