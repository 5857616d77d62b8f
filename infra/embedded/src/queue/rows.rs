//! Messages as rows.

use rusqlite::{Connection, OptionalExtension, params};

use super::message::{Lane, MessageId, Receipt, Received};
use crate::db::Verdict;

/// What a receive wrote about one message.
pub(super) enum Claimed {
    Received(Received),
    /// It went to the DLQ.
    DeadLetter {
        id: MessageId,
        sent_at: i64,
        receive_count: u32,
    },
    /// It was deleted in the meantime.
    Gone(MessageId),
}

/// What the index keeps of a message.
pub(super) struct IndexRow {
    pub(super) id: i64,
    pub(super) queue: i64,
    pub(super) sent_at: i64,
    pub(super) receive_count: u32,
    pub(super) visible_at: i64,
}

/// All messages of all queues.
pub(super) fn read_index(connection: &Connection) -> rusqlite::Result<Vec<IndexRow>> {
    let mut select = connection.prepare("SELECT id, queue, sent_at, receive_count, visible_at FROM messages")?;
    let rows = select.query_map([], |row| {
        Ok(IndexRow {
            id: row.get(0)?,
            queue: row.get(1)?,
            sent_at: row.get(2)?,
            receive_count: row.get(3)?,
            visible_at: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// Receives a claimed message, or moves it to the DLQ if it was received too often.
pub(super) fn claim_row(connection: &Connection, lane: Lane, id: i64, now: i64, max: u32) -> rusqlite::Result<Claimed> {
    if let Some(dlq) = lane.dead_letters() {
        let sql = "UPDATE messages SET queue = ?, visible_at = 0 WHERE id = ? AND queue = ? AND receive_count >= ?
                   RETURNING sent_at, receive_count";
        let mut bury = connection.prepare_cached(sql)?;
        let buried = bury
            .query_row(params![dlq.0, id, lane.0, max], |row| {
                Ok(Claimed::DeadLetter { id: MessageId(id), sent_at: row.get(0)?, receive_count: row.get(1)? })
            })
            .optional()?;
        if let Some(buried) = buried {
            return Ok(buried);
        }
    }
    let sql = "UPDATE messages SET receive_count = receive_count + 1, first_received_at = ifnull(first_received_at, ?)
               WHERE id = ? AND queue = ? RETURNING receive_count, sent_at, first_received_at, body, attributes";
    let mut update = connection.prepare_cached(sql)?;
    let received = update.query_row(params![now, id, lane.0], |row| received(id, row)).optional()?;
    Ok(received.map_or(Claimed::Gone(MessageId(id)), Claimed::Received))
}

fn received(id: i64, row: &rusqlite::Row<'_>) -> rusqlite::Result<Received> {
    Ok(Received {
        id: MessageId(id),
        receive_count: row.get(0)?,
        sent_at: row.get(1)?,
        first_received_at: row.get::<_, Option<i64>>(2)?.unwrap_or_default(),
        body: row.get::<_, String>(3)?.into(),
        attributes: row.get(4)?,
    })
}

/// A message as it is.
pub(super) fn peek_row(connection: &Connection, lane: Lane, id: MessageId) -> rusqlite::Result<Option<Received>> {
    let sql =
        "SELECT receive_count, sent_at, first_received_at, body, attributes FROM messages WHERE id = ? AND queue = ?";
    connection.prepare_cached(sql)?.query_row(params![id.0, lane.0], |row| received(id.0, row)).optional()
}

/// Deletes what the receipts name, if they are not stale.
pub(super) fn delete_job(
    lane: Lane,
    receipts: Vec<Receipt>,
) -> impl FnOnce(&Connection) -> rusqlite::Result<Verdict<Vec<MessageId>>> + Send + 'static {
    move |connection| {
        let sql = "DELETE FROM messages WHERE id = ? AND queue = ? AND receive_count = ?";
        let mut delete = connection.prepare_cached(sql)?;
        let mut gone = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            if delete.execute(params![receipt.id.0, lane.0, receipt.receive_count])? > 0 {
                gone.push(receipt.id);
            }
        }
        Ok(Verdict::Keep(gone))
    }
}
