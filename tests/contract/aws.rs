//! The AWS adapters on an emulator, with tables, queues and state machine as `infra/aws/template.yaml` has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use futures::FutureExt;
use orderflow_aws::stock::Tables;
use orderflow_aws::{Clients, DynamoCatalogue, DynamoOrders, SimulatedGateway, SqsQueues, StepFunctions};
use orders::Queue;
use orders::ports::SystemClock;
use orders::step::QueueName;

use crate::ministack;
use crate::subject::Subject;

/// Long enough for a look, which makes what it received visible again.
const LOOK: i32 = 30;

/// An account with everything in it.
pub struct Account {
    pub clients: Clients,
    pub urls: BTreeMap<QueueName, String>,
    pub state_machine: String,
}

impl Account {
    pub async fn new() -> Self {
        let account = ministack::new_account();
        let clients = Clients::with(ministack::sdk_config(&account).await);
        let urls = queues(&clients.sqs()).await;
        tables(&clients.dynamodb()).await;
        let state_machine = state_machine(&clients.step_functions(), &account, &urls).await;
        Self { clients, urls, state_machine }
    }
}

pub async fn subject() -> Subject {
    over(Account::new().await)
}

pub fn over(Account { clients, urls, state_machine }: Account) -> Subject {
    let (dynamodb, sqs, clock) = (clients.dynamodb(), clients.sqs(), Arc::new(SystemClock));
    let queues = Arc::new(SqsQueues::new(sqs.clone(), urls.clone()));
    let tables = Tables { orders: "orders".into(), products: "products".into() };
    let orders = DynamoOrders::new(dynamodb.clone(), tables, queues.clone(), clock.clone());
    let (looking, looked_at) = (sqs.clone(), urls.clone());
    Subject {
        orders: Arc::new(orders),
        catalogue: Arc::new(DynamoCatalogue::new(dynamodb.clone(), "products")),
        queues,
        workflow: Arc::new(StepFunctions::new(clients.step_functions(), state_machine)),
        gateway: Arc::new(SimulatedGateway::new(dynamodb, "payments", clock)),
        bodies: Box::new(move |queue| look(looking.clone(), looked_at[&queue].clone()).boxed()),
        receive: Box::new(move |queue| receive(sqs.clone(), urls[&queue.into()].clone()).boxed()),
        _directory: None,
    }
}

/// Receives all there is, and makes it visible again.
async fn look(sqs: aws_sdk_sqs::Client, url: String) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(10).visibility_timeout(LOOK);
        match receive.send().await.unwrap().messages {
            Some(messages) if !messages.is_empty() => seen.extend(messages),
            _ => break,
        }
    }
    for message in &seen {
        let change = sqs.change_message_visibility().queue_url(&url).visibility_timeout(0);
        change.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
    }
    seen.into_iter().filter_map(|message| message.body).collect()
}

async fn receive(sqs: aws_sdk_sqs::Client, url: String) -> Option<String> {
    let received = sqs.receive_message().queue_url(url).visibility_timeout(60).send().await.unwrap();
    received.messages?.pop()?.receipt_handle
}

async fn queues(sqs: &aws_sdk_sqs::Client) -> BTreeMap<QueueName, String> {
    let mut urls = BTreeMap::new();
    for name in Queue::ALL.iter().flat_map(|queue| [QueueName::from(*queue), QueueName::dlq(*queue)]) {
        let made = sqs.create_queue().queue_name(name.to_string()).send().await.unwrap();
        urls.insert(name, made.queue_url.unwrap());
    }
    urls
}

async fn state_machine(client: &aws_sdk_sfn::Client, account: &str, urls: &BTreeMap<QueueName, String>) -> String {
    let mut definition = include_str!("../../statemachine/order.asl.json").to_owned();
    for (queue, name) in [
        (Queue::Orders, "OrdersQueueUrl"),
        (Queue::Inventory, "InventoryQueueUrl"),
        (Queue::Payments, "PaymentsQueueUrl"),
        (Queue::Emails, "EmailsQueueUrl"),
    ] {
        definition = definition.replace(&format!("${{{name}}}"), &urls[&queue.into()]);
    }
    let role = role_that_sends(account).await;
    let create = client.create_state_machine().name("order").definition(definition).role_arn(role);
    create.send().await.unwrap().state_machine_arn
}

/// A role for the state machine. IAM's client would take minutes to build for these two calls; the emulator checks no signature.
async fn role_that_sends(account: &str) -> String {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"Service":"states.amazonaws.com"}}]}"#;
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}]}"#;
    let scope = format!("{account}/20260101/{}/iam/aws4_request", ministack::REGION);
    for call in [
        vec![("Action", "CreateRole"), ("AssumeRolePolicyDocument", trust)],
        vec![("Action", "PutRolePolicy"), ("PolicyName", "send"), ("PolicyDocument", policy)],
    ] {
        let form = [("Version", "2010-05-08"), ("RoleName", "order")].into_iter().chain(call);
        let body = form.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
        let request = reqwest::Client::new()
            .post(ministack::endpoint().await)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
            .body(body);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    }
    format!("arn:aws:iam::{account}:role/order")
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn tables(client: &aws_sdk_dynamodb::Client) {
    let text = |name: &str| {
        let kind = ScalarAttributeType::S;
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = |name: &str, hash: &str, range: &str, included: &[&str]| {
        let kind = if included.is_empty() { ProjectionType::KeysOnly } else { ProjectionType::Include };
        let mut projection = Projection::builder().projection_type(kind);
        for attribute in included {
            projection = projection.non_key_attributes(*attribute);
        }
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(hash, KeyType::Hash))
            .key_schema(key(range, KeyType::Range))
            .projection(projection.build())
            .build()
            .unwrap()
    };
    let table = |name: &str, hash: &str| {
        let table = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        table.attribute_definitions(text(hash)).key_schema(key(hash, KeyType::Hash))
    };
    let orders = table("orders", "order_id")
        .set_attribute_definitions(Some(["order_id", "month", "placed", "customer_id"].map(text).into()))
        .global_secondary_indexes(index("by_month", "month", "placed", &["storefront", "customer_id"]))
        .global_secondary_indexes(index("by_customer", "customer_id", "placed", &["storefront"]));
    let products = table("products", "sku").attribute_definitions(text("listed")).global_secondary_indexes(index(
        "by_sku",
        "listed",
        "sku",
        &[],
    ));
    let journal = table("journal", "run_id").key_schema(key("entry_id", KeyType::Range));
    let journal = journal
        .set_attribute_definitions(Some(["run_id", "entry_id", "listed"].map(text).into()))
        .global_secondary_indexes(index("by_run", "listed", "run_id", &[]));
    for table in [orders, products, table("payments", "payment_id"), journal] {
        table.send().await.unwrap();
    }
}
