//! A mailer that keeps what it was given, and refuses one address.

use std::sync::Arc;

use async_trait::async_trait;
use orders::OrderId;
use orders::mail::{Mail, MailKind};
use orders::ports::{MailError, Mailer};
use parking_lot::Mutex;

use super::faults::Faults;

/// Keeps every mail.
pub struct MemoryMailer {
    sent: Mutex<Vec<Mail>>,
    faults: Arc<Faults>,
}

/// The address that every mail service refuses.
pub const DEAD_ADDRESS: &str = "nobody@dead.example";

impl MemoryMailer {
    /// Nothing sent yet.
    pub fn new(faults: Arc<Faults>) -> Self {
        Self { sent: Mutex::default(), faults }
    }

    /// What the order's customer read last.
    pub fn last(&self, order: &OrderId) -> Mail {
        self.sent.lock().iter().rfind(|mail| mail.order_id == *order).unwrap().clone()
    }

    /// Looks at every mail that was sent, oldest first.
    pub fn look<T>(&self, look: impl FnOnce(&[Mail]) -> T) -> T {
        look(&self.sent.lock())
    }

    /// How many mails of this kind went out for the order.
    pub fn sent(&self, order: &OrderId, kind: MailKind) -> usize {
        self.sent.lock().iter().filter(|mail| mail.order_id == *order && mail.kind == kind).count()
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.faults
            .call_with(
                "Mailer.send",
                || format!("{} of {}", mail.kind, mail.order_id),
                || {
                    if mail.to == DEAD_ADDRESS {
                        return Err(MailError::Refused("no such mailbox".into()));
                    }
                    self.sent.lock().push(mail.clone());
                    Ok(())
                },
            )
            .await
    }
}
