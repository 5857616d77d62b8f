//! Queues, their dead-letter queues, and what hands their messages to functions.

use orders::Queue;
use orders::step::QueueName;
use serde_json::{Value, json};

use crate::template::{Template, named, resource};
use crate::{TEXT, holds};

/// The queues that have a redrive policy, each with its properties and its DLQ's name.
fn sources(template: &Template) -> impl Iterator<Item = (&str, &Value, String)> {
    let sources = template.all("AWS::SQS::Queue").filter(|(_, queue)| !queue["RedrivePolicy"].is_null());
    sources.map(|(name, queue)| (name, queue, resource(&queue["RedrivePolicy"]["deadLetterTargetArn"])))
}

#[test]
fn every_queue_of_the_pipeline_is_there_with_its_dlq() {
    let template = Template::parse(TEXT);
    let mut there: Vec<String> =
        template.all("AWS::SQS::Queue").flat_map(|(_, queue)| named(&queue["QueueName"])).collect();
    let names = Queue::ALL.iter().flat_map(|queue| [QueueName::from(*queue), QueueName::dlq(*queue)]);
    let mut wanted: Vec<String> = names.map(|name| format!("orderflow-${{Stage}}-{name}")).collect();
    there.sort();
    wanted.sort();
    assert_eq!(there, wanted);
}

/// "at least six times the timeout that you configure on your function, plus the value of MaximumBatchingWindowInSeconds":
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
fn visibility(template: &Template) -> Vec<String> {
    let seconds = |value: &Value| value.as_u64().unwrap_or(0);
    let mut found = Vec::new();
    for (bin, function, queue, mapping) in template.mappings() {
        let least = 6 * seconds(&function["Timeout"]) + seconds(&mapping["MaximumBatchingWindowInSeconds"]);
        let visibility = seconds(&template.properties(&queue)["VisibilityTimeout"]);
        if visibility < least {
            found.push(format!("{queue}: {visibility} s, and {bin} needs {least} s"));
        }
    }
    found
}

#[test]
fn a_message_stays_invisible_for_six_time_outs_of_its_function_and_the_window() {
    holds(
        visibility,
        &[
            ("VisibilityTimeout: 180", "VisibilityTimeout: 179"),
            ("\n    Timeout: 30", "\n    Timeout: 31"),
            ("BatchSize: 10", "BatchSize: 10\n            MaximumBatchingWindowInSeconds: 1"),
        ],
    );
}

fn dead_letters_last_longer(template: &Template) -> Vec<String> {
    let retention = |queue: &Value| queue["MessageRetentionPeriod"].as_u64().unwrap_or(345_600);
    sources(template)
        .filter(|(_, queue, dlq)| retention(template.properties(dlq)) <= retention(queue))
        .map(|(name, ..)| name.to_owned())
        .collect()
}

#[test]
fn a_dlq_keeps_its_messages_longer_than_its_queue() {
    let edits = [("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 345600")];
    holds(dead_letters_last_longer, &edits);
}

fn redrive(template: &Template) -> Vec<String> {
    let receives = json!(workers::Settings::default().max_receive_count);
    let mut found = Vec::new();
    for (name, queue, dlq) in sources(template) {
        if queue["RedrivePolicy"]["maxReceiveCount"] != receives {
            found.push(format!("{name}: the workers count to {receives}"));
        }
        let allowed = &template.properties(&dlq)["RedriveAllowPolicy"];
        let own = format!(
            "arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{}",
            named(&queue["QueueName"]).concat()
        );
        if allowed["redrivePermission"] != "byQueue" || named(&allowed["sourceQueueArns"]) != [own] {
            found.push(format!("{dlq}: takes dead letters of others than {name}"));
        }
    }
    if sources(template).count() != Queue::ALL.len() {
        found.push("a queue has no DLQ".to_owned());
    }
    found
}

#[test]
fn a_dlq_takes_the_dead_letters_of_its_own_queue_after_as_many_receives_as_the_workers_count() {
    holds(
        redrive,
        &[
            ("maxReceiveCount: 10", "maxReceiveCount: 3"),
            ("redrivePermission: byQueue", "redrivePermission: allowAll"),
            (":orderflow-${Stage}-orders\n", ":orderflow-${Stage}-emails\n"),
        ],
    );
}

fn encryption(template: &Template) -> Vec<String> {
    let queues = template.all("AWS::SQS::Queue");
    let mut found: Vec<String> =
        queues.filter(|(_, queue)| queue["SqsManagedSseEnabled"] != true).map(|(name, _)| name.to_owned()).collect();
    let plain = json!({ "Bool": { "aws:SecureTransport": "false" } });
    let guarded: Vec<String> = template
        .all("AWS::SQS::QueuePolicy")
        .filter(|(_, policy)| {
            let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
            statements.iter().any(|statement| {
                statement["Effect"] == "Deny"
                    && statement["Principal"] == "*"
                    && statement["Action"] == "sqs:*"
                    && statement["Condition"] == plain
            })
        })
        .flat_map(|(_, policy)| named(&policy["Queues"]))
        .collect();
    found.extend(
        template.all("AWS::SQS::Queue").map(|(name, _)| name.to_owned()).filter(|name| !guarded.contains(name)),
    );
    found
}

#[test]
fn every_queue_is_encrypted_at_rest_and_in_transit() {
    holds(
        encryption,
        &[
            ("SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false"),
            ("        - !Ref PaymentsDlq\n", ""),
            ("aws:SecureTransport: \"false\"", "aws:SecureTransport: \"true\""),
        ],
    );
}
