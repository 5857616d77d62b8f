//! What a function is invoked with, and in what environment.

use std::net::SocketAddr;

/// For each function: an event that it answers without AWS, and one that makes it call AWS.
pub(crate) fn events(function: &str) -> (String, Option<String>) {
    let batch = |step: &str| (EMPTY_BATCH.to_owned(), Some(batch(step)));
    match function {
        "producer" => (get("/health"), Some(get("/products"))),
        "dispatch" => batch("Dispatch"),
        "inventory" => batch("ReserveInventory"),
        "payment" => batch("ChargePayment"),
        "email" => batch("SendConfirmation"),
        _ => ("{}".to_owned(), None),
    }
}

/// What Lambda sets, and what the template does, for all functions alike.
pub(crate) fn environment(address: SocketAddr) -> Vec<(&'static str, String)> {
    let queue = |name: &str| format!("https://sqs.eu-central-1.amazonaws.com/111122223333/{name}");
    let fixed = [
        ("AWS_LAMBDA_FUNCTION_NAME", "cold-start"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "token"),
        ("ORDERS_TABLE", "orders"),
        ("PRODUCTS_TABLE", "products"),
        ("PAYMENTS_TABLE", "payments"),
        ("PAYMENT_GATEWAY", "simulated"),
        ("STATE_MACHINE_ARN", "arn:aws:states:eu-central-1:111122223333:stateMachine:order"),
        ("MAIL_FROM", "orders@example.com"),
    ];
    let mut environment: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).into();
    environment.extend([
        ("AWS_LAMBDA_RUNTIME_API", address.to_string()),
        ("AWS_ENDPOINT_URL", format!("https://{address}")),
        ("ORDERS_QUEUE_URL", queue("orders")),
        ("ORDERS_DLQ_URL", queue("orders-dlq")),
        ("INVENTORY_QUEUE_URL", queue("inventory")),
        ("INVENTORY_DLQ_URL", queue("inventory-dlq")),
        ("PAYMENTS_QUEUE_URL", queue("payments")),
        ("PAYMENTS_DLQ_URL", queue("payments-dlq")),
        ("EMAILS_QUEUE_URL", queue("emails")),
        ("EMAILS_DLQ_URL", queue("emails-dlq")),
    ]);
    environment
}

const EMPTY_BATCH: &str = r#"{"Records":[]}"#;

/// One message that asks for `step`, as SQS hands it over.
fn batch(step: &str) -> String {
    let message = format!(
        r#"{{"step":"{step}","order_id":"ord_01hzy3v7k2m4n6p8q0r2s4t6v8","trace_id":"5bef4de7ad49b0e87f6ef6c87fc2e700",
            "task_token":"AAAAKgAAAAIAAAAA","entered_at":"2100-01-01T00:00:00Z","timeout_seconds":86400}}"#
    );
    let body = message.replace('\n', "").replace('"', r#"\""#);
    format!(
        r#"{{"Records":[{{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEBwJnKyrHigUMZj6rY",
            "body":"{body}","attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"1545082649183",
            "SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"1545082649185"}},
            "messageAttributes":{{}},"md5OfBody":"e4e68fb7bd0e697a0ae8f1bb342846b3","eventSource":"aws:sqs",
            "eventSourceARN":"arn:aws:sqs:eu-central-1:111122223333:{step}","awsRegion":"eu-central-1"}}]}}"#
    )
}

/// A request through the HTTP API, payload format 2.0, with verified claims.
fn get(path: &str) -> String {
    format!(
        r#"{{"version":"2.0","routeKey":"$default","rawPath":"{path}","rawQueryString":"",
            "headers":{{"accept":"application/json","host":"api.example.com","user-agent":"curl/8.5.0"}},
            "requestContext":{{"accountId":"111122223333","apiId":"r3pmxmplak",
            "authorizer":{{"jwt":{{"claims":{{"client_id":"shop","scope":"orderflow/storefront"}},"scopes":null}}}},
            "domainName":"api.example.com","domainPrefix":"api","http":{{"method":"GET","path":"{path}",
            "protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"curl/8.5.0"}},"requestId":"JKJaXmPLvHcESHA=",
            "routeKey":"$default","stage":"$default","time":"10/Mar/2026:05:16:23 +0000","timeEpoch":1773119783636}},
            "isBase64Encoded":false}}"#
    )
}
