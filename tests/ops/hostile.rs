//! What means harm: expressions that recurse or grow without end. Each is refused with the reason, and the service goes
//! on.

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

#[tokio::test]
async fn a_patch_that_doubles_a_body_stops_at_the_message_limit() {
    let (night, _) = Night::after_an_outage(1).await;
    let patch: Vec<Value> =
        (0..40).map(|number| json!({ "op": "copy", "from": "", "path": format!("/p{number}") })).collect();
    let why = "the body would be larger than a message may be, 1048576 bytes";
    let answer = post(&night, "/ops/dead-letters/payments/dry-run", &json!({ "patch": patch })).await;
    let foretold: Value = answer.error_for_status().unwrap().json().await.unwrap();
    assert_eq!(foretold["would_replay"], 0);
    assert!(foretold["would_refuse"].as_object().unwrap().keys().all(|told| told.contains(why)), "{foretold}");

    std::fs::write(night.path().join("bomb.json"), json!(patch).to_string()).unwrap();
    let (code, told) = night.refuses(&["dlq", "replay", "payments", "--patch", "bomb.json", "--yes"]);
    assert!(code == 3 && told.contains(why), "{code}: {told}");
    let many = vec![json!({ "op": "test", "path": "", "value": 1 }); 101];
    let answer = post(&night, "/ops/dead-letters/payments/dry-run", &json!({ "patch": many })).await;
    assert!(refused(answer, "101 operations").await.contains("100 operations at most"));
    std::fs::write(night.path().join("many.json"), json!(many).to_string()).unwrap();
    let (code, told) = night.refuses(&["dlq", "replay", "payments", "--patch", "many.json"]);
    assert!(code == 1 && told.contains("100 operations at most"), "{code}: {told}");
    assert_eq!(night.get("/ops/status").await["dead_letters"], 1, "it is still there");
    night.ends();
}

async fn post_message(night: &Night, body: &str) -> StatusCode {
    let request = night.service().client.post(format!("{}/ops/queues/payments/messages", night.service().url));
    request.body(body.to_owned()).send().await.unwrap().status()
}
