//! Listings, page by page.

use std::num::NonZeroU32;

use ops::OpsError;
use orders::ports::{Page, PageRequest};

const PAGE: u32 = 100;

/// Up to `most` items of a listing, and whether there are more.
///
/// # Errors
/// The listing's.
pub async fn collect<T>(
    most: usize,
    mut list: impl AsyncFnMut(PageRequest) -> Result<Page<T>, OpsError>,
) -> Result<(Vec<T>, bool), OpsError> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let room = u32::try_from(most - items.len()).unwrap_or(PAGE).min(PAGE);
        let Some(limit) = NonZeroU32::new(room) else { return Ok((items, cursor.is_some())) };
        let page = list(PageRequest { limit, cursor }).await?;
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok((items, false));
        }
    }
}
