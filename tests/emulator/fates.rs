//! The examples' way through the deployed pipeline.

use orders::Money;
use serde_json::{Value, json};
use workers::{DEAD_LETTER, DeadLetter};

use crate::examples::FATES;
use crate::stack::{DLQS, Stack, step};

#[tokio::test]
async fn the_examples_meet_the_fates_of_the_demo() {
    let stack = Stack::with_products().await;
    let mut placed = Vec::new();
    for (name, _) in FATES {
        let content = example(name);
        if name.ends_with(".txt") {
            stack.send("PaymentsQueue", content.trim()).await;
            placed.push(None);
            continue;
        }
        let id = stack.place(name, content.clone()).await;
        if name.contains("posted-twice") {
            assert_eq!(stack.place(name, content).await, id, "{name} became two orders");
        }
        placed.push(Some(id));
    }
    let mut mailed = Vec::new();
    for ((name, fate), id) in FATES.into_iter().zip(&placed) {
        let Some(id) = id else {
            let letter = dead_letter(&stack, "PaymentsDlq").await;
            assert_eq!(format!("dead-lettered: {}", letter.error), fate, "{name}");
            continue;
        };
        let order = stack.ended(id).await;
        assert_eq!(verdict(&order), fate, "{name}: {order:#}");
        mailed.push((order["customer"]["email"].clone(), format!("Your order {id} ")));
        if name.starts_with('6') {
            assert_eq!(step(&order, "ChargePayment").unwrap()["attempts"], 3, "{order:#}");
        }
    }

    let mails = stack.mails().await;
    assert_eq!(mails.len(), mailed.len(), "{mails:#?}");
    for (to, subject) in mailed {
        let to_them =
            |mail: &&Value| mail["To"] == json!([to]) && mail["Subject"].as_str().unwrap().starts_with(&subject);
        let mail = mails.iter().find(to_them).unwrap_or_else(|| panic!("no mail to {to}"));
        assert!(mail["BodyHtml"].as_str().unwrap().contains("<html"), "{mail}");
    }
    stack.quiet().await;
    for dlq in DLQS {
        assert_eq!(stack.depth(dlq).await, usize::from(dlq == "PaymentsDlq"), "{dlq}");
    }
}

#[tokio::test]
async fn of_a_batch_only_what_failed_comes_again() {
    let stack = Stack::with_products().await;
    stack.poll("PaymentFunctionPayments", false).await;
    let methods = ["pm_card_visa", "pm_sim_timeout_1", "pm_card_chargeDeclined", "pm_card_visa"];
    let mut placed = Vec::new();
    for (index, method) in methods.into_iter().enumerate() {
        placed.push(stack.place(&index.to_string(), order(method)).await);
    }
    stack.send("PaymentsQueue", "no message of ours").await;
    while stack.depth("PaymentsQueue").await < methods.len() + 1 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    stack.poll("PaymentFunctionPayments", true).await;

    let mut attempts = Vec::new();
    for id in &placed {
        attempts.push(step(&stack.ended(id).await, "ChargePayment").unwrap()["attempts"].clone());
    }
    assert_eq!(attempts, [1, 2, 1, 1]);
    let letter = dead_letter(&stack, "PaymentsDlq").await;
    assert_eq!((letter.error.as_str(), letter.receive_count), ("Undecodable", 1));
}

fn example(name: &str) -> String {
    std::fs::read_to_string(format!("{}/examples/orders/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn order(method: &str) -> String {
    json!({
        "customer": { "id": "c-42", "email": "ada@example.com" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }],
        "currency": "EUR", "payment_method": method,
    })
    .to_string()
}

/// As the demo words it.
fn verdict(order: &Value) -> String {
    match (order["status"].as_str().unwrap(), order["reason"].as_str()) {
        ("confirmed", None) => {
            format!("confirmed, {}", serde_json::from_value::<Money>(order["total"].clone()).unwrap())
        }
        (status, reason) => format!("{status}: {}", reason.unwrap_or_default()),
    }
}

async fn dead_letter(stack: &Stack, queue: &str) -> DeadLetter {
    let message = stack.receive(queue).await;
    let attribute = &message.message_attributes().unwrap()[DEAD_LETTER];
    serde_json::from_str(attribute.string_value().unwrap()).unwrap()
}
