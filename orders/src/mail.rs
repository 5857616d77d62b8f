//! The mails an order causes, and the record of trying to send them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::OrderId;
use crate::step::names;

names!(
    /// What a mail tells the customer.
    MailKind {
        /// Their order is confirmed.
        Confirmation = "confirmation",
        /// Their order is rejected.
        Rejection = "rejection",
    }
);

names!(
    /// How mailing ended.
    MailResult {
        /// The mail service took it.
        Sent = "sent",
        /// The mail service refused it for good (a dead address, say).
        Refused = "refused",
        /// It was given up: the workflow closed the order without it.
        Failed = "failed",
    }
);

/// The attempts to send one order's mail. Mail is at-least-once: an attempt without a result may have gone out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRecord {
    /// Which mail.
    pub kind: MailKind,
    /// How often it was handed to the mail service, or was about to be.
    pub attempts: u32,
    /// When it last was.
    pub last_attempt_at: Timestamp,
    /// How it ended, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<MailResult>,
}

/// A rendered mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The order it is about.
    pub order_id: OrderId,
    /// What it tells.
    pub kind: MailKind,
    /// The recipient's address.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}
