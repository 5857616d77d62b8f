//! The journal of ops on SQLite ([`Journal`]).

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use orders::ports::ops::{Entry, EntryState, Journal, Run};
use orders::ports::{ListError, Page, PageRequest, Unavailable};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::timestamp;
use crate::db::{Db, Verdict};
use crate::paging;

/// The journal of one file.
pub struct SqliteJournal {
    db: Db,
}

impl SqliteJournal {
    /// Over an opened file.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

fn converted<T, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    column: usize,
    result: Result<T, E>,
) -> rusqlite::Result<T> {
    result.map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

const RUN: &str = "seq, id, action, queue, who, at, how, finished_at";

/// A run with its number; its counts are still to be counted.
fn run_row(row: &Row<'_>) -> rusqlite::Result<(i64, Run)> {
    let queue = row.get::<_, Option<String>>(3)?.map(|queue| converted(3, queue.parse())).transpose()?;
    let run = Run {
        id: row.get(1)?,
        action: converted(2, row.get_ref(2)?.as_str()?.parse())?,
        queue,
        by: row.get(4)?,
        at: timestamp(row.get(5)?),
        how: converted(6, serde_json::from_str(row.get_ref(6)?.as_str()?))?,
        finished_at: row.get::<_, Option<i64>>(7)?.map(timestamp),
        counts: BTreeMap::new(),
    };
    Ok((row.get(0)?, run))
}

fn counted(connection: &Connection, (seq, mut run): (i64, Run)) -> rusqlite::Result<Run> {
    let sql = "SELECT state, count(*) FROM ops_entries WHERE run = ? GROUP BY state";
    let mut select = connection.prepare_cached(sql)?;
    let counts = select.query_map([seq], |row| {
        let state: EntryState = converted(0, row.get_ref(0)?.as_str()?.parse())?;
        Ok((state, u64::from(row.get::<_, u32>(1)?)))
    })?;
    run.counts = counts.collect::<rusqlite::Result<_>>()?;
    Ok(run)
}

fn entry_row(row: &Row<'_>) -> rusqlite::Result<(i64, Entry)> {
    let order_id = row.get::<_, Option<String>>(2)?.map(|id| converted(2, id.try_into())).transpose()?;
    let message = row.get::<_, Option<String>>(5)?;
    let entry = Entry {
        id: row.get(1)?,
        order_id,
        state: converted(3, row.get_ref(3)?.as_str()?.parse())?,
        note: row.get(4)?,
        message: message.map(|message| converted(5, serde_json::from_str(&message))).transpose()?,
    };
    Ok((row.get(0)?, entry))
}

fn seq_of(connection: &Connection, run: &str) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT seq FROM ops_runs WHERE id = ?")?;
    select.query_row([run], |row| row.get(0)).optional()
}

/// An entry, rendered for its row.
struct Rendered {
    id: String,
    order_id: Option<String>,
    state: EntryState,
    note: Option<String>,
    message: Option<String>,
}

fn rendered(entry: &Entry) -> Result<Rendered, Unavailable> {
    let message = entry.message.as_ref().filter(|_| entry.state.is_open()).map(serde_json::to_string).transpose();
    Ok(Rendered {
        id: entry.id.clone(),
        order_id: entry.order_id.as_ref().map(ToString::to_string),
        state: entry.state,
        note: entry.note.clone(),
        message: message.map_err(|error| Unavailable::new("Journal", error))?,
    })
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn begin(&self, run: &Run) -> Result<(), Unavailable> {
        let how = run.how.to_string();
        let run = run.clone();
        let insert = move |connection: &Connection| {
            let sql = "INSERT INTO ops_runs (id, action, queue, who, at, how) VALUES (?, ?, ?, ?, ?, ?)
                       ON CONFLICT (id) DO NOTHING";
            let queue = run.queue.map(|queue| queue.name());
            let row = params![run.id, run.action.name(), queue, run.by, run.at.as_millisecond(), how];
            connection.prepare_cached(sql)?.execute(row).map(|_| Verdict::Keep(()))
        };
        self.db.write(insert).await
    }

    async fn write(&self, run: &str, entries: &[Entry]) -> Result<(), Unavailable> {
        let run = run.to_owned();
        let entries = entries.iter().map(rendered).collect::<Result<Vec<_>, _>>()?;
        let upsert = move |connection: &Connection| {
            let Some(seq) = seq_of(connection, &run)? else { return Ok(Verdict::Undo(false)) };
            let sql = "INSERT INTO ops_entries (run, id, order_id, state, note, message) VALUES (?, ?, ?, ?, ?, ?)
                       ON CONFLICT (run, id) DO UPDATE SET state = excluded.state, note = excluded.note,
                       message = excluded.message, order_id = excluded.order_id";
            let mut upsert = connection.prepare_cached(sql)?;
            for Rendered { id, order_id, state, note, message } in &entries {
                upsert.execute(params![seq, id, order_id, state.name(), note, message])?;
            }
            Ok(Verdict::Keep(true))
        };
        match self.db.write(upsert).await? {
            true => Ok(()),
            false => Err(Unavailable::new("Journal", "there is no such run")),
        }
    }

    async fn finish(&self, run: &str, at: Timestamp) -> Result<(), Unavailable> {
        let run = run.to_owned();
        let finish = move |connection: &Connection| {
            let sql = "UPDATE ops_runs SET finished_at = ifnull(finished_at, ?) WHERE id = ?";
            connection.prepare_cached(sql)?.execute(params![at.as_millisecond(), run]).map(|_| Verdict::Keep(()))
        };
        self.db.write(finish).await
    }

    async fn run(&self, id: &str) -> Result<Option<Run>, Unavailable> {
        let id = id.to_owned();
        let find = move |connection: &Connection| {
            let mut select = connection.prepare_cached(&format!("SELECT {RUN} FROM ops_runs WHERE id = ?"))?;
            let found = select.query_row([id], run_row).optional()?;
            found.map(|run| counted(connection, run)).transpose()
        };
        self.db.scan(find).await
    }

    async fn runs(&self, page: &PageRequest) -> Result<Page<Run>, ListError> {
        let before = paging::before(page.cursor.as_deref())?;
        let limit = page.limit.get();
        let list = move |connection: &Connection| {
            let sql = format!("SELECT {RUN} FROM ops_runs WHERE seq < ? ORDER BY seq DESC LIMIT ?");
            let mut select = connection.prepare_cached(&sql)?;
            let rows = select.query_map(params![before, i64::from(limit) + 1], run_row)?;
            let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            let next = page_end(&mut rows, limit);
            let items = rows.into_iter().map(|run| counted(connection, run)).collect::<rusqlite::Result<_>>()?;
            Ok(Page { items, next })
        };
        Ok(self.db.scan(list).await?)
    }

    async fn entries(&self, run: &str, open_only: bool, page: &PageRequest) -> Result<Page<Entry>, ListError> {
        let after = match &page.cursor {
            Some(_) => paging::before(page.cursor.as_deref())?,
            None => 0,
        };
        let (run, limit) = (run.to_owned(), page.limit.get());
        let list = move |connection: &Connection| {
            let Some(seq) = seq_of(connection, &run)? else { return Ok(Page { items: Vec::new(), next: None }) };
            let open = if open_only { "AND state IN ('intended', 'sent')" } else { "" };
            let sql = format!(
                "SELECT seq, id, order_id, state, note, message FROM ops_entries
                 WHERE run = ? AND seq > ? {open} ORDER BY seq LIMIT ?"
            );
            let mut select = connection.prepare_cached(&sql)?;
            let rows = select.query_map(params![seq, after, i64::from(limit) + 1], entry_row)?;
            let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            let next = page_end(&mut rows, limit);
            Ok(Page { items: rows.into_iter().map(|(_, entry)| entry).collect(), next })
        };
        Ok(self.db.scan(list).await?)
    }
}

/// Cuts off the row that only shows that there are more, and names where the page ended.
fn page_end<T>(rows: &mut Vec<(i64, T)>, limit: u32) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(|(seq, _)| paging::cursor(*seq))
}
