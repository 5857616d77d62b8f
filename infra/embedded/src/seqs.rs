//! The orders' numbers, remembered: a step finds its order without going down the index of ids, which has more levels and colder
//! pages the more orders there are.

use std::sync::Arc;

use orders::OrderId;
use orders::ports::Unavailable;
use quick_cache::sync::Cache;
use rusqlite::OptionalExtension;

use crate::db::Db;

/// Of so many orders: more than are under way at once. An order that is not remembered is looked up.
const REMEMBERED: usize = 16_384;

/// An order's number never changes, and no order goes away: what is remembered stays true.
#[derive(Clone)]
pub(crate) struct Seqs {
    db: Db,
    known: Arc<Cache<OrderId, i64>>,
}

impl Seqs {
    pub(crate) fn new(db: Db) -> Self {
        Self { db, known: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// The number of a committed order, if there is one.
    pub(crate) fn of(&self, id: &OrderId) -> Result<Option<i64>, Unavailable> {
        if let Some(seq) = self.known.get(id) {
            return Ok(Some(seq));
        }
        let found = self.db.read(|connection| {
            let mut select = connection.prepare_cached("SELECT seq FROM orders WHERE id = ?")?;
            select.query_row([id.as_str()], |row| row.get(0)).optional()
        })?;
        if let Some(seq) = found {
            self.known.insert(id.clone(), seq);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use orders::ports::OrderStore as _;

    use super::*;
    use crate::fixture::{Pipeline, order};

    #[tokio::test]
    async fn an_order_has_its_number_from_when_it_is_committed_however_many_come_after() {
        let pipeline = Pipeline::new();
        let embedded = pipeline.open();
        let seqs = Seqs { db: embedded.db.clone(), known: Arc::new(Cache::new(2)) };
        let ids: Vec<OrderId> = (0..20).map(|number| order(&format!("k{number}")).id).collect();
        for (number, id) in (0..).zip(&ids) {
            assert_eq!(seqs.of(id), Ok(None), "nothing is remembered of what is not there");
            embedded.orders().accept(&order(&format!("k{number}"))).await.unwrap();
            assert_eq!(seqs.of(id), Ok(Some(number + 1)));
        }
        for (number, id) in (1..).zip(&ids) {
            assert_eq!((seqs.of(id), seqs.of(id)), (Ok(Some(number)), Ok(Some(number))));
        }
    }
}
