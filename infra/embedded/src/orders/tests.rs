//! What is SQLite's own here; the contract of the port is tested for all adapters in the root package.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use orders::ports::{Acceptance, Catalogue as _, OrderFilter, OrderStore as _, PageRequest, Saved, Workflow as _};
use orders::{Currency, Money, Queue, Status, StockChange};
use rusqlite::Connection;
use serde_json::json;
use workers::{BatchCore, DispatchWorker, EmailWorker, InventoryWorker, PaymentWorker, Settings, Worker};

use crate::db::Verdict;
use crate::fixture::{DEFINITION, Pipeline, SECOND, order, tea};
use crate::{Embedded, Function};

#[tokio::test]
async fn accepting_sends_again_until_the_execution_has_started() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let store = embedded.orders();
    let new = order("k");
    assert_eq!(store.accept(&new).await, Ok(Acceptance::Created));
    assert_eq!(store.accept(&new).await, Ok(Acceptance::Repeated));
    assert_eq!(embedded.queues().depth(Queue::Orders.into()).visible, 2);
    let mut other = new.clone();
    other.content.payment_method = "pm_card_amex".to_owned();
    assert_eq!(store.accept(&other).await, Ok(Acceptance::KeyReused));
    embedded.workflow().start(&new.id, &json!({ "order_id": new.id, "trace_id": new.trace_id })).await.unwrap();
    assert_eq!(store.accept(&new).await, Ok(Acceptance::Repeated));
    assert_eq!(embedded.queues().depth(Queue::Orders.into()).visible, 2);
}

#[tokio::test]
async fn an_order_and_its_message_are_accepted_together_or_not_at_all() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON messages BEGIN SELECT RAISE (ABORT, 'injected'); END";
    embedded.db().write(move |connection| connection.execute_batch(broken).map(Verdict::Keep)).await.unwrap();
    let new = order("k");
    assert!(embedded.orders().accept(&new).await.is_err());
    assert_eq!(embedded.orders().get(&new.id).await, Ok(None));
    assert_eq!(embedded.orders().keep(&new.id).await, Ok(false));
    assert_eq!(embedded.backlog(), 0);
}

#[tokio::test]
async fn a_take_that_cannot_be_made_leaves_order_and_stock_alone() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    embedded.catalogue().create(&tea(3)).await.unwrap();
    let new = order("k");
    embedded.orders().accept(&new).await.unwrap();
    let read = embedded.orders().get(&new.id).await.unwrap().unwrap();
    let take = |quantity, amount| StockChange::Take {
        sku: "TEA-1".parse().unwrap(),
        quantity,
        price: Money::new(amount, Currency::EUR),
    };
    for stock in [vec![take(2, 1299), take(2, 1299)], vec![take(1, 1300)], vec![take(4, 1299)]] {
        assert_eq!(embedded.orders().update(&read, &stock).await, Ok(Saved::Conflict));
        assert_eq!(embedded.orders().get(&new.id).await.unwrap().unwrap(), read);
        assert_eq!(embedded.catalogue().get(&["TEA-1".parse().unwrap()]).await.unwrap()[0].stock, 3);
    }
    assert_eq!(embedded.orders().update(&read, &[take(3, 1299)]).await, Ok(Saved::Saved));
    assert_eq!(embedded.orders().update(&read, &[]).await, Ok(Saved::Conflict), "the version has moved on");
    let product = &embedded.catalogue().get(&["TEA-1".parse().unwrap()]).await.unwrap()[0];
    assert_eq!((product.stock, product.reserved), (0, 3));
}

#[tokio::test]
async fn listings_walk_newest_first_with_any_filter() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let store = embedded.orders();
    for number in 0..12 {
        let mut new = order(&format!("k{number}"));
        new.content.customer.id = format!("c-{}", number % 3).parse().unwrap();
        store.accept(&new).await.unwrap();
        if number % 4 == 0 {
            let mut read = store.get(&new.id).await.unwrap().unwrap();
            read.progress.status = Status::Rejected;
            store.update(&read, &[]).await.unwrap();
        }
    }
    // Far from each other, as with many others between them: in five parts of the customers' index.
    let spread = |connection: &Connection| connection.execute("UPDATE orders SET seq = seq * 6000", []);
    embedded.db().write(move |connection| spread(connection).map(Verdict::Keep)).await.unwrap();
    for (customer, status, expected) in [
        (None, None, (0..12).rev().collect::<Vec<_>>()),
        (Some("c-1"), None, vec![10, 7, 4, 1]),
        (None, Some(Status::Rejected), vec![8, 4, 0]),
        (Some("c-1"), Some(Status::Rejected), vec![4]),
        (None, Some(Status::Accepted), vec![11, 10, 9, 7, 6, 5, 3, 2, 1]),
    ] {
        let customer = customer.map(|customer| customer.parse().unwrap());
        let filter = OrderFilter { storefront: Some("shop".parse().unwrap()), status, customer };
        let mut page = PageRequest { limit: 2.try_into().unwrap(), cursor: None };
        let mut listed = Vec::new();
        loop {
            let answer = store.list(&filter, &page).await.unwrap();
            assert!(answer.items.len() <= 2);
            listed.extend(answer.items.into_iter().map(|order| order.placed.id));
            page.cursor = answer.next;
            if page.cursor.is_none() {
                break;
            }
        }
        let expected: Vec<_> = expected.iter().map(|number| order(&format!("k{number}")).id).collect();
        assert_eq!(listed, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn the_indexes_of_a_listing_are_used() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let plan = |sql: &str| -> String {
        let explained = format!("EXPLAIN QUERY PLAN {sql}");
        embedded.db().read(|connection| connection.query_row(&explained, [], |row| row.get(3))).unwrap()
    };
    let rejected =
        plan("SELECT * FROM orders WHERE seq < 9 AND status = 'rejected' AND NULL IS NULL ORDER BY seq DESC");
    assert!(rejected.contains("orders_rejected"), "{rejected}");
    let customer = plan("SELECT * FROM orders WHERE seq < 9 AND seq >> 14 = 0 AND customer_id = 'c' ORDER BY seq DESC");
    assert!(customer.contains("orders_by_customer (<expr>=? AND customer_id=? AND rowid<?)"), "{customer}");
    let failed =
        plan("SELECT * FROM executions WHERE seq < 9 AND status NOT IN ('RUNNING', 'SUCCEEDED') ORDER BY seq DESC");
    assert!(failed.contains("executions_unsuccessful"), "{failed}");
}

/// The real workers behind the triggers.
fn functions(embedded: &Embedded) -> BTreeMap<Queue, Function> {
    let (orders, catalogue, workflow) = (embedded.orders(), embedded.catalogue(), embedded.workflow());
    let clock = Arc::new(orders::ports::SystemClock);
    let core = Arc::new(BatchCore::new(embedded.queues(), workflow.clone(), clock, Settings::default()));
    let dispatch = DispatchWorker { orders: orders.clone(), workflow };
    let inventory = InventoryWorker { orders: orders.clone(), catalogue: catalogue.clone() };
    let payment = PaymentWorker { orders: orders.clone(), gateway: embedded.gateway() };
    let email = EmailWorker { orders, catalogue, mailer: embedded.mailbox() };
    BTreeMap::from([
        function(&core, dispatch),
        function(&core, inventory),
        function(&core, payment),
        function(&core, email),
    ])
}

fn function<W: Worker + 'static>(core: &Arc<BatchCore>, worker: W) -> (Queue, Function) {
    let (core, worker) = (Arc::clone(core), Arc::new(worker));
    let function: Function = Arc::new(move |event, deadline| {
        let (core, worker) = (Arc::clone(&core), Arc::clone(&worker));
        Box::pin(async move { Ok(core.run(&*worker, event, deadline).await?) })
    });
    (W::QUEUE, function)
}

/// Row writes so far, and the bytes of all rows outside the simulators.
async fn measured(embedded: &Embedded) -> (i64, i64) {
    let count = |connection: &Connection| {
        let writes = connection.query_row("SELECT total_changes()", [], |row| row.get(0))?;
        let bytes = connection.query_row(
            "SELECT (SELECT coalesce(sum(length(placed) + length(progress) + length(id) * 2 + 100), 0) FROM orders)
                  + (SELECT coalesce(sum(length(snapshot) + 60), 0) FROM executions)
                  + (SELECT coalesce(sum(length(events) + 10), 0) FROM history)
                  + (SELECT coalesce(sum(length(body)), 0) FROM messages)",
            [],
            |row| row.get(0),
        )?;
        Ok(Verdict::Keep((writes, bytes)))
    };
    embedded.db().write(count).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_happy_order_stays_within_its_budget() {
    const ORDERS: i64 = 20;
    let pipeline = Pipeline::new();
    let clock = Arc::new(orders::ports::SystemClock);
    let embedded = Embedded::open_with(pipeline.config.clone(), DEFINITION, clock).unwrap();
    embedded.catalogue().create(&tea(1000)).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (running, functions) = (embedded.clone(), functions(&embedded));
    let run = tokio::spawn(async move { running.run(functions, async { drop(stopped.await) }).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let before = measured(&embedded).await;
    for number in 0..ORDERS {
        let mut new = order(&format!("k{number}"));
        new.placed_at = jiff::Timestamp::now();
        embedded.orders().accept(&new).await.unwrap();
        let begun = std::time::Instant::now();
        let confirmed = || async {
            let read = embedded.orders().get(&new.id).await.unwrap().unwrap();
            read.progress.status == Status::Confirmed && embedded.backlog() == 0
        };
        while !confirmed().await {
            assert!(begun.elapsed() < SECOND * 20, "{:?}", embedded.orders().get(&new.id).await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let after = measured(&embedded).await;
    stop.send(()).unwrap();
    run.await.unwrap();
    assert_eq!(embedded.workflow().timers(), 0);
    // Per order the simulators write: payment, key; payment, ledger, key; mail.
    const SIMULATORS: i64 = 6;
    let (writes, bytes) = ((after.0 - before.0) / ORDERS - SIMULATORS, (after.1 - before.1) / ORDERS);
    println!("{writes} row writes and {bytes} bytes an order");
    assert!(writes <= 25, "{writes} row writes");
    assert!(bytes <= 8 * 1024, "{bytes} bytes");
}
