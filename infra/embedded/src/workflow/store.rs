//! Executions and their history as rows.

use jiff::Timestamp;
use orders::OrderId;
use orders::ports::Page;
use orders::ports::ops::InStates;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use statemachine::ExecutionStatus;
use statemachine::Snapshot;

use super::turn::Rendered;
use crate::clock::timestamp;
use crate::db::Verdict;
use crate::paging::{self, Walk};

/// The version an execution starts with.
pub(super) const FIRST_VERSION: i64 = 1;
/// A history row's key: the execution's number above, the engine call's below.
const CALL_BITS: u32 = 24;

/// What became of writing a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Saved,
    /// Somebody else wrote first; nothing was written.
    Conflict,
}

/// An execution to go on with.
pub(super) struct Loaded {
    pub(super) version: i64,
    pub(super) definition: i64,
    pub(super) snapshot: Snapshot,
}

/// An execution to look at.
pub(super) struct Described {
    pub(super) loaded: Loaded,
    pub(super) name: OrderId,
    pub(super) status: ExecutionStatus,
    pub(super) started_at: Timestamp,
    pub(super) stopped_at: Option<Timestamp>,
    /// The events of the engine's last call, if that ended it badly.
    pub(super) last_call: Option<String>,
}

/// As AWS names it.
pub(super) const fn status_name(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Running => "RUNNING",
        ExecutionStatus::Succeeded => "SUCCEEDED",
        ExecutionStatus::Failed => "FAILED",
        ExecutionStatus::TimedOut => "TIMED_OUT",
        ExecutionStatus::Aborted => "ABORTED",
    }
}

fn converted<T, E: std::error::Error + Send + Sync + 'static>(
    column: usize,
    result: Result<T, E>,
) -> rusqlite::Result<T> {
    result.map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

const LOADED: &str = "executions.version, definition, snapshot";

fn loaded(row: &Row<'_>) -> rusqlite::Result<Loaded> {
    let snapshot = row.get_ref(2)?.as_str()?;
    Ok(Loaded {
        version: row.get(0)?,
        definition: row.get(1)?,
        snapshot: converted(2, serde_json::from_str(snapshot))?,
    })
}

/// The order's execution, if there is one.
pub(super) fn load(connection: &Connection, seq: i64) -> rusqlite::Result<Option<Loaded>> {
    let sql = format!("SELECT {LOADED} FROM executions WHERE seq = ?");
    connection.prepare_cached(&sql)?.query_row([seq], loaded).optional()
}

/// Whether the order has one.
pub(super) fn exists(connection: &Connection, seq: i64) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM executions WHERE seq = ?)")?;
    select.query_row([seq], |row| row.get(0))
}

/// Writes a turn on condition that the stored version is the one before; gives it back if it was written.
pub(super) fn save(connection: &Connection, turn: Rendered) -> rusqlite::Result<Verdict<Option<Rendered>>> {
    let written = match turn.starts {
        Some(definition) => {
            let sql = "INSERT INTO executions (seq, status, version, definition, started_at, stopped_at, next_timer, snapshot)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING";
            connection.prepare_cached(sql)?.execute(params![
                turn.seq,
                status_name(turn.status),
                turn.version,
                definition,
                turn.now,
                turn.stopped_at(),
                turn.next_timer,
                turn.snapshot,
            ])?
        }
        None => {
            let sql = "UPDATE executions SET status = ?, version = ?, stopped_at = ?, next_timer = ?, snapshot = ?
                       WHERE seq = ? AND version = ?";
            connection.prepare_cached(sql)?.execute(params![
                status_name(turn.status),
                turn.version,
                turn.stopped_at(),
                turn.next_timer,
                turn.snapshot,
                turn.seq,
                turn.version - 1,
            ])?
        }
    };
    if written == 0 {
        return Ok(Verdict::Undo(None));
    }
    let mut append = connection.prepare_cached("INSERT INTO history (at, events) VALUES (?, ?)")?;
    append.execute(params![turn.seq << CALL_BITS | turn.version, turn.events])?;
    for message in &turn.messages {
        message.insert(connection)?;
    }
    Ok(Verdict::Keep(Some(turn)))
}

/// The events of each engine call, as JSON arrays; `None` if there is no such execution.
pub(super) fn history(connection: &Connection, seq: i64) -> rusqlite::Result<Option<Vec<String>>> {
    if !exists(connection, seq)? {
        return Ok(None);
    }
    let sql = "SELECT events FROM history WHERE at >= ? AND at < ? ORDER BY at";
    let range = [seq << CALL_BITS, (seq + 1) << CALL_BITS];
    connection.prepare_cached(sql)?.query_map(range, |row| row.get(0))?.collect::<rusqlite::Result<_>>().map(Some)
}

/// With the last call's key as in [`CALL_BITS`].
const DESCRIBED: &str = "orders.id, executions.status, started_at, stopped_at,
    CASE WHEN executions.status NOT IN ('RUNNING', 'SUCCEEDED')
    THEN (SELECT events FROM history WHERE at = executions.seq << 24 | executions.version) END";

fn described_row(row: &Row<'_>) -> rusqlite::Result<Described> {
    let status = serde_json::Value::String(row.get(4)?);
    Ok(Described {
        loaded: loaded(row)?,
        name: converted(3, row.get::<_, String>(3)?.try_into())?,
        status: converted(4, serde_json::from_value(status))?,
        started_at: timestamp(row.get(5)?),
        stopped_at: row.get::<_, Option<i64>>(6)?.map(timestamp),
        last_call: row.get(7)?,
    })
}

/// The execution as it is.
pub(super) fn described(connection: &Connection, name: &OrderId) -> rusqlite::Result<Option<Described>> {
    let sql = format!("SELECT {LOADED}, {DESCRIBED} FROM orders JOIN executions USING (seq) WHERE orders.id = ?");
    connection.prepare_cached(&sql)?.query_row([name.as_str()], described_row).optional()
}

/// Executions newest first, from below `before`.
pub(super) fn list(
    connection: &Connection,
    status: Option<ExecutionStatus>,
    before: i64,
    limit: u32,
) -> rusqlite::Result<Page<Described>> {
    let status = status.map(status_name);
    // SQLite only uses a partial index whose condition it sees in the statement.
    let rare = match status {
        None | Some("SUCCEEDED") => "",
        Some("RUNNING") => "AND executions.status = 'RUNNING'",
        Some(_) => "AND executions.status NOT IN ('RUNNING', 'SUCCEEDED')",
    };
    let sql = format!(
        "SELECT {LOADED}, {DESCRIBED}, (?2 IS NULL OR executions.status = ?2), seq FROM executions JOIN orders USING (seq)
         WHERE executions.seq < ?1 {rare} ORDER BY executions.seq DESC LIMIT ?3"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut walk = Walk::new(before, limit);
    let full = walk.through(select.query(params![before, status, paging::ASKED])?, 8, described_row)?;
    Ok(full.unwrap_or_else(|| walk.over()))
}

/// In which states the running executions are, the newest `most` of them.
pub(super) fn in_states(connection: &Connection, most: u32) -> rusqlite::Result<InStates> {
    let sql = format!("SELECT {LOADED} FROM executions WHERE status = 'RUNNING' ORDER BY seq DESC LIMIT ?");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([i64::from(most) + 1])?;
    let mut counted = InStates::default();
    while let Some(row) = rows.next()? {
        if counted.looked_at == u64::from(most) {
            counted.is_sample = true;
            break;
        }
        counted.looked_at += 1;
        for state in loaded(row)?.snapshot.current_states() {
            *counted.states.entry(state.to_owned()).or_default() += 1;
        }
    }
    Ok(counted)
}
