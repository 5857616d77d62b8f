//! Cursors, where a page of a listing ended, as an opaque text; and the walk that makes a page of the rows that are wanted.

use orders::ports::{ListError, Page};
use rusqlite::{Row, Rows};

/// A page looks at so many rows at most, so that what is rare doesn't cost a walk through all of them.
const SCANNED: i64 = 2_000;
/// The most rows to ask for: one more tells that it goes on.
pub(crate) const ASKED: i64 = SCANNED + 1;

/// A cursor over numbered rows, newest first: what follows has smaller numbers.
pub(crate) fn before(cursor: Option<&str>) -> Result<i64, ListError> {
    let Some(cursor) = cursor else { return Ok(i64::MAX) };
    let number = cursor.strip_prefix('n').and_then(|number| number.parse::<i64>().ok());
    number.filter(|number| *number > 0).ok_or(ListError::InvalidCursor)
}

/// The cursor of a page whose last row has this number.
pub(crate) fn cursor(number: i64) -> String {
    format!("n{number}")
}

/// The page of rows that were asked for with one more than its limit.
pub(crate) fn page<T>(mut rows: Vec<(i64, T)>, limit: u32) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let goes_on = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| goes_on).map(|(number, _)| cursor(*number));
    Page { items: rows.into_iter().map(|(_, item)| item).collect(), next }
}

/// A page in the making, of rows newest first, of which not all are wanted.
pub(crate) struct Walk<T> {
    items: Vec<T>,
    limit: usize,
    scanned: i64,
    last: i64,
}

impl<T> Walk<T> {
    pub(crate) fn new(before: i64, limit: u32) -> Self {
        Self { items: Vec::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX), scanned: 0, last: before }
    }

    /// Goes on through these rows, and gives the page if it is full before they end. A row has at `at` whether it is wanted, then its number.
    pub(crate) fn through(
        &mut self,
        mut rows: Rows<'_>,
        at: usize,
        item: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<Page<T>>> {
        while let Some(row) = rows.next()? {
            if self.items.len() == self.limit || self.scanned == SCANNED {
                let items = std::mem::take(&mut self.items);
                return Ok(Some(Page { items, next: Some(cursor(self.last)) }));
            }
            if row.get(at)? {
                self.items.push(item(row)?);
            }
            self.last = row.get(at + 1)?;
            self.scanned += 1;
        }
        Ok(None)
    }

    /// The page, when there are no more rows.
    pub(crate) fn over(self) -> Page<T> {
        Page { items: self.items, next: None }
    }
}
