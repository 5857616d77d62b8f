//! SES v2: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>, "Errors".

use orderflow_aws::SesMailer;
use orders::mail::{Mail, MailKind};
use orders::ports::{MailError, Mailer};
use serde_json::json;

use crate::wire::{Answer, Wire, error, ok};

async fn sent(answer: Answer) -> (Result<(), MailError>, Wire) {
    let wire = Wire::new([answer]);
    let mailer = SesMailer::new(wire.clients().await.ses(), "Shop <shop@example.com>".into(), Some("orders".into()));
    let mail = Mail {
        order_id: format!("ord_{}", "0".repeat(26)).parse().unwrap(),
        kind: MailKind::Confirmation,
        to: "ada@example.com".into(),
        subject: "Yes".into(),
        text: "text".into(),
        html: "<p>html</p>".into(),
    };
    (mailer.send(&mail).await, wire)
}

#[tokio::test]
async fn a_mail_goes_out_in_both_forms_through_the_configuration_set() {
    let (result, wire) = sent(ok(json!({ "MessageId": "1" }))).await;
    assert_eq!(result, Ok(()));
    let sent = &wire.sent()[0];
    assert_eq!(sent["FromEmailAddress"], "Shop <shop@example.com>");
    assert_eq!(sent["Destination"]["ToAddresses"], json!(["ada@example.com"]));
    assert_eq!(sent["ConfigurationSetName"], "orders");
    let body = &sent["Content"]["Simple"]["Body"];
    assert_eq!((&body["Text"]["Data"], &body["Html"]["Data"]), (&json!("text"), &json!("<p>html</p>")));
}

#[tokio::test]
async fn a_mail_that_is_at_fault_itself_is_refused_for_good() {
    for code in ["MessageRejected", "BadRequestException"] {
        let (result, _) = sent(error(code, json!({ "message": "Illegal address" }))).await;
        assert_eq!(result, Err(MailError::Refused(code.into())));
    }
}

#[tokio::test]
async fn what_an_operator_can_mend_is_tried_again_and_quotes_no_address() {
    let unverified = "Email address is not verified. The following identities failed the check: ada@example.com";
    for (code, message) in [
        ("MessageRejected", unverified),
        ("AccountSuspendedException", "…"),
        ("SendingPausedException", "…"),
        ("MailFromDomainNotVerifiedException", "…"),
        ("TooManyRequestsException", "…"),
        ("NotFoundException", "no such configuration set"),
    ] {
        let (result, _) = sent(error(code, json!({ "message": message }))).await;
        let Err(MailError::Unavailable(unavailable)) = result else { panic!("{code}: {result:?}") };
        assert!(unavailable.cause.contains(code) && !unavailable.cause.contains('@'), "{unavailable}");
    }
}
