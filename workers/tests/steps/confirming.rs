//! `SendConfirmation`, `NotifyRejected` and `CloseOrder`: the status first, and a mail that says the same.

use orders::mail::{MailKind, MailResult};
use orders::ports::{MailError, Unavailable};
use orders::{Done, Outcome, Status, Step};
use serde_json::json;

use crate::shop::{Call, End, Shop, attempt};

#[tokio::test(start_paused = true)]
async fn a_confirmation_says_that_the_order_is_confirmed_and_what_it_costs() {
    let shop = Shop::open();
    let (id, _) = shop.paid("k");
    let output = json!({ "order_id": id, "status": "confirmed", "mail": "sent" });
    assert_eq!(shop.deliver(Step::SendConfirmation, &id).await, End::Succeeded(output));
    let mail = shop.mails.lock().pop().unwrap();
    assert_eq!(mail.subject, format!("Your order {id} is confirmed"));
    assert_eq!((mail.to.as_str(), mail.kind), ("ada@example.com", MailKind::Confirmation));
    for part in ["Hello Ada", id.as_str(), "2 x Blue mug  20.00 EUR", "Total  20.00 EUR"] {
        assert!(mail.text.contains(part), "{part} is not in\n{}", mail.text);
    }
    assert!(
        mail.html.contains("<strong>confirmed</strong>") && mail.html.contains("2 &times; <bdi>Blue mug</bdi>"),
        "{}",
        mail.html
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejection_says_that_the_order_is_cancelled_and_why() {
    let shop = Shop::open();
    let id = shop.accepted("k");
    let output = json!({ "order_id": id, "status": "rejected", "mail": "sent", "reason": "OutOfStock" });
    assert_eq!(shop.deliver_after("OutOfStock", Step::NotifyRejected, &id).await, End::Succeeded(output));
    let mail = shop.mails.lock().pop().unwrap();
    assert_eq!(mail.subject, format!("Your order {id} is cancelled"));
    assert_eq!(mail.kind, MailKind::Rejection);
    for part in ["can't be delivered", "We do not have enough of what you ordered.", "2 x Blue mug"] {
        assert!(mail.text.contains(part), "{part} is not in\n{}", mail.text);
    }
    assert!(!mail.text.contains("EUR"), "nothing was priced: {}", mail.text);
    assert!(mail.html.contains("We do not have enough"), "{}", mail.html);
}

#[tokio::test(start_paused = true)]
async fn the_status_is_written_before_the_mail_goes_out_and_a_mail_that_was_recorded_is_not_repeated() {
    let shop = Shop::open();
    let (id, _) = shop.paid("k");
    let order = id.clone();
    shop.before(Call::Send, move |shop| {
        let progress = shop.order(&order).progress;
        assert_eq!(progress.status, Status::Confirmed);
        assert_eq!(progress.mail.unwrap().attempts, 1);
    });
    for _ in 0..2 {
        shop.deliver(Step::SendConfirmation, &id).await;
    }
    assert_eq!(shop.mails.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_is_refused_for_good_is_recorded_and_one_that_is_not_taken_now_comes_again() {
    let shop = Shop::open();
    let (id, _) = shop.paid("k");
    *shop.mail_error.lock() = Some(MailError::Unavailable(Unavailable::new("Mailer", "down")));
    assert_eq!(shop.deliver(Step::SendConfirmation, &id).await, End::Reported);
    *shop.mail_error.lock() = Some(MailError::Refused("no such mailbox".into()));
    let output = json!({ "order_id": id, "status": "confirmed", "mail": "refused" });
    assert_eq!(shop.deliver(Step::SendConfirmation, &id).await, End::Succeeded(output));
    let order = shop.order(&id);
    let mail = order.progress.mail.as_ref().unwrap();
    assert_eq!((mail.attempts, mail.result), (2, Some(MailResult::Refused)));
    assert_eq!(order.outcome(Step::SendConfirmation), Some(Outcome::Done(Done::MailRefused)));
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_order_is_never_told_that_it_is_rejected() {
    let shop = Shop::open();
    let (id, _) = shop.paid("k");
    shop.change(&id, |order| drop(order.confirm(attempt())));
    let output = json!({ "order_id": id, "status": "confirmed", "mail": "failed" });
    assert_eq!(shop.deliver_after("Cancelled", Step::NotifyRejected, &id).await, End::Succeeded(output));
    assert!(shop.mails.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_order_that_can_not_be_confirmed_is_not_mailed_and_its_step_is_failed() {
    let shop = Shop::open();
    let (id, _) = shop.paid("k");
    shop.change(&id, |order| order.request_cancel(attempt().at).unwrap());
    for _ in 0..2 {
        assert_eq!(shop.deliver(Step::SendConfirmation, &id).await, End::Failed("Cancelled".into()));
    }
    assert!(shop.mails.lock().is_empty());
    assert_eq!(shop.deliver(Step::CloseOrder, &id).await, End::Failed("Cancelled".into()));
}

#[tokio::test(start_paused = true)]
async fn an_order_is_closed_confirmed_or_rejected_as_the_workflow_failed() {
    let shop = Shop::open();
    let (id, _) = shop.paid("k");
    let output = json!({ "order_id": id, "status": "confirmed", "mail": "failed" });
    assert_eq!(shop.deliver(Step::CloseOrder, &id).await, End::Succeeded(output));
    let id = shop.accepted("l");
    let output = json!({ "order_id": id, "status": "rejected", "mail": "failed", "reason": "TechnicalFailure" });
    assert_eq!(shop.deliver_after("States.Timeout", Step::CloseOrder, &id).await, End::Succeeded(output));
}
