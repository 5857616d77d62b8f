//! Every listing's cursors: good for their own listing and filter, after a restart and after the row they stand behind is gone; and
//! for nothing else.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::night::Night;

/// Everything that is listed in pages, each with a filter that it has.
fn listings(run: &str) -> Vec<(String, &'static str)> {
    let entries = format!("/ops/runs/{run}/entries");
    [
        ("/orders", "status=confirmed"),
        ("/products", ""),
        ("/mailbox", ""),
        ("/ops/gateway/ledger", ""),
        ("/ops/orders", "customer=c-42"),
        ("/ops/executions", "status=RUNNING"),
        ("/ops/dead-letters/payments", "cause=GatewayUnavailable"),
        ("/ops/runs", ""),
        (entries.as_str(), ""),
        ("/ops/stuck", "age_seconds=1"),
    ]
    .map(|(path, filter)| (path.to_owned(), filter))
    .into()
}

fn items(page: &Value) -> Vec<Value> {
    let items = ["items", "orders", "products", "mails"].iter().find_map(|name| page[name].as_array());
    items.unwrap().clone()
}

async fn post(night: &Night, path: &str, body: &Value) -> Value {
    let request = night.service().client.post(format!("{}{path}", night.service().url)).json(body);
    request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

/// The rest of a listing, one by one.
async fn rest(night: &Night, path: &str, cursor: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), cursor.to_owned());
    loop {
        let page = night.get(&format!("{path}?limit=1&cursor={cursor}")).await;
        found.extend(items(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return found,
        }
    }
}

async fn is_refused(night: &Night, what: &str, path: &str, filter: &str, cursor: &str) {
    let answer = night.service().get(&format!("{path}?{filter}&cursor={cursor}")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}: {what}");
    let problem: Value = answer.json().await.unwrap();
    let fault = &problem["errors"][0];
    assert_eq!(fault["parameter"], "cursor", "{path}: {what}: {problem}");
    assert!(fault["detail"].as_str().unwrap().contains("leave `cursor` out to begin anew"), "{problem}");
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_listing_and_for_nothing_else() {
    let (mut night, _) = Night::after_an_outage(5).await;
    night.post("good", 2).await;
    night.until_quiet().await;
    let letters = items(&night.get("/ops/dead-letters/payments").await);
    let run = post(&night, "/ops/runs", &json!({ "action": "replay", "queue": "payments" })).await;
    let run = run["id"].as_str().unwrap().to_owned();
    let two: Vec<Value> = letters[..2].iter().map(|letter| json!({ "message_id": letter["message_id"] })).collect();
    post(&night, &format!("/ops/runs/{run}/replay"), &json!({ "items": two })).await;
    post(&night, "/ops/runs", &json!({ "action": "purge", "queue": "payments" })).await;
    night.until_quiet().await;

    let mut given = Vec::new();
    for (path, filter) in listings(&run) {
        let page = night.get(&format!("{path}?limit=1")).await;
        let cursor = page["next_cursor"].as_str().unwrap_or_else(|| panic!("{path} has one page")).to_owned();
        given.push((path, filter, cursor));
    }
    for (index, (path, filter, cursor)) in given.iter().enumerate() {
        let (_, _, of_another) = &given[(index + 1) % given.len()];
        let changed = if cursor.starts_with('A') { "B" } else { "A" };
        for (what, wrong) in [
            ("cut by one", cursor[..cursor.len() - 1].to_owned()),
            ("cut at its beginning", cursor[1..].to_owned()),
            ("extended", format!("{cursor}A")),
            ("changed", format!("{changed}{}", &cursor[1..])),
            ("of another listing", of_another.clone()),
            ("made up", "n1".to_owned()),
            ("made up", "a".repeat(cursor.len())),
            ("empty", String::new()),
        ] {
            is_refused(&night, what, path, "", &wrong).await;
        }
        if !filter.is_empty() {
            is_refused(&night, "with another filter", path, filter, cursor).await;
        }
    }

    let mut all = Vec::new();
    for (path, _, _) in &given {
        all.push(items(&night.get(&format!("{path}?limit=100")).await));
    }
    night.stop();
    night.start().await;
    for ((path, _, cursor), all) in given.iter().zip(&all).filter(|((path, ..), _)| path != "/ops/stuck") {
        assert_eq!(rest(&night, path, cursor).await, all[1..], "{path}, from before a restart");
    }
    night.ends();
}

#[tokio::test]
async fn a_cursor_goes_on_from_its_place_when_the_row_before_it_is_gone() {
    let (night, _) = Night::after_an_outage(3).await;
    let first = |path: &'static str| {
        let night = &night;
        async move {
            let all = items(&night.get(path).await);
            let page = night.get(&format!("{path}?limit=1")).await;
            (all, page["next_cursor"].as_str().unwrap().to_owned())
        }
    };
    let (letters, cursor) = first("/ops/dead-letters/payments").await;
    let run = post(&night, "/ops/runs", &json!({ "action": "purge", "queue": "payments" })).await;
    let purge = format!("/ops/runs/{}/purge", run["id"].as_str().unwrap());
    let purged = post(&night, &purge, &json!({ "ids": [letters[0]["message_id"]] })).await;
    assert_eq!(purged[0]["state"], "done", "{purged}");
    assert_eq!(rest(&night, "/ops/dead-letters/payments", &cursor).await, letters[1..]);

    let (products, cursor) = first("/products").await;
    let sku = products[0]["sku"].as_str().unwrap();
    let delete = night.service().client.delete(format!("{}/products/{sku}", night.service().url));
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(rest(&night, "/products", &cursor).await, products[1..]);
    night.ends();
}
