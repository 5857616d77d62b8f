//! What means harm: expressions that recurse or grow without end. Each is refused with the reason, and the service goes on.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::night::Night;

async fn post(night: &Night, path: &str, body: &Value) -> Response {
    let request = night.service().client.request(Method::POST, format!("{}{path}", night.service().url));
    request.json(body).send().await.unwrap()
}

/// The refusal, in the service's words.
async fn refused(answer: Response, what: &str) -> String {
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{what}");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn an_expression_that_recurses_or_grows_is_refused_and_harms_nobody() {
    let night = Night::begins().await;
    assert_eq!(post_message(&night, r#"{"poison":1}"#).await, StatusCode::ACCEPTED);
    night.until("dead-lettered", |status| status["dead_letters"] == 1).await;
    for (expression, why) in [
        ("[".repeat(1_990), "100 are allowed"),
        ("!".repeat(1_990), "100 are allowed"),
        (format!("[@,@]{}", "|[@,@][]".repeat(24)), "more than 1000000 steps"),
        ("[1::2147483647]".to_owned(), "a slice's step is at most 1000000"),
        (format!("`{}`", "[".repeat(1_900)), "recursion limit"),
        ("body.step = 'x'".to_owned(), "character 11: '=' is not valid. Did you mean '=='?"),
    ] {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let listing = night.service().get(&format!("/ops/dead-letters/payments?where={encoded}"));
        let told = refused(listing.send().await.unwrap(), &expression).await;
        assert!(told.contains(why), "{expression}: {told}");
        let plan = json!({ "selection": { "where": expression } });
        let told = refused(post(&night, "/ops/dead-letters/payments/dry-run", &plan).await, &expression).await;
        assert!(told.contains(why), "{expression}: {told}");
        let (code, told) = night.refuses(&["dlq", "show", "payments", "--where", &expression]);
        assert!(code == 1 && told.contains(why), "{expression}: {told}");
    }
    let one = night.json(&["dlq", "show", "payments", "--where", "body.poison == `1`"]);
    assert_eq!(one.as_array().unwrap().len(), 1);
    night.ends();
}

async fn post_message(night: &Night, body: &str) -> StatusCode {
    let request = night.service().client.post(format!("{}/ops/queues/payments/messages", night.service().url));
    request.body(body.to_owned()).send().await.unwrap().status()
}
