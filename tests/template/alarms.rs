//! The alarms: that what must wake somebody does, and by the metric that says so.

use std::collections::BTreeSet;

use orders::{Queue, Reason};
use serde_json::json;

use crate::holds;
use crate::template::{Template, named};

/// Namespace, metric, dimension and its value, with the statistic.
type Watched = (String, String, String, String, String);

fn watched(namespace: &str, metric: &str, dimension: &str, value: &str, statistic: &str) -> Watched {
    (namespace.to_owned(), metric.to_owned(), dimension.to_owned(), value.to_owned(), statistic.to_owned())
}

/// Everything that is watched.
///
/// A DLQ's depth is `ApproximateNumberOfMessagesVisible`: `NumberOfMessagesSent` doesn't count what the redrive policy moves there,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
fn needed() -> BTreeSet<Watched> {
    let mut all = BTreeSet::new();
    for queue in Queue::ALL {
        let name = format!("{queue:?}");
        let (queue, dlq) = (format!("{name}Queue.QueueName"), format!("{name}Dlq.QueueName"));
        all.insert(watched("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", &dlq, "Maximum"));
        all.insert(watched("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", &dlq, "Maximum"));
        all.insert(watched("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", &queue, "Maximum"));
    }
    for function in ["Producer", "Dispatch", "Inventory", "Payment", "Email"] {
        let function = format!("{function}Function");
        all.insert(watched("AWS/Lambda", "Errors", "FunctionName", &function, "Sum"));
        all.insert(watched("AWS/Lambda", "Throttles", "FunctionName", &function, "Sum"));
    }
    for metric in ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"] {
        all.insert(watched("AWS/States", metric, "StateMachineArn", "OrderMachine", "Sum"));
    }
    let technical = Reason::TechnicalFailure.name();
    all.insert(watched("Orderflow/${Stage}", "orderflow_orders_rejected_total", "reason", technical, "Sum"));
    all.insert(watched("AWS/ApiGateway", "5xx", "ApiId", "HttpApi", "Sum"));
    all
}

fn watching(template: &Template) -> Vec<String> {
    let there: BTreeSet<Watched> = template
        .all("AWS::CloudWatch::Alarm")
        .map(|(_, alarm)| {
            let text = |name: &str| alarm[name].as_str().unwrap_or_default().to_owned();
            let dimension = &alarm["Dimensions"][0];
            let value = named(&dimension["Value"]).concat();
            let namespace = named(&alarm["Namespace"]).concat();
            (namespace, text("MetricName"), named(&dimension["Name"]).concat(), value, text("Statistic"))
        })
        .collect();
    there.symmetric_difference(&needed()).map(|each| format!("{each:?}")).collect()
}

#[test]
fn every_alarm_watches_the_metric_that_tells() {
    holds(
        watching,
        &[
            ("MetricName: ApproximateNumberOfMessagesVisible", "MetricName: NumberOfMessagesSent"),
            ("- [Producer, Dispatch, Inventory, Payment, Email]", "- [Producer, Dispatch, Inventory, Payment]"),
            ("Value: TechnicalFailure", "Value: OutOfStock"),
            (
                "- [ExecutionsFailed, ExecutionsTimedOut, ExecutionThrottled]",
                "- [ExecutionsFailed, ExecutionThrottled]",
            ),
        ],
    );
}

/// The day after which a step is undone, from the definition.
fn step_timeout() -> u64 {
    let definition: serde_json::Value =
        serde_json::from_str(include_str!("../../statemachine/order.asl.json")).unwrap();
    definition["States"]["ChargePayment"]["TimeoutSeconds"].as_u64().unwrap()
}

fn heard(template: &Template) -> Vec<String> {
    let told = json!({ "Fn::If": ["HasAlarmTarget", [{ "Ref": "AlarmTarget" }], { "Ref": "AWS::NoValue" }] });
    let mut found = Vec::new();
    for (name, alarm) in template.all("AWS::CloudWatch::Alarm") {
        if alarm["AlarmActions"] != told || alarm["OKActions"] != told {
            found.push(format!("{name} tells nobody"));
        }
        // No orders, no data: that is not an alarm, and must not stay one.
        if alarm["TreatMissingData"] != "notBreaching" {
            found.push(format!("{name} rings while nothing happens"));
        }
        let threshold = alarm["Threshold"].as_u64().unwrap_or(u64::MAX);
        let early = match alarm["MetricName"].as_str() {
            Some("ApproximateAgeOfOldestMessage") => threshold <= step_timeout() / 2,
            _ => threshold == 0 && alarm["ComparisonOperator"] == "GreaterThanThreshold",
        };
        if !early {
            found.push(format!("{name} rings too late"));
        }
    }
    found
}

#[test]
fn every_alarm_tells_its_target_and_in_time() {
    holds(
        heard,
        &[
            ("          AlarmActions: !If [HasAlarmTarget, [!Ref AlarmTarget], !Ref AWS::NoValue]\n", ""),
            ("TreatMissingData: notBreaching", "TreatMissingData: breaching"),
            ("Threshold: 43200", "Threshold: 86400"),
        ],
    );
}
