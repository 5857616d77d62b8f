//! Functions killed with `kill -9` while orders go through them.

#![cfg(target_os = "linux")] // a function's processes are known by their environment

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use aws_sdk_sqs::types::QueueAttributeName;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::stack::{DLQS, QUEUES, Stack, products, step};

const ORDERS: usize = 120;
const KILLS: usize = 20;
/// Everything is well over before this.
const PATIENCE: Duration = Duration::from_secs(120);
const FUNCTIONS: [&str; 5] =
    ["ProducerFunction", "DispatchFunction", "InventoryFunction", "PaymentFunction", "EmailFunction"];
const METHODS: [&str; 5] =
    ["pm_sim_slow_200", "pm_card_visa", "pm_card_chargeDeclined", "pm_sim_timeout_1", "pm_sim_lost_1"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_functions_lose_no_order_and_double_no_charge() {
    let seed =
        std::env::var("ORDERFLOW_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("ORDERFLOW_SEED={seed} repeats the choice of the kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let stack = Arc::new(Stack::with_products().await);
    for queue in QUEUES {
        // What a dead function had in hand comes back soon: nobody wants to wait three minutes here.
        let set = stack.sqs().set_queue_attributes().queue_url(stack.resource(queue));
        set.attributes(QueueAttributeName::VisibilityTimeout, "5").send().await.unwrap();
    }

    let (accepted, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let posting: Vec<_> = (0..4)
        .map(|storefront| {
            let (stack, accepted) = (stack.clone(), accepted.clone());
            tokio::spawn(async move {
                let mut ids = BTreeMap::new();
                for index in (storefront..ORDERS).step_by(4) {
                    ids.insert(index, place(&stack, index).await);
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
                ids
            })
        })
        .collect();
    for kill in 0..KILLS {
        // Not before this share of the orders is in, so that the kills are spread over the posting.
        while accepted.load(Ordering::Relaxed) < kill * ORDERS / (KILLS + 2) {
            assert!(begun.elapsed() < PATIENCE, "after {kill} kills, orders are accepted no more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.u64(0..200))).await;
        let mut function = FUNCTIONS[random.usize(..FUNCTIONS.len())];
        if kill % 4 == 1 {
            // A slow charge keeps its function busy for 200 ms: these kills find it at work.
            charging(&stack).await;
            function = "PaymentFunction";
        }
        kill_processes_of(stack.resource(function));
    }
    let mut ids = BTreeMap::new();
    for storefront in posting {
        ids.append(&mut storefront.await.unwrap());
    }
    let mut orders = BTreeMap::new();
    for (index, id) in ids {
        orders.insert(index, stack.ended(&id).await);
    }
    stack.quiet().await;
    audit(&stack, &orders).await;
}

/// Until a charge is in a worker's hands, or a second is over.
async fn charging(stack: &Stack) {
    let end = Instant::now() + Duration::from_secs(1);
    let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    while Instant::now() < end {
        let get = stack.sqs().get_queue_attributes().queue_url(stack.resource("PaymentsQueue"));
        let attributes = get.attribute_names(in_flight.clone()).send().await.unwrap().attributes.unwrap_or_default();
        if attributes.get(&in_flight).is_some_and(|count| count != "0") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn body(index: usize) -> Value {
    // There are three gold-rimmed cups: most of these orders are out of stock.
    let sku = if index % 10 == 9 { "CUP-GOLD" } else { "MUG-BLUE" };
    json!({
        "customer": { "id": format!("c-{index}"), "email": format!("c{index}@example.com") },
        "lines": [{ "sku": sku, "quantity": 1 + index % 3 }, { "sku": "TEA-SENCHA", "quantity": 1 }],
        "currency": "EUR", "payment_method": METHODS[index % METHODS.len()],
    })
}

/// Posts until there is a 202: its id.
async fn place(stack: &Stack, index: usize) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let response = stack.post(&format!("order-{index}"), body(index).to_string()).await;
        if response.status() == StatusCode::ACCEPTED {
            return response.json::<Value>().await.unwrap()["order_id"].as_str().unwrap().to_owned();
        }
        let again = response.status().is_server_error() && Instant::now() < end;
        assert!(again, "order {index}: {}", response.status());
    }
}

fn kill_processes_of(function: &str) {
    let variable = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    for process in std::fs::read_dir("/proc").unwrap().map(Result::unwrap) {
        // Not every process may be looked at, or is still there.
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes()) {
            Command::new("kill").arg("-9").arg(process.file_name()).status().unwrap();
        }
    }
}

async fn audit(stack: &Stack, orders: &BTreeMap<usize, Value>) {
    for dlq in DLQS {
        assert_eq!(stack.depth(dlq).await, 0, "nothing here deserves a dead letter: {dlq}");
    }
    let (ledger, mails) = (ledger(stack).await, stack.mails().await);
    let mut left: BTreeMap<String, i64> =
        products().iter().map(|product| (text(&product["sku"]), product["stock"].as_i64().unwrap())).collect();
    let (mut fates, mut redelivered) = (BTreeMap::<String, usize>::new(), 0);
    for (index, order) in orders {
        let (id, status) = (text(&order["order_id"]), text(&order["status"]));
        let fate = order["reason"].as_str().map_or(status.clone(), |reason| format!("{status} {reason}"));
        *fates.entry(fate).or_default() += 1;
        let (captures, refunds) = ledger.get(&id).copied().unwrap_or_default();
        let closing = match status.as_str() {
            "confirmed" => {
                assert_eq!((captures, refunds), (1, 0), "order {index}: {order:#}");
                for line in body(*index)["lines"].as_array().unwrap() {
                    *left.get_mut(&text(&line["sku"])).unwrap() -= line["quantity"].as_i64().unwrap();
                }
                "SendConfirmation"
            }
            "rejected" => {
                assert!(captures <= 1 && captures == refunds, "order {index}: {order:#}");
                "NotifyRejected"
            }
            other => panic!("order {index} is left {other}: {order:#}"),
        };
        let attempts = |name| step(order, name).map_or(0, |record| record["attempts"].as_u64().unwrap() as usize);
        let mailed = mails.iter().filter(|mail| text(&mail["Subject"]).contains(&id)).count();
        assert!((1..=attempts(closing)).contains(&mailed), "order {index}: {mailed} mails: {order:#}");
        // The gateway's own faults make a charge come again, too.
        let faulty = METHODS[index % METHODS.len()].ends_with("_1");
        let again = |name| attempts(name) > 1;
        redelivered += usize::from(again("ReserveInventory") || again(closing) || !faulty && again("ChargePayment"));
    }
    println!("{fates:?}, {redelivered} came to a function again");
    assert!(fates.len() >= 3 && redelivered > 0, "too little happened: {fates:?}, {redelivered}");
    for (sku, left) in left {
        let get = stack.request(Method::GET, &format!("/products/{sku}"), Some("storefront"));
        let product: Value = get.send().await.unwrap().json().await.unwrap();
        assert_eq!(product["stock"], left, "{sku}");
    }
    let workflow = aws_sdk_sfn::Client::new(&stack.sdk);
    let list = workflow.list_executions().state_machine_arn(stack.resource("OrderMachine"));
    let succeeded = list.status_filter(ExecutionStatus::Succeeded).into_paginator().items().send();
    assert_eq!(succeeded.collect::<Result<Vec<_>, _>>().await.unwrap().len(), ORDERS);
}

/// For each order, how often the gateway captured money and paid it back.
async fn ledger(stack: &Stack) -> BTreeMap<String, (u64, u64)> {
    let mut ledger = BTreeMap::<_, (u64, u64)>::new();
    let table = aws_sdk_dynamodb::Client::new(&stack.sdk).scan().table_name(stack.resource("PaymentsTable"));
    for payment in table.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap() {
        let record: Value = serde_json::from_str(payment["record"].as_s().unwrap()).unwrap();
        let (captures, refunds) = ledger.entry(text(&record["order_id"])).or_default();
        *captures += record["captures"].as_u64().unwrap();
        *refunds += record["refunds"].as_u64().unwrap();
    }
    ledger
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
