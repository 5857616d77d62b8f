//! The definitions that executions run: stored once per text, parsed once per process. An execution keeps the one it
//! started with, so a new binary with a new definition changes nothing that is under way.

use std::collections::HashMap;
use std::sync::Arc;

use orders::Queue;
use orders::ports::Unavailable;
use parking_lot::Mutex;
use rusqlite::OptionalExtension;
use sha2::{Digest, Sha256};
use statemachine::Definition;

use crate::db::{Db, Verdict};
use crate::schema::OpenError;

/// Before a queue's name: what an embedded `QueueUrl` is.
const URL: &str = "embedded:";

/// Fills the queues' names into `${OrdersQueueUrl}` and its like, as the SAM template fills in URLs.
pub fn substitute(definition: &str) -> String {
    Queue::ALL.iter().fold(definition.to_owned(), |text, queue| {
        let placeholder = match queue {
            Queue::Orders => "${OrdersQueueUrl}",
            Queue::Inventory => "${InventoryQueueUrl}",
            Queue::Payments => "${PaymentsQueueUrl}",
            Queue::Emails => "${EmailsQueueUrl}",
        };
        text.replace(placeholder, &format!("{URL}{queue}"))
    })
}

/// The queue behind an embedded `QueueUrl`.
pub(super) fn queue_of(url: &str) -> Option<Queue> {
    url.strip_prefix(URL)?.parse().ok()
}

/// All that this process has met.
pub(super) struct Definitions {
    current: Arc<Definition>,
    current_id: i64,
    parsed: Mutex<HashMap<i64, Arc<Definition>>>,
}

impl Definitions {
    /// Parses and stores the definition that new executions run.
    pub(super) fn register(db: &Db, text: &str) -> Result<Self, OpenError> {
        let text = substitute(text);
        let current = Arc::new(Definition::parse(&text)?);
        let hash = Sha256::digest(text.as_bytes()).to_vec();
        let current_id = db.write_at_start(move |connection| {
            let insert = "INSERT INTO definitions (hash, text) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING";
            connection.execute(insert, (&hash, &text))?;
            let select = "SELECT id FROM definitions WHERE hash = ?";
            connection.query_row(select, [&hash], |row| row.get(0)).map(Verdict::Keep)
        })?;
        let parsed = Mutex::new(HashMap::from([(current_id, Arc::clone(&current))]));
        Ok(Self { current, current_id, parsed })
    }

    pub(super) const fn current(&self) -> &Arc<Definition> {
        &self.current
    }

    pub(super) const fn current_id(&self) -> i64 {
        self.current_id
    }

    /// The definition of this number.
    pub(super) fn get(&self, db: &Db, id: i64) -> Result<Arc<Definition>, Unavailable> {
        if id == self.current_id {
            return Ok(Arc::clone(&self.current));
        }
        if let Some(definition) = self.parsed.lock().get(&id) {
            return Ok(Arc::clone(definition));
        }
        let text = text(db, id)?;
        let definition = Definition::parse(&text).map(Arc::new).map_err(|error| Unavailable::new("Workflow", error))?;
        self.parsed.lock().insert(id, Arc::clone(&definition));
        Ok(definition)
    }
}

/// The text of a definition.
pub(super) fn text(db: &Db, id: i64) -> Result<String, Unavailable> {
    let select = "SELECT text FROM definitions WHERE id = ?";
    let text = db.read(|connection| connection.query_row(select, [id], |row| row.get(0)).optional())?;
    text.ok_or_else(|| Unavailable::new("Workflow", "the execution's definition is missing"))
}
