//! Cursors: where a page of a listing ended, as an opaque text.

use orders::ports::{ListError, Page};

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
