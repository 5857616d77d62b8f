//! Mail over SMTP ([`Mailer`]), for an embedded pipeline with a real mail server. Not for templates; mails come rendered.
//!
//! SMTP knows no idempotency, so the Message-ID is made of the order and the kind of mail: a duplicate can be recognised
//! by the server, by the reader's mail program, and in the logs.

use std::time::Duration;

use async_trait::async_trait;
use lettre::address::Address;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use orders::mail::Mail;
use orders::ports::{MailError, Mailer, Unavailable};

/// For each command of the dialogue.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// For all of it.
const TIMEOUT: Duration = Duration::from_secs(25);

/// The mail settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpConfigError {
    /// The URL is not one.
    #[error(
        "the SMTP URL is not valid ({0}): use smtp://host, smtp://user:password@host?tls=required or smtps://user:password@host"
    )]
    Url(String),
    /// A password without encryption.
    #[error("the SMTP URL would send its password unencrypted: use smtps://, or add ?tls=required")]
    PlainPassword,
    /// The sender is not an address.
    #[error("the sender is not a mail address ({0}): use `shop@example.com` or `The shop <shop@example.com>`")]
    Sender(String),
}

/// Sends over one server, on pooled connections.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// Over the server of `url`, from `from`. Connects with the first mail.
    ///
    /// # Errors
    /// [`SmtpConfigError`] if either can't be used.
    pub fn new(url: &str, from: &str) -> Result<Self, SmtpConfigError> {
        if sends_plain_password(url) {
            return Err(SmtpConfigError::PlainPassword);
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        let builder = builder.map_err(|error| SmtpConfigError::Url(error.to_string()))?;
        let from = from.parse::<Mailbox>().map_err(|error| SmtpConfigError::Sender(error.to_string()))?;
        Ok(Self { transport: builder.timeout(Some(COMMAND_TIMEOUT)).build(), from })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        // Neither the address nor the text may get into an error: errors are logged.
        let to =
            mail.to.parse::<Address>().map_err(|_| MailError::Refused("the recipient is no address".to_owned()))?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&*mail.subject)
            .message_id(Some(format!("<{}.{}@{}>", mail.order_id, mail.kind, self.from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|_| MailError::Refused("the mail can't be built".to_owned()))
    }
}

/// Whether a password would travel as it is, and further than this machine.
fn sends_plain_password(url: &str) -> bool {
    let Some((credentials, host)) = url.strip_prefix("smtp://").and_then(|rest| rest.rsplit_once('@')) else {
        return false;
    };
    let local = ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?'])));
    credentials.contains(':') && !local && !host.contains("tls=required")
}

/// A permanent answer about this mail is final; one about the dialogue itself (no such command, authentication) says
/// nothing about the mail (RFC 5321, 4.2.3; RFC 4954, 6).
fn judge(error: &SmtpError) -> MailError {
    match error.status().map(u16::from) {
        Some(code) if error.is_permanent() && !matches!(code, 500..=504 | 521 | 530..=538) => {
            MailError::Refused(format!("the mail server answered {code}"))
        }
        Some(code) => Unavailable::new("Mail", format!("the mail server answered {code}")).into(),
        None if error.is_timeout() => Unavailable::new("Mail", "the mail server did not answer in time").into(),
        None => Unavailable::new("Mail", "the mail server could not be spoken to").into(),
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                tracing::debug!(order_id = %mail.order_id, code = ?error.status(), "a mail was not sent");
                Err(judge(&error))
            }
            Err(_) => Err(Unavailable::new("Mail", "the mail server did not answer in time").into()),
        }
    }
}

#[cfg(test)]
mod tests;
