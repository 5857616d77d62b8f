//! DynamoDB: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>, "Errors" and
//! "Cancellation reasons"; `UnprocessedKeys` of `BatchGetItem`.

use std::sync::Arc;

use orderflow_aws::stock::Tables;
use orderflow_aws::{DynamoCatalogue, DynamoCursorKey, DynamoOrders, SqsQueues};
use orders::order::Content;
use orders::ports::{Catalogue, OrderStore, Saved, SystemClock, Unavailable};
use orders::{Currency, Customer, Line, Money, NewOrder, Order, OrderId, Sku, StockChange, Storefront};
use producer::cursor::CursorKey;
use serde_json::{Value, json};

use crate::wire::{Answer, Wire, error, ok};

fn order() -> Order {
    let storefront: Storefront = "shop".parse().unwrap();
    Order::new(NewOrder {
        id: OrderId::derive(&storefront, &"k".parse().unwrap()),
        storefront,
        placed_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        trace_id: "ab".repeat(16).parse().unwrap(),
        content: Content {
            customer: Customer { id: "c-1".parse().unwrap(), email: "ada@example.com".into(), name: None },
            lines: vec![Line { sku: sku("MUG"), quantity: 2 }],
            currency: Currency::EUR,
            payment_method: "pm_card_visa".into(),
            shipping_address: None,
            expected_total: None,
            metadata: Default::default(),
        },
    })
}

fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

fn take() -> StockChange {
    StockChange::Take { sku: sku("MUG"), quantity: 2, price: Money::new(1000, Currency::EUR) }
}

fn settle() -> StockChange {
    StockChange::Settle { sku: sku("MUG"), quantity: 2 }
}

/// A transaction that was cancelled for these reasons, by position.
fn cancelled(codes: &[&str]) -> Answer {
    let reasons: Vec<Value> = codes.iter().map(|code| json!({ "Code": code })).collect();
    error("TransactionCanceledException", json!({ "Message": "Transaction cancelled", "CancellationReasons": reasons }))
}

async fn written(answers: Vec<Answer>, changes: &[StockChange]) -> (Result<Saved, Unavailable>, Wire) {
    let wire = Wire::new(answers);
    let clients = wire.clients().await;
    let tables = Tables { orders: "orders".into(), products: "products".into() };
    let queues = Arc::new(SqsQueues::new(clients.sqs(), []));
    let store = DynamoOrders::new(clients.dynamodb(), tables, queues, Arc::new(SystemClock));
    (store.update(&order(), changes).await, wire)
}

#[tokio::test]
async fn a_condition_that_failed_at_the_order_or_at_what_it_takes_is_a_conflict() {
    for codes in [["ConditionalCheckFailed", "None"], ["None", "ConditionalCheckFailed"]] {
        let (saved, wire) = written(vec![cancelled(&codes)], &[take()]).await;
        assert_eq!(saved, Ok(Saved::Conflict), "{codes:?}");
        assert_eq!(wire.sent().len(), 1);
    }
}

#[tokio::test]
async fn what_goes_back_to_a_product_that_is_gone_is_left_out() {
    let answers = vec![cancelled(&["None", "ConditionalCheckFailed"]), ok(json!({}))];
    let (saved, wire) = written(answers, &[settle()]).await;
    assert_eq!(saved, Ok(Saved::Saved));
    let items = |index: usize| wire.sent()[index]["TransactItems"].as_array().unwrap().len();
    assert_eq!((items(0), items(1)), (2, 1));
}

#[tokio::test]
async fn an_order_that_changed_is_a_conflict_whatever_became_of_the_product() {
    let codes = ["ConditionalCheckFailed", "ConditionalCheckFailed"];
    assert_eq!(written(vec![cancelled(&codes)], &[settle()]).await.0, Ok(Saved::Conflict));
}

#[tokio::test(start_paused = true)]
async fn another_transaction_on_the_same_product_is_waited_for_a_few_times() {
    let contended = cancelled(&["None", "TransactionConflict"]);
    let (saved, wire) = written(vec![contended.clone(), contended.clone(), ok(json!({}))], &[take()]).await;
    assert_eq!((saved, wire.sent().len()), (Ok(Saved::Saved), 3));
    let (saved, wire) = written(vec![contended], &[take()]).await;
    assert!(saved.is_err(), "{saved:?}");
    assert_eq!(wire.sent().len(), 6);
}

#[tokio::test]
async fn a_throttled_or_broken_transaction_is_tried_again_later() {
    for code in ["ThrottlingError", "ProvisionedThroughputExceeded", "ItemCollectionSizeLimitExceeded"] {
        let (saved, _) = written(vec![cancelled(&["None", code])], &[take()]).await;
        assert_eq!(saved, Err(Unavailable::new("Store", code)));
    }
    for code in ["TransactionInProgressException", "InternalServerError", "ThrottlingException"] {
        assert!(written(vec![error(code, json!({ "message": "…" }))], &[take()]).await.0.is_err(), "{code}");
    }
}

#[tokio::test]
async fn a_conditional_write_names_the_version_that_was_read() {
    let (saved, wire) = written(vec![ok(json!({}))], &[]).await;
    assert_eq!(saved, Ok(Saved::Saved));
    let sent = &wire.sent()[0];
    assert_eq!(sent["ConditionExpression"], "version = :version");
    assert_eq!(sent["ExpressionAttributeValues"][":version"]["N"], "1");
    assert_eq!(sent["ExpressionAttributeValues"][":next"]["N"], "2");
    let refused = error("ConditionalCheckFailedException", json!({ "message": "The conditional request failed" }));
    assert_eq!(written(vec![refused], &[]).await.0, Ok(Saved::Conflict));
}

#[tokio::test]
async fn keys_that_an_answer_left_out_are_asked_for_again() {
    let product = |sku: &str| {
        json!({ "sku": { "S": sku }, "name": { "S": sku }, "price": { "N": "1000" }, "currency": { "S": "EUR" },
            "stock": { "N": "5" }, "reserved": { "N": "0" }, "version": { "N": "1" } })
    };
    let left = json!({ "products": { "Keys": [{ "sku": { "S": "TEA" } }], "ConsistentRead": true } });
    let wire = Wire::new([
        ok(json!({ "Responses": { "products": [product("MUG")] }, "UnprocessedKeys": left })),
        ok(json!({ "Responses": { "products": [product("TEA")] }, "UnprocessedKeys": {} })),
    ]);
    let catalogue = DynamoCatalogue::new(wire.clients().await.dynamodb(), "products");
    let found = catalogue.get(&[sku("MUG"), sku("TEA"), sku("MUG")]).await.unwrap();
    let skus: Vec<_> = found.iter().map(|product| product.sku.as_str()).collect();
    assert_eq!(skus, ["MUG", "TEA"]);
    let keys = |index: usize| wire.sent()[index]["RequestItems"]["products"]["Keys"].as_array().unwrap().len();
    assert_eq!((keys(0), keys(1)), (2, 1));
    assert_eq!(wire.sent()[0]["RequestItems"]["products"]["ConsistentRead"], true);
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html>, "if_not_exists".
#[tokio::test]
async fn the_key_of_cursors_is_the_one_that_is_there_and_asked_for_once() {
    let there = json!({ "Attributes": { "cursor_key": { "B": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=" } } });
    let wire = Wire::new([ok(there)]);
    let key = DynamoCursorKey::new(wire.clients().await.dynamodb(), "orders");
    assert_eq!((key.cursor_key().await, key.cursor_key().await), (Ok([7; 32]), Ok([7; 32])));
    let sent = wire.sent();
    assert_eq!(sent.len(), 1, "once for a process");
    assert_eq!(sent[0]["UpdateExpression"], "SET cursor_key = if_not_exists(cursor_key, :fresh)");
    assert_eq!(sent[0]["ReturnValues"], "ALL_NEW");
}
