//! Cursors: where a page of a listing ended, as an opaque text.

use orders::ports::ListError;

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
