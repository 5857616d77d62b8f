use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use orders::OrderId;
use orders::mail::{Mail, MailKind};
use orders::ports::{MailError, Mailer as _};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{SmtpConfigError, SmtpMailer};
use crate::fixture::order;

/// A mail server for one connection, which answers the recipient with `rcpt`. Gives its port and what it was sent.
fn server(rcpt: &'static str) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sent, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        stream.write_all(b"220 test\r\n").unwrap();
        let mut mail = String::new();
        while let Some(Ok(line)) = lines.next() {
            let answer = match line.split([' ', ':']).next().unwrap() {
                "EHLO" => "250 test",
                "RCPT" => rcpt,
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").unwrap();
                    for line in lines.by_ref().map(Result::unwrap).take_while(|line| line != ".") {
                        mail.push_str(&line);
                        mail.push('\n');
                    }
                    sent.send(std::mem::take(&mut mail)).unwrap();
                    "250 taken"
                }
                _ => "250 ok",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        }
    });
    (port, receiver)
}

fn mail(to: &str) -> (OrderId, Mail) {
    let order_id = order("k").id;
    let mail = Mail {
        order_id: order_id.clone(),
        kind: MailKind::Confirmation,
        to: to.to_owned(),
        subject: "Your order".to_owned(),
        text: "Thank you".to_owned(),
        html: "<p>Thank you</p>".to_owned(),
    };
    (order_id, mail)
}

fn mailer(port: u16) -> SmtpMailer {
    SmtpMailer::new(&format!("smtp://127.0.0.1:{port}"), "The shop <shop@example.com>").unwrap()
}

#[tokio::test]
async fn a_mail_goes_out_in_both_forms_and_with_its_own_id() {
    let (port, sent) = server("250 ok");
    let (order_id, mail) = mail("ada@example.org");
    mailer(port).send(&mail).await.unwrap();
    let sent = sent.recv().unwrap();
    for part in [
        &format!("Message-ID: <{order_id}.confirmation@example.com>"),
        "To: ada@example.org",
        "From: \"The shop\" <shop@example.com>",
        "Content-Type: multipart/alternative",
        "Content-Type: text/plain",
        "Content-Type: text/html",
        "<p>Thank you</p>",
    ] {
        assert!(sent.contains(part), "{part} in {sent}");
    }
}

/// Texts that are nearly addresses, and a good share that are.
fn nearly_an_address() -> impl Strategy<Value = String> {
    let local = prop_oneof![
        3 => "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,9}(\\.[a-z0-9]{1,9}){0,3}",
        1 => "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,66}",
        1 => "[a-z.\"@<> \\\\ä]{0,8}",
        1 => "[a-z]{60,70}",
    ];
    let domain = prop_oneof![
        3 => "([a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?\\.){0,5}[a-z][a-z0-9]{0,4}",
        1 => "([a-z0-9]([a-z0-9-]{0,64}[a-z0-9])?\\.){0,4}[a-z0-9-]{1,5}",
        1 => "[a-z0-9.\\[\\]:@ ü-]{0,20}",
    ];
    (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
}

#[tokio::test]
async fn every_address_that_an_order_may_have_can_be_mailed() {
    let (mailer, accepted) = (mailer(25), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&nearly_an_address(), |address| {
        if orders::email::check(&address).is_ok() {
            accepted.set(accepted.get() + 1);
            prop_assert!(mailer.message(&mail(&address).1).is_ok(), "SMTP would refuse {}", address);
            prop_assert!(address.is_ascii() && address.len() <= 320, "SES would refuse {}", address);
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(accepted.get() > 300, "only {} were addresses", accepted.get());
}

#[tokio::test]
async fn a_domain_without_a_dot_is_left_to_the_mail_server() {
    let (port, sent) = server("250 ok");
    assert_eq!(orders::email::check("root@intranet"), Ok(()));
    mailer(port).send(&mail("root@intranet").1).await.unwrap();
    assert!(sent.recv().unwrap().contains("To: root@intranet"));
}

#[tokio::test]
async fn a_dead_address_is_refused_for_good_and_a_busy_server_is_not() {
    let (port, _) = server("550 5.1.1 <ada@example.org> is unknown");
    let refused = mailer(port).send(&mail("ada@example.org").1).await;
    assert_eq!(refused, Err(MailError::Refused("the mail server answered 550".to_owned())), "and no address in it");
    for busy in ["451 later", "530 authenticate first"] {
        let (port, _) = server(busy);
        assert!(
            matches!(mailer(port).send(&mail("ada@example.org").1).await, Err(MailError::Unavailable(_))),
            "{busy}"
        );
    }
    let refused = mailer(1).send(&mail("no address").1).await;
    assert_eq!(refused, Err(MailError::Refused("the recipient is no address".to_owned())));
    // Nobody listens there.
    assert!(matches!(mailer(1).send(&mail("ada@example.org").1).await, Err(MailError::Unavailable(_))));
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_with_what_to_write() {
    let from = "shop@example.com";
    for (url, from, why) in [
        ("mail.example.com", from, "use smtp://host"),
        ("http://mail.example.com", from, "use smtp://host"),
        ("smtp://mail.example.com", "the shop", "use `shop@example.com`"),
        ("smtp://user:secret@mail.example.com", from, "use smtps://"),
        ("smtp://user:secret@localhost.example.com:25", from, "use smtps://"),
    ] {
        let refused = SmtpMailer::new(url, from).err().unwrap().to_string();
        assert!(refused.contains(why), "{url}: {refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    for url in ["smtps://user:secret@mail.example.com:465", "smtp://user:secret@localhost:1025"] {
        assert!(SmtpMailer::new(url, from).is_ok(), "{url}");
    }
    let encrypted = SmtpMailer::new("smtp://user:secret@mail.example.com?tls=required", from);
    assert!(!matches!(encrypted, Err(SmtpConfigError::PlainPassword)));
}
