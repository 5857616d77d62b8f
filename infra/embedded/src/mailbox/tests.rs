use orders::mail::{Mail, MailKind};
use orders::ports::{Mailer as _, PageRequest};

use crate::fixture::{Pipeline, order};

fn mail(key: &str) -> Mail {
    Mail {
        order_id: order(key).id,
        kind: MailKind::Confirmation,
        to: "ada@example.com".to_owned(),
        subject: format!("Your order {key}"),
        text: "Thank you".to_owned(),
        html: "<p>Thank you</p>".to_owned(),
    }
}

#[tokio::test]
async fn captured_mails_survive_a_restart_and_are_listed_newest_first() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    for key in ["a", "b", "a"] {
        embedded.mailbox().send(&mail(key)).await.unwrap();
    }
    embedded.close();
    let embedded = pipeline.open();
    let mailbox = embedded.mailbox();
    let first = mailbox.list(&PageRequest { limit: 2.try_into().unwrap(), cursor: None }).await.unwrap();
    let rest = mailbox.list(&PageRequest { limit: 2.try_into().unwrap(), cursor: first.next.clone() }).await.unwrap();
    let mails: Vec<_> = first.items.iter().chain(&rest.items).map(|each| each.mail.clone()).collect();
    assert_eq!(mails, [mail("a"), mail("b"), mail("a")]);
    assert_eq!((first.next.is_some(), rest.next), (true, None));
    assert_eq!(mailbox.get(first.items[1].id).unwrap().unwrap().mail, mail("b"));
    assert_eq!(mailbox.get(99).unwrap(), None);
    assert_eq!(mailbox.of_order(&order("a").id).await.unwrap().len(), 2, "a mail that is sent twice is captured twice");
}
