use super::*;
use crate::fixture::{Pipeline, order};

fn feed() -> (Arc<Feed>, SqliteChanges) {
    let feed = Arc::new(Feed::new(Pipeline::new().clock()));
    (Arc::clone(&feed), SqliteChanges(feed))
}

fn dead(number: usize) -> Change {
    Change::DeadLetter { queue: orders::Queue::Payments, message_id: number.to_string() }
}

fn numbers(news: &News) -> Vec<String> {
    let number = |stamped: &Stamped| match &stamped.change {
        Change::DeadLetter { message_id, .. } => message_id.clone(),
        other => panic!("{other:?}"),
    };
    news.changes.iter().map(number).collect()
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_told_what_changes_and_goes_on_after_the_id_it_names() {
    let (feed, changes) = feed();
    let mut watch = changes.watch(None);
    assert!(watch.news().await.missed, "a new watcher needs a fresh look first");
    feed.push(dead(1));
    feed.push(dead(2));
    feed.wake();
    let news = watch.news().await;
    assert_eq!((numbers(&news), news.missed), (vec!["1".to_owned(), "2".to_owned()], false));

    let first = news.changes[0].id.clone();
    drop(watch);
    feed.push(dead(3));
    let news = changes.watch(Some(&first)).news().await;
    assert_eq!((numbers(&news), news.missed), (vec!["2".to_owned(), "3".to_owned()], false));
    assert!(changes.watch(Some("another-life")).news().await.missed);
}

#[tokio::test(start_paused = true)]
async fn who_is_too_slow_misses_changes_and_is_told_so_and_memory_stays_bounded() {
    let (feed, changes) = feed();
    let mut watch = changes.watch(None);
    watch.news().await;
    for number in 0..REMEMBERED + 5 {
        feed.push(dead(number));
    }
    assert_eq!(feed.ring.lock().changes.len(), REMEMBERED);
    let news = watch.news().await;
    assert!(news.missed);
    assert_eq!((news.changes.len(), numbers(&news)[0].as_str()), (TOLD, "5"));
    assert!(!watch.news().await.missed, "the rest follows without waiting");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_a_minute_after_the_last_watcher_went() {
    let (feed, changes) = feed();
    let mut watch = changes.watch(None);
    watch.news().await;
    feed.push(dead(1));
    feed.wake();
    let id = watch.news().await.changes[0].id.clone();
    drop(watch);
    tokio::time::advance(RETURN + GATHER).await;
    feed.wake();
    assert!(!feed.remembers());
    assert!(changes.watch(Some(&id)).news().await.missed);
}

#[tokio::test]
async fn the_pipeline_tells_of_executions_and_dead_letters() {
    use orders::ports::{OrderStore as _, Outgoing, Queues as _, Workflow as _};
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let mut watch = embedded.changes().watch(None);
    watch.news().await;
    let order = order("k");
    embedded.orders().accept(&order).await.unwrap();
    embedded.workflow().start(&order.id, &serde_json::json!({ "order_id": order.id, "trace_id": "t" })).await.unwrap();
    let body = Outgoing { body: "x".to_owned(), ..Outgoing::default() };
    embedded.queues().send(orders::step::QueueName::dlq(orders::Queue::Emails), body).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        told.extend(watch.news().await.changes.into_iter().map(|stamped| stamped.change));
    }
    let Change::Execution { name, states, .. } = &told[0] else { panic!("{told:?}") };
    assert_eq!((name, states.as_slice()), (&order.id, &["ReserveInventory".to_owned()][..]));
    assert!(matches!(&told[1], Change::DeadLetter { queue: orders::Queue::Emails, .. }), "{told:?}");
}
