//! Deleting dead letters for good, and putting exported ones back.

use orders::ports::ops::{Action, Entry, EntryState};
use orders::step::QueueName;

use crate::edit::check_body;
use crate::letter::order_of;
use crate::replay::{queue_of, refused};
use crate::runs::BATCH;
use crate::{Exported, Ops, OpsError};

/// So long is a dead letter hidden while it is deleted.
const HIDDEN: std::time::Duration = std::time::Duration::from_secs(60);

impl Ops {
    /// The audit log has each id before its message is deleted: nothing is ever gone without a trace.
    pub(crate) async fn purge_batch(&self, run: &str, ids: &[String]) -> Result<Vec<Entry>, OpsError> {
        let run = self.open_run(run, Action::Purge).await?;
        let queue = queue_of(&run)?;
        at_most_a_batch(ids.len())?;
        let _alone = self.changing.lock().await;
        let dlq = QueueName::dlq(queue);
        let taken = self.ports.queues.take(dlq, ids, HIDDEN).await?;
        let gone = |id: &&String| !taken.iter().any(|taken| taken.message.id == **id);
        let missing = ids.iter().filter(gone);
        let mut entries: Vec<Entry> =
            missing.map(|id| refused(id, None, "it is gone, or in other hands".to_owned())).collect();
        entries.extend(taken.iter().map(|taken| Entry {
            id: taken.message.id.clone(),
            order_id: order_of(queue, &taken.message),
            state: EntryState::Done,
            note: Some("deleted".to_owned()),
            message: None,
        }));
        self.ports.journal.write(&run.id, &entries).await?;
        let receipts: Vec<String> = taken.into_iter().map(|taken| taken.receipt_handle).collect();
        self.ports.queues.delete(dlq, &receipts).await?;
        Ok(entries)
    }

    /// They go into the DLQ and not into the queue, so that a replay decides on each.
    pub(crate) async fn import_batch(&self, run: &str, letters: &[Exported]) -> Result<Vec<Entry>, OpsError> {
        let run = self.open_run(run, Action::Import).await?;
        let queue = queue_of(&run)?;
        at_most_a_batch(letters.len())?;
        if let Some(other) = letters.iter().find(|letter| letter.queue != queue) {
            let why = format!("{} is a dead letter of {}, not of {queue}", other.message_id, other.queue);
            return Err(OpsError::Invalid { what: "letters", why });
        }
        let _alone = self.changing.lock().await;
        let messages = letters.iter().map(Exported::to_message).collect();
        let answers = self.ports.queues.send_each(QueueName::dlq(queue), messages).await;
        let entries: Vec<Entry> = letters
            .iter()
            .zip(answers)
            .map(|(letter, answer)| {
                let order_id = check_body(queue, &letter.body).ok().map(|(_, id)| id);
                match answer {
                    Ok(()) => Entry {
                        id: letter.message_id.clone(),
                        order_id,
                        state: EntryState::Done,
                        note: Some("put back".to_owned()),
                        message: None,
                    },
                    Err(error) => refused(&letter.message_id, order_id, error.to_string()),
                }
            })
            .collect();
        self.ports.journal.write(&run.id, &entries).await?;
        Ok(entries)
    }
}

fn at_most_a_batch(items: usize) -> Result<(), OpsError> {
    if items > BATCH {
        return Err(OpsError::Invalid { what: "items", why: format!("{BATCH} at a time") });
    }
    Ok(())
}
