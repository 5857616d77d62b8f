//! What the roles allow against what the code calls: all of it, and no more.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::holds;
use crate::template::{Template, named};

/// An action on a resource.
type Grant = (String, String);

/// What is called on a resource.
type Call<'a> = (&'a str, &'a [&'a str]);

/// What IAM can't scope to a resource: the Service Authorization Reference names no resource type for these.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_stepfunctions.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html>
const UNSCOPED: [&str; 14] = [
    "states:SendTaskSuccess",
    "states:SendTaskFailure",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
];

const IDENTITY: &str = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/${MailIdentity}";
const MAIL_SETTINGS: &str =
    "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:configuration-set/${MailSettings}";

/// What every function's runtime does for it: logs and traces.
const RUNTIME: [Call; 1] = [("*", &["xray:PutTraceSegments", "xray:PutTelemetryRecords"])];

/// What every worker does besides its work: it answers tasks.
const WORKER: [Call; 1] = [("*", &["states:SendTaskSuccess", "states:SendTaskFailure"])];

/// What the event source mapping and the batch core do with a worker's own queue.
const CONSUMER: [&str; 4] =
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"];

/// What each role's holder calls (`infra/aws/src`), with the worker's queue. A transaction needs the actions of its parts.
#[rustfmt::skip]
const CALLS: [(&str, Option<&str>, &[Call]); 6] = [
    ("Producer", None, &[
        ("OrdersTable.Arn", &["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]),
        ("${OrdersTable.Arn}/index/by_month", &["dynamodb:Query"]),
        ("${OrdersTable.Arn}/index/by_customer", &["dynamodb:Query"]),
        ("ProductsTable.Arn", &["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]),
        ("${ProductsTable.Arn}/index/by_sku", &["dynamodb:Query"]),
        ("OrdersQueue.Arn", &["sqs:SendMessage"]),
    ]),
    ("Dispatch", Some("Orders"), &[
        ("OrdersTable.Arn", &["dynamodb:GetItem", "dynamodb:UpdateItem"]),
        ("ProductsTable.Arn", &["dynamodb:UpdateItem"]),
        ("OrderMachine", &["states:StartExecution"]),
        ("OrderMachineAlias", &["states:StartExecution"]),
    ]),
    ("Inventory", Some("Inventory"), &[
        ("OrdersTable.Arn", &["dynamodb:GetItem", "dynamodb:UpdateItem"]),
        ("ProductsTable.Arn", &["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]),
    ]),
    ("Payment", Some("Payments"), &[
        ("OrdersTable.Arn", &["dynamodb:GetItem", "dynamodb:UpdateItem"]),
        ("PaymentsTable.Arn", &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]),
        ("StripeSecretArn", &["secretsmanager:GetSecretValue"]),
    ]),
    ("Email", Some("Emails"), &[
        ("OrdersTable.Arn", &["dynamodb:GetItem", "dynamodb:UpdateItem"]),
        ("ProductsTable.Arn", &["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]),
        (IDENTITY, &["ses:SendEmail"]),
        (MAIL_SETTINGS, &["ses:SendEmail"]),
    ]),
    // Step Functions itself: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html and .../concepts-xray-tracing.html
    ("OrderMachine", None, &[
        ("OrdersQueue.Arn", &["sqs:SendMessage"]),
        ("InventoryQueue.Arn", &["sqs:SendMessage"]),
        ("PaymentsQueue.Arn", &["sqs:SendMessage"]),
        ("EmailsQueue.Arn", &["sqs:SendMessage"]),
        ("*", &["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]),
        ("*", &["logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"]),
        ("*", &["logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"]),
    ]),
];

fn called(name: &str, queue: Option<&str>, own: &[Call]) -> BTreeSet<Grant> {
    let grants = |calls: &[Call]| -> Vec<Grant> {
        let each = |(on, actions): &Call| -> Vec<Grant> {
            actions.iter().map(|action| ((*action).to_owned(), (*on).to_owned())).collect()
        };
        calls.iter().flat_map(each).collect()
    };
    let mut all = grants(own);
    if name != "OrderMachine" {
        all.extend(grants(&RUNTIME));
        all.extend(grants(&[(&format!("{name}Logs.Arn"), &["logs:CreateLogStream", "logs:PutLogEvents"])]));
    }
    if let Some(queue) = queue {
        all.extend(grants(&WORKER));
        all.extend(grants(&[
            (&format!("{queue}Queue.Arn"), &CONSUMER),
            (&format!("{queue}Dlq.Arn"), &["sqs:SendMessage"]),
        ]));
    }
    all.into_iter().collect()
}

/// What a role allows, on either side of every condition.
fn allowed(role: &Value) -> BTreeSet<Grant> {
    fn statements(value: &Value) -> Vec<&Value> {
        match value.get("Fn::If") {
            Some(branches) => [&branches[1], &branches[2]].into_iter().flat_map(statements).collect(),
            None => vec![value],
        }
    }
    let policies = role["Policies"].as_array().unwrap().iter();
    policies
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap())
        .flat_map(statements)
        .inspect(|statement| assert_eq!(statement["Effect"], "Allow", "no role denies anything"))
        .flat_map(|statement| {
            let resources = named(&statement["Resource"]);
            named(&statement["Action"])
                .into_iter()
                .flat_map(move |action| resources.clone().into_iter().map(move |resource| (action.clone(), resource)))
        })
        .collect()
}

fn least_privilege(template: &Template) -> Vec<String> {
    let mut found = Vec::new();
    for (name, queue, own) in CALLS {
        let (called, allowed) = (called(name, queue, own), allowed(template.properties(&format!("{name}Role"))));
        found.extend(called.difference(&allowed).map(|(action, on)| format!("{name} calls {action} on {on}")));
        found.extend(allowed.difference(&called).map(|(action, on)| format!("{name} never calls {action} on {on}")));
    }
    if template.all("AWS::IAM::Role").count() != CALLS.len() {
        found.push("there are roles that this test doesn't know".to_owned());
    }
    for (bin, function) in template.functions() {
        if !named(&function["Role"]).concat().to_lowercase().starts_with(&format!("{bin}role.")) {
            found.push(format!("{bin} has another's role"));
        }
        if !function["Policies"].is_null() {
            found.push(format!("{bin} has policies besides its role's"));
        }
    }
    for (name, role) in template.all("AWS::IAM::Role") {
        if !role["ManagedPolicyArns"].is_null() {
            found.push(format!("{name} has a managed policy, which allows more than it calls"));
        }
    }
    found
}

#[test]
fn a_role_allows_what_its_function_calls_and_no_more() {
    holds(
        least_privilege,
        &[
            ("Action: [dynamodb:BatchGetItem, dynamodb:UpdateItem]", "Action: [dynamodb:UpdateItem]"),
            ("Action: [states:StartExecution]", "Action: [states:StartExecution, states:StopExecution]"),
            ("index/by_customer", "index/by_status"),
            ("Action: ses:SendEmail", "Action: ses:SendRawEmail"),
            ("Role: !GetAtt EmailRole.Arn", "Role: !GetAtt PaymentRole.Arn"),
            (
                "      Policies:\n",
                "      ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]\n      Policies:\n",
            ),
        ],
    );
}

fn wildcards(template: &Template) -> Vec<String> {
    let grants = template.all("AWS::IAM::Role").flat_map(|(name, role)| {
        allowed(role).into_iter().map(move |(action, resource)| (name.to_owned(), action, resource))
    });
    let wide =
        |action: &str, on: &str| action.contains('*') || on.contains('*') && !(on == "*" && UNSCOPED.contains(&action));
    grants
        .filter(|(_, action, on)| wide(action, on))
        .map(|(name, action, on)| format!("{name}: {action} on {on}"))
        .collect()
}

#[test]
fn nothing_is_allowed_by_a_wildcard_unless_iam_can_do_no_better() {
    holds(
        wildcards,
        &[
            ("Action: ses:SendEmail", "Action: ses:*"),
            (
                "Action: [sqs:SendMessage], Resource: !GetAtt OrdersQueue.Arn",
                "Action: [sqs:SendMessage], Resource: \"*\"",
            ),
            ("index/by_month", "index/*"),
        ],
    );
}
