//! The captured mailbox: a [`Mailer`] that delivers to nobody and shows what it was given. For a laptop, demos and tests;
//! [`crate::smtp`] sends.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use orders::OrderId;
use orders::mail::Mail;
use orders::ports::{Clock, ListError, MailError, Mailer, Page, PageRequest, Unavailable};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::{now, timestamp};
use crate::db::{Db, Verdict};
use crate::paging;

/// A mail that was captured. A mail that is sent twice is captured twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedMail {
    /// Numbers them as they came.
    pub id: i64,
    /// The mail.
    pub mail: Mail,
    /// When it came.
    pub sent_at: Timestamp,
}

/// The mailbox of one file.
pub struct Mailbox {
    db: Db,
    clock: Arc<dyn Clock>,
}

const MAIL: &str = "SELECT seq, order_id, kind, recipient, subject, body_text, body_html, sent_at FROM mails";

fn mail(row: &Row<'_>) -> rusqlite::Result<CapturedMail> {
    let invalid = |column, error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error);
    let kind = row.get_ref(2)?.as_str()?;
    Ok(CapturedMail {
        id: row.get(0)?,
        mail: Mail {
            order_id: OrderId::try_from(row.get::<_, String>(1)?).map_err(|error| invalid(1, error.into()))?,
            kind: kind.parse().map_err(|error: orders::step::UnknownName| invalid(2, error.into()))?,
            to: row.get(3)?,
            subject: row.get(4)?,
            text: row.get(5)?,
            html: row.get(6)?,
        },
        sent_at: timestamp(row.get(7)?),
    })
}

impl Mailbox {
    /// Over an opened file.
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// All mails, newest first.
    ///
    /// # Errors
    /// [`ListError`] if the cursor is none of this listing's, or the file can't be read now.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<CapturedMail>, ListError> {
        let before = paging::before(page.cursor.as_deref())?;
        let limit = page.limit.get();
        let list = move |connection: &Connection| {
            let sql = format!("{MAIL} WHERE seq < ? ORDER BY seq DESC LIMIT ?");
            let numbered = |row: &Row<'_>| mail(row).map(|mail| (mail.id, mail));
            connection.prepare_cached(&sql)?.query_map([before, i64::from(limit) + 1], numbered)?.collect()
        };
        Ok(paging::page(self.db.scan(list).await?, limit))
    }

    /// One mail.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub fn get(&self, id: i64) -> Result<Option<CapturedMail>, Unavailable> {
        self.db.read(|connection| {
            connection.prepare_cached(&format!("{MAIL} WHERE seq = ?"))?.query_row([id], mail).optional()
        })
    }

    /// The mails about one order, oldest first. Looks at all mails: for tests and demos.
    ///
    /// # Errors
    /// [`Unavailable`] if the file can't be read now.
    pub async fn of_order(&self, order: &OrderId) -> Result<Vec<CapturedMail>, Unavailable> {
        let order = order.clone();
        let select = move |connection: &Connection| {
            let sql = format!("{MAIL} WHERE order_id = ? ORDER BY seq");
            connection.prepare_cached(&sql)?.query_map([order.as_str()], mail)?.collect()
        };
        self.db.scan(select).await
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (mail, now) = (mail.clone(), now(&*self.clock));
        let insert = move |connection: &Connection| {
            let sql = "INSERT INTO mails (order_id, kind, recipient, subject, body_text, body_html, sent_at)
                       VALUES (?, ?, ?, ?, ?, ?, ?)";
            let Mail { order_id, kind, to, subject, text, html } = &mail;
            let row = params![order_id.as_str(), kind.name(), to, subject, text, html, now];
            connection.prepare_cached(sql)?.execute(row).map(|_| Verdict::Keep(()))
        };
        Ok(self.db.write(insert).await?)
    }
}

#[cfg(test)]
mod tests;
