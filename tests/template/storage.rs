//! What must outlast everything else: tables, and logs as long as they are wanted.

use serde_json::{Value, json};

use crate::holds;
use crate::template::Template;

fn tables(template: &Template) -> Vec<String> {
    let mut found = Vec::new();
    for (name, table) in template.all("AWS::DynamoDB::Table") {
        let resource = template.resource(name);
        let kept = [
            ("BillingMode", json!("PAY_PER_REQUEST")),
            ("PointInTimeRecoverySpecification", json!({ "PointInTimeRecoveryEnabled": true })),
            ("SSESpecification", json!({ "SSEEnabled": true })),
            ("DeletionProtectionEnabled", json!({ "Ref": "DeletionProtection" })),
        ];
        found.extend(kept.iter().filter(|(key, value)| table[key] != *value).map(|(key, _)| format!("{name}: {key}")));
        if resource["DeletionPolicy"] != "RetainExceptOnCreate" || resource["UpdateReplacePolicy"] != "Retain" {
            found.push(format!("{name} goes with its stack"));
        }
    }
    if template.at("/Parameters/DeletionProtection/Default") != "true" {
        found.push("tables can be deleted unless somebody thinks of it".to_owned());
    }
    found
}

#[test]
fn a_table_is_encrypted_can_be_restored_and_outlives_its_stack() {
    holds(
        tables,
        &[
            ("PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false"),
            ("SSEEnabled: true", "SSEEnabled: false"),
            ("DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Delete"),
            ("      DeletionProtectionEnabled: !Ref DeletionProtection\n", ""),
        ],
    );
}

/// The keys that `infra/aws/src` reads and writes by: a table's own, then its indexes'.
fn keys(template: &Template) -> Vec<String> {
    let schema = |value: &Value| -> Vec<String> {
        let keys = value["KeySchema"].as_array().unwrap().iter();
        keys.map(|key| format!("{} {}", key["AttributeName"].as_str().unwrap(), key["KeyType"].as_str().unwrap()))
            .collect()
    };
    let there: Vec<(String, Vec<String>)> = template
        .all("AWS::DynamoDB::Table")
        .flat_map(|(name, table)| {
            let indexes = table["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
            let indexes = indexes.map(|index| (index["IndexName"].as_str().unwrap().to_owned(), schema(index)));
            std::iter::once((name.to_owned(), schema(table))).chain(indexes)
        })
        .collect();
    let wanted: [(&str, &[&str]); 8] = [
        ("OrdersTable", &["order_id HASH"]),
        ("by_month", &["month HASH", "placed RANGE"]),
        ("by_customer", &["customer_id HASH", "placed RANGE"]),
        ("ProductsTable", &["sku HASH"]),
        ("by_sku", &["listed HASH", "sku RANGE"]),
        ("PaymentsTable", &["payment_id HASH"]),
        ("JournalTable", &["run_id HASH", "entry_id RANGE"]),
        ("by_run", &["listed HASH", "run_id RANGE"]),
    ];
    let mut found: Vec<String> = there
        .iter()
        .filter(|(name, keys)| !wanted.iter().any(|(table, wanted)| name == table && keys == wanted))
        .map(|(name, keys)| format!("{name}: {keys:?}"))
        .collect();
    if there.len() != wanted.len() {
        found.push(format!("{} tables and indexes instead of {}", there.len(), wanted.len()));
    }
    let ttl = &template.properties("OrdersTable")["TimeToLiveSpecification"];
    if *ttl != json!({ "AttributeName": "expires_at", "Enabled": true }) {
        found.push("an order that was never promised doesn't expire".to_owned());
    }
    found
}

#[test]
fn tables_and_indexes_have_the_keys_that_the_adapters_use() {
    holds(
        keys,
        &[
            ("IndexName: by_sku", "IndexName: by_listing"),
            ("{ AttributeName: placed, KeyType: RANGE }", "{ AttributeName: order_id, KeyType: RANGE }"),
            ("AttributeName: expires_at", "AttributeName: ttl"),
        ],
    );
}

fn logs(template: &Template) -> Vec<String> {
    let retention = json!({ "Ref": "LogRetentionDays" });
    let groups = template.all("AWS::Logs::LogGroup");
    let mut found: Vec<String> =
        groups.filter(|(_, group)| group["RetentionInDays"] != retention).map(|(name, _)| name.to_owned()).collect();
    // A function without a group of its own makes one that is kept for ever.
    let functions = template.functions();
    found.extend(
        functions
            .filter(|(_, function)| function["LoggingConfig"]["LogGroup"].is_null())
            .map(|(bin, _)| bin.to_owned()),
    );
    found
}

#[test]
fn no_log_is_kept_for_ever() {
    let edits = [
        ("      RetentionInDays: !Ref LogRetentionDays\n", ""),
        ("      LoggingConfig: { LogGroup: !Ref EmailLogs }\n", ""),
    ];
    holds(logs, &edits);
}
