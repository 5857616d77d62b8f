//! What a happy order uses of AWS, counted on the emulator and compared with `infra/aws/cost/calls.json`, from which
//! `orderflow cost` computes: a change of cost has to be written down. `ORDERFLOW_COUNT=write` writes it.
//!
//! The order is held before each function, so that the size of its item is known when the function has written it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::types::HistoryEventType;
use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::{Map, Value, json};

use crate::ministack;
use crate::stack::{ACCOUNT, Stack};

const COUNTED: &str = "infra/aws/cost/calls.json";
const EXAMPLE: &str = "examples/orders/1-confirmed.json";
/// Each worker: its function, its event source mapping, its queue.
const WORKERS: [(&str, &str, &str); 4] = [
    ("dispatch", "DispatchFunctionOrders", "OrdersQueue"),
    ("inventory", "InventoryFunctionInventory", "InventoryQueue"),
    ("payment", "PaymentFunctionPayments", "PaymentsQueue"),
    ("email", "EmailFunctionEmails", "EmailsQueue"),
];
/// What CloudWatch Logs adds to each event's bytes (API reference, PutLogEvents).
const LOG_EVENT: usize = 26;

#[tokio::test]
async fn what_a_happy_order_uses_is_written_down() {
    let counted = count().await;
    let calls = |function: &str| counted["functions"][function]["calls"].clone();
    assert_eq!(
        calls("producer"),
        json!({ "DynamoDB.PutItem": 1, "SQS.SendMessage": 1 }),
        "accept: one write, one send"
    );
    assert_eq!(counted["states_entered"].as_array().unwrap().len(), 3, "{counted:#}");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(COUNTED);
    if std::env::var("ORDERFLOW_COUNT").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, format!("{counted:#}\n")).unwrap();
    }
    let written: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_same(&written, &counted, "");
}

/// Equal, but for a tenth where bytes are counted: times and tokens differ in length.
fn assert_same(written: &Value, counted: &Value, name: &str) {
    match (written, counted) {
        (Value::Object(written), Value::Object(counted)) => {
            assert!(written.keys().eq(counted.keys()), "{name}: {COUNTED} has {written:?}, counted {counted:?}");
            written.iter().for_each(|(name, value)| assert_same(value, &counted[name], name));
        }
        (Value::Number(written), Value::Number(counted)) if name.ends_with("bytes") => {
            let (written, counted) = (written.as_f64().unwrap(), counted.as_f64().unwrap());
            assert!((written - counted).abs() <= written / 10.0, "{name}: {COUNTED} has {written}, counted {counted}");
        }
        _ => assert_eq!(written, counted, "{name} in {COUNTED}"),
    }
}

async fn count() -> Value {
    let stack = Stack::with_products().await;
    for (_, mapping, _) in WORKERS {
        stack.poll(mapping, false).await;
    }
    let example = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE)).unwrap();
    let lines = serde_json::from_str::<Value>(&example).unwrap()["lines"].as_array().unwrap().len();
    let earlier = logs(&stack, "producer", 0).await.len();
    let id = stack.place("cost", example).await;

    let (mut functions, mut metrics, mut message_bytes) = (Map::new(), Vec::new(), Map::new());
    let mut done = async |function: &str, skip: usize| {
        let log = logs(&stack, function, skip).await;
        metrics.extend(log.iter().flat_map(metrics_of));
        functions.insert(function.to_owned(), used(&log, order_bytes(&stack, &id).await));
    };
    let mut before = ("producer", earlier);
    for (function, mapping, queue) in WORKERS {
        message_bytes.insert(queue.to_owned(), json!(message_size(&stack, queue).await));
        done(before.0, before.1).await;
        stack.poll(mapping, true).await;
        before = (function, 0);
    }
    stack.ended(&id).await;
    done(before.0, before.1).await;
    take_out_gateway(&mut functions["payment"]["calls"], payment_version(&stack).await);
    metrics.sort();
    metrics.dedup();

    let alarms = stack.deployed.resources.keys().filter(|name| name.ends_with("Alarm")).count();
    json!({
        "order": EXAMPLE,
        "lines": lines,
        "product_bytes": product_bytes(&stack).await,
        "functions": functions,
        "message_bytes": message_bytes,
        "states_entered": states_entered(&stack).await,
        "metrics": metrics,
        "alarms": alarms,
    })
}

/// What a function used: its calls to AWS, and how much it logs when calls aren't logged.
fn used(log: &[Value], order_bytes: usize) -> Value {
    let (calls, rest): (Vec<_>, Vec<_>) = log.iter().partition(|line| line["target"] == "aws_calls");
    let mut count = BTreeMap::<String, u64>::new();
    for call in calls {
        let [service, operation] = ["service", "operation"].map(|field| call[field].as_str().unwrap());
        *count.entry(format!("{service}.{operation}")).or_default() += 1;
    }
    let log_bytes = rest.iter().map(|line| line.to_string().len() + LOG_EVENT).sum::<usize>();
    json!({ "calls": count, "log_bytes": log_bytes, "order_bytes": order_bytes })
}

/// The custom metrics in a line of Embedded Metric Format: each name with each combination of dimensions is one.
fn metrics_of(line: &Value) -> Vec<String> {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten();
    let metric = |directive: &Value| {
        let dimensions =
            directive["Dimensions"][0].as_array().unwrap().iter().map(|name| &line[name.as_str().unwrap()]);
        let words = std::iter::once(&directive["Metrics"][0]["Name"]).chain(dimensions);
        words.map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(", ")
    };
    directives.map(metric).collect()
}

/// The simulated gateway's ledger stands for Stripe: one write makes the payment, each later one reads it and writes it back.
fn take_out_gateway(calls: &mut Value, version: u64) {
    for (call, ledger) in [("PutItem", 1), ("GetItem", version - 1), ("UpdateItem", version - 1)] {
        let count = &mut calls[format!("DynamoDB.{call}")];
        *count = json!(count.as_u64().unwrap() - ledger);
    }
    calls.as_object_mut().unwrap().retain(|_, count| count != 0);
}

/// What a function logged in its invocations, without Lambda's own lines, once the last one has ended.
async fn logs(stack: &Stack, function: &str, skip: usize) -> Vec<Value> {
    let group = stack.resource(&format!("{}Logs", capitalised(function)));
    let request = reqwest::Client::new()
        .post(ministack::endpoint().await)
        .header("Authorization", ministack::authorization(ACCOUNT, "logs"))
        .header("X-Amz-Target", "Logs_20140328.FilterLogEvents")
        .header("Content-Type", "application/x-amz-json-1.1")
        .body(json!({ "logGroupName": group }).to_string());
    for _ in 0..100 {
        let answer: Value = request.try_clone().unwrap().send().await.unwrap().json().await.unwrap();
        let events = answer["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap());
        let events: Vec<_> = events.collect();
        if events.last().is_some_and(|last| last.starts_with("REPORT")) {
            return events.into_iter().filter_map(|line| serde_json::from_str(line).ok()).skip(skip).collect();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{function} logged no end");
}

fn capitalised(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}

/// The size of the one message that comes to a queue, and stays there: body and attributes, as SQS counts.
async fn message_size(stack: &Stack, queue: &str) -> usize {
    let receive = stack.sqs().receive_message().queue_url(stack.resource(queue)).visibility_timeout(0);
    let receive = receive.message_attribute_names("All").wait_time_seconds(20);
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    let attribute = |(name, value): (&String, &MessageAttributeValue)| {
        name.len() + value.data_type().len() + value.string_value().unwrap().len()
    };
    let attributes = message.message_attributes().into_iter().flatten().map(attribute).sum::<usize>();
    message.body().unwrap().len() + attributes
}

async fn order_bytes(stack: &Stack, id: &str) -> usize {
    let get = aws_sdk_dynamodb::Client::new(&stack.sdk).get_item().table_name(stack.resource("OrdersTable"));
    let get = get.key("order_id", AttributeValue::S(id.to_owned()));
    item_size(&get.send().await.unwrap().item.unwrap())
}

/// DynamoDB developer guide, "DynamoDB item sizes and formats".
fn item_size(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        other => panic!("no item of ours has {other:?}"),
    }
}

/// The largest of the products.
async fn product_bytes(stack: &Stack) -> usize {
    let scan = aws_sdk_dynamodb::Client::new(&stack.sdk).scan().table_name(stack.resource("ProductsTable"));
    scan.send().await.unwrap().items().iter().map(item_size).max().unwrap()
}

async fn payment_version(stack: &Stack) -> u64 {
    let scan = aws_sdk_dynamodb::Client::new(&stack.sdk).scan().table_name(stack.resource("PaymentsTable"));
    let payment = scan.send().await.unwrap().items.unwrap().remove(0);
    payment["version"].as_n().unwrap().parse().unwrap()
}

/// The states of the stack's one execution, in order. Entering one is a state transition.
async fn states_entered(stack: &Stack) -> Vec<String> {
    let workflow = aws_sdk_sfn::Client::new(&stack.sdk);
    let list = workflow.list_executions().state_machine_arn(stack.resource("OrderMachine")).send().await.unwrap();
    let history = workflow.get_execution_history().execution_arn(list.executions()[0].execution_arn());
    let events = history.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    let entered = events.into_iter().filter(|event| event.r#type() == &HistoryEventType::TaskStateEntered);
    entered.map(|event| event.state_entered_event_details.unwrap().name).collect()
}
