//! Mail through SES v2 ([`Mailer`]).

use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageTag};
use orders::mail::Mail;
use orders::ports::{MailError, Mailer, Unavailable};

use crate::failure::unavailable;

/// Sends from one address, through one configuration set.
#[derive(Debug, Clone)]
pub struct SesMailer {
    client: Client,
    from: String,
    configuration_set: Option<String>,
}

impl SesMailer {
    /// Mails from `from` (`Name <address>`), a verified identity.
    pub const fn new(client: Client, from: String, configuration_set: Option<String>) -> Self {
        Self { client, from, configuration_set }
    }
}

fn utf8(text: &str) -> Result<Content, BuildError> {
    Content::builder().data(text).charset("UTF-8").build()
}

fn content(mail: &Mail) -> Result<EmailContent, BuildError> {
    let body = Body::builder().text(utf8(&mail.text)?).html(utf8(&mail.html)?).build();
    let message = Message::builder().subject(utf8(&mail.subject)?).body(body).build();
    Ok(EmailContent::builder().simple(message).build())
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let rejected = |error: BuildError| MailError::Refused(error.to_string());
        // The order is known by its tag in SES's events. It is an id, not personal data.
        let tag = MessageTag::builder().name("order_id").value(mail.order_id.as_str()).build().map_err(rejected)?;
        let send = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(&mail.to).build())
            .content(content(mail).map_err(rejected)?)
            .email_tags(tag)
            .set_configuration_set_name(self.configuration_set.clone());
        match send.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.as_service_error() {
                Some(service) if is_the_mails_fault(service) => MailError::Refused(code(service)),
                Some(service) => Unavailable::new("Mail", code(service)).into(),
                None => unavailable("Mail", &error).into(),
            }),
        }
    }
}

/// The message beside it may quote the recipient's address.
fn code(error: &SendEmailError) -> String {
    error.code().unwrap_or("an error without a code").to_owned()
}

/// SES v2 API reference, SendEmail, "Errors". What is wrong with the account or the sender is an operator's to mend, and the
/// mail waits for that; in the sandbox a recipient that isn't verified is refused with `MessageRejected` as well.
fn is_the_mails_fault(error: &SendEmailError) -> bool {
    match error {
        SendEmailError::BadRequestException(_) => true,
        SendEmailError::MessageRejected(rejected) => {
            !rejected.message.as_deref().unwrap_or_default().contains("not verified")
        }
        _ => false,
    }
}
