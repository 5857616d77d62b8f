//! `OrderStore`: accepting once, reading back, listing, and the conditional write with its stock.

use orders::order::{Attempt, Order};
use orders::ports::{Acceptance, ListError, OrderFilter, PageRequest, Saved};
use orders::{Currency, Money, Queue, Status, StockChange};

use crate::subject::{Subject, order};

crate::contract!(
    an_order_is_created_once_and_its_message_waits_until_it_has_started,
    an_order_reads_back_as_it_was_accepted,
    an_order_that_would_not_be_accepted_today_is_still_read,
    a_write_is_refused_if_another_came_first,
    stock_moves_with_the_order_or_neither_does,
    what_is_returned_or_settled_of_a_deleted_product_is_nothing,
    orders_are_listed_newest_first_page_by_page,
    a_foreign_cursor_is_refused,
);

fn attempt() -> Attempt {
    Attempt { at: "2026-01-01T00:00:01Z".parse().unwrap(), number: 1 }
}

fn page(limit: u32, cursor: Option<String>) -> PageRequest {
    PageRequest { limit: limit.try_into().unwrap(), cursor }
}

async fn an_order_is_created_once_and_its_message_waits_until_it_has_started(subject: Subject) {
    let first = order("k");
    subject.accepted(&first).await;
    let waiting = subject.waiting(Queue::Orders).await;
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].contains(first.id.as_str()), "{waiting:?}");
    assert!(!waiting[0].contains("ada@example.com"), "personal data in a queue");

    let mut later = order("k");
    later.placed_at = "2026-01-02T00:00:00Z".parse().unwrap();
    assert_eq!(subject.orders.accept(&later).await.unwrap(), Acceptance::Repeated);
    assert_eq!(subject.waiting(Queue::Orders).await.len(), 2, "the first message may have got lost");

    let mut other = order("k");
    other.content.lines[0].quantity = 3;
    assert_eq!(subject.orders.accept(&other).await.unwrap(), Acceptance::KeyReused);

    assert!(subject.orders.keep(&first.id).await.unwrap());
    let input = serde_json::json!({ "order_id": first.id, "trace_id": first.trace_id });
    subject.workflow.start(&first.id, &input).await.unwrap();
    assert_eq!(subject.orders.accept(&first).await.unwrap(), Acceptance::Repeated);
    assert_eq!(subject.waiting(Queue::Orders).await.len(), 2, "it has started");
    assert!(!subject.orders.keep(&order("unknown").id).await.unwrap());
}

async fn an_order_reads_back_as_it_was_accepted(subject: Subject) {
    let placed = order("k");
    assert_eq!(subject.orders.get(&placed.id).await.unwrap(), None);
    subject.accepted(&placed).await;
    assert_eq!(subject.orders.get(&placed.id).await.unwrap(), Some(Order::new(placed)));
}

/// The rules for values are the API's, where they come in; a store keeps what earlier versions took.
async fn an_order_that_would_not_be_accepted_today_is_still_read(subject: Subject) {
    let mut placed = order("k");
    placed.content.customer.email = "a..b@x".into();
    placed.content.customer.name = Some("Ada\u{202e}".into());
    placed.content.currency = Currency::BGN;
    placed.content.lines[0].sku = ".".parse().unwrap();
    subject.accepted(&placed).await;
    assert_eq!(subject.orders.get(&placed.id).await.unwrap(), Some(Order::new(placed)));
    let product = subject.stocked("..", 2).await;
    assert_eq!(subject.catalogue.get(std::slice::from_ref(&product.sku)).await.unwrap(), [product]);
}

async fn a_write_is_refused_if_another_came_first(subject: Subject) {
    let id = subject.accepted(&order("k")).await;
    let read = subject.orders.get(&id).await.unwrap().unwrap();
    let mut cancelled = read.clone();
    cancelled.request_cancel(attempt().at).unwrap();
    assert_eq!(subject.orders.update(&cancelled, &[]).await.unwrap(), Saved::Saved);
    assert_eq!(subject.orders.update(&cancelled, &[]).await.unwrap(), Saved::Conflict);
    let stored = subject.orders.get(&id).await.unwrap().unwrap();
    assert_eq!((stored.version, &stored.progress), (read.version + 1, &cancelled.progress));
    assert_eq!(subject.orders.update(&Order::new(order("unknown")), &[]).await.unwrap(), Saved::Conflict);
}

async fn stock_moves_with_the_order_or_neither_does(subject: Subject) {
    let id = subject.accepted(&order("k")).await;
    let mug = subject.stocked("MUG", 2).await;
    let read = subject.orders.get(&id).await.unwrap().unwrap();
    let mut reserved = read.clone();
    let taken = reserved.reserve(std::slice::from_ref(&mug), attempt());

    // Not enough, another price, or gone: nothing happens at all.
    let take = |quantity, amount, sku: &str| {
        let price = Money::new(amount, Currency::EUR);
        vec![taken[0].clone(), StockChange::Take { sku: sku.parse().unwrap(), quantity, price }]
    };
    subject.stocked("TEA", 1).await;
    for changes in [take(2, 1000, "TEA"), take(1, 999, "TEA"), take(1, 1000, "GONE")] {
        assert_eq!(subject.orders.update(&reserved, &changes).await.unwrap(), Saved::Conflict, "{changes:?}");
        assert_eq!(subject.orders.get(&id).await.unwrap().unwrap(), read);
        assert_eq!(subject.product("MUG").await.unwrap(), mug);
    }

    assert_eq!(subject.orders.update(&reserved, &taken).await.unwrap(), Saved::Saved);
    let now = subject.product("MUG").await.unwrap();
    assert_eq!((now.stock, now.reserved), (0, 2));
    assert!(now.version > mug.version, "an editor must see that the stock moved");

    let mut released = subject.orders.get(&id).await.unwrap().unwrap();
    let returned = released.release(attempt());
    assert_eq!(subject.orders.update(&released, &returned).await.unwrap(), Saved::Saved);
    assert_eq!(subject.orders.update(&released, &returned).await.unwrap(), Saved::Conflict, "only once");
    let now = subject.product("MUG").await.unwrap();
    assert_eq!((now.stock, now.reserved), (2, 0));
}

async fn what_is_returned_or_settled_of_a_deleted_product_is_nothing(subject: Subject) {
    let id = subject.accepted(&order("k")).await;
    let sku = |text: &str| text.parse().unwrap();
    let changes =
        [StockChange::Return { sku: sku("GONE"), quantity: 1 }, StockChange::Settle { sku: sku("LOST"), quantity: 1 }];
    let mut order = subject.orders.get(&id).await.unwrap().unwrap();
    order.request_cancel(attempt().at).unwrap();
    assert_eq!(subject.orders.update(&order, &changes).await.unwrap(), Saved::Saved);
    assert_eq!(subject.product("GONE").await, None);
}

async fn orders_are_listed_newest_first_page_by_page(subject: Subject) {
    let mut ids = Vec::new();
    for index in 0..7 {
        let mut placed = order(&format!("k{index}"));
        placed.content.customer.id = format!("c-{}", index % 2).parse().unwrap();
        placed.placed_at += std::time::Duration::from_secs(index);
        ids.insert(0, subject.accepted(&placed).await);
    }
    let all = async |filter: OrderFilter, limit: u32| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let listed = subject.orders.list(&filter, &page(limit, cursor)).await.unwrap();
            assert!(listed.items.len() <= limit as usize);
            found.extend(listed.items.into_iter().map(|order| order.id().clone()));
            cursor = listed.next;
            if cursor.is_none() {
                return found;
            }
        }
    };
    assert_eq!(all(OrderFilter::default(), 3).await, ids);
    assert_eq!(all(OrderFilter::default(), 7).await, ids);
    let of_one = OrderFilter { customer: Some("c-1".parse().unwrap()), ..OrderFilter::default() };
    assert_eq!(all(of_one, 2).await, [ids[1].clone(), ids[3].clone(), ids[5].clone()]);
    let accepted = OrderFilter { status: Some(Status::Accepted), ..OrderFilter::default() };
    assert_eq!(all(accepted, 2).await, ids);
    let rejected = OrderFilter { status: Some(Status::Rejected), ..OrderFilter::default() };
    assert!(all(rejected, 2).await.is_empty());
    let elsewhere = OrderFilter { storefront: Some("other".parse().unwrap()), ..OrderFilter::default() };
    assert!(all(elsewhere, 2).await.is_empty());
}

async fn a_foreign_cursor_is_refused(subject: Subject) {
    let listed = subject.orders.list(&OrderFilter::default(), &page(1, Some("no cursor".into()))).await;
    assert_eq!(listed, Err(ListError::InvalidCursor));
}
