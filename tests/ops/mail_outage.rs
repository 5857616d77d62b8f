//! An outage of the mail server on the real binary, with the command alone: orders are confirmed or rejected before
//! they are mailed, and their mails are sent once the server is back.

use std::collections::BTreeSet;

use serde_json::json;

use crate::night::{Night, SETTINGS};
use crate::service::free_port;
use crate::smtp_server::SmtpServer;

const CONFIRMED: usize = 20;
const REJECTED: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_outage_ends_with_every_mail_sent_once() {
    let port = free_port();
    let night = Night::with(&format!("smtp_url = \"smtp://127.0.0.1:{port}\"\n{SETTINGS}")).await;
    let mut ids: BTreeSet<String> = night.post("k", CONFIRMED).await.into_iter().collect();
    for number in 0..REJECTED {
        ids.insert(declined(&night, number).await);
    }
    let orders = CONFIRMED + REJECTED;
    night.until("dead-lettered", |status| status["dead_letters"] == orders).await;

    let found = night.json(&["dlq", "ls", "--all"]);
    let emails = found.as_array().unwrap().iter().find(|dlq| dlq["queue"] == "emails").unwrap();
    let causes: BTreeSet<(String, String, u64)> = emails["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| {
            let text = |field: &str| cause[field].as_str().unwrap().to_owned();
            (text("step"), text("error"), cause["count"].as_u64().unwrap())
        })
        .collect();
    let cause = |step: &str, count: usize| (step.to_owned(), "MailUnavailable".to_owned(), count as u64);
    assert_eq!(causes, BTreeSet::from([cause("SendConfirmation", CONFIRMED), cause("NotifyRejected", REJECTED)]));
    let one = night.json(&["dlq", "show", "emails", "--where", "order.status == 'confirmed'", "--limit", "1"]);
    assert_eq!(
        (&one[0]["order"]["effect"], &one[0]["refusal"]),
        (&json!("no record of SendConfirmation"), &json!(null))
    );

    let server = SmtpServer::on(port);
    let replay = ["dlq", "replay", "emails", "--cause", "MailUnavailable"];
    let foretold = night.json(&replay);
    assert_eq!((&foretold["would_replay"], &foretold["would_refuse"]), (&json!(orders), &json!([])));
    let done = night.json(&[&replay[..], &["--yes"]].concat());
    assert_eq!((&done["replayed"], &done["refused"]), (&json!(orders), &json!([])));
    night.until_quiet().await;
    assert_eq!(night.get("/ops/status").await["dead_letters"], 0);

    let sent = server.headers("Message-ID");
    let mailed: BTreeSet<&str> = sent.iter().filter_map(|id| id.strip_prefix('<')?.split('.').next()).collect();
    assert_eq!((sent.len(), mailed), (orders, ids.iter().map(String::as_str).collect()), "one mail for each order");
    for id in &ids {
        let story = night.json(&["orders", "show", id]);
        assert_eq!(story["execution"]["status"], "SUCCEEDED", "{story:#}");
    }
    let database = night.database();
    let count = |of: &str| {
        let sql = format!("SELECT count(*) FROM orders WHERE {of} AND progress ->> '$.mail.result' = 'sent'");
        database.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize
    };
    assert_eq!((count("status = 'confirmed'"), count("status = 'rejected'")), (CONFIRMED, REJECTED));
    night.ends();
}

async fn declined(night: &Night, number: usize) -> String {
    let body = json!({
        "customer": { "id": "c-43", "email": "eve@example.com" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }],
        "currency": "EUR", "payment_method": "pm_card_chargeDeclined",
    });
    let answer = night.service().post(&format!("declined-{number}"), &body.to_string()).await.unwrap();
    let answer: serde_json::Value = answer.error_for_status().unwrap().json().await.unwrap();
    answer["order_id"].as_str().unwrap().to_owned()
}
