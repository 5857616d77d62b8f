use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use orders::Queue;
use orders::ports::{Outgoing, Queues as _, SystemClock};
use orders::step::QueueName;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Function;
use crate::fixture::{DEFINITION, Pipeline};
use crate::{Embedded, Trigger, Triggers};

const QUEUE: Queue = Queue::Inventory;
type Answer = Result<SqsBatchResponse, Box<dyn std::error::Error + Send + Sync>>;

/// A running pipeline with one function, and what that was called with.
struct Running {
    embedded: Embedded,
    calls: Arc<Mutex<Vec<SqsEvent>>>,
    stop: oneshot::Sender<()>,
    run: JoinHandle<()>,
    _pipeline: Pipeline,
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn open(trigger: Trigger, max_receive_count: u32) -> (Pipeline, Embedded) {
    let mut pipeline = Pipeline::new();
    pipeline.config.triggers = Triggers::all(trigger);
    pipeline.config.max_receive_count = max_receive_count;
    let embedded = Embedded::open_with(pipeline.config.clone(), DEFINITION, Arc::new(SystemClock)).unwrap();
    (pipeline, embedded)
}

impl Running {
    async fn start<F, A>(trigger: Trigger, function: F) -> Self
    where
        F: Fn(SqsEvent, Embedded) -> A + Send + Sync + 'static,
        A: Future<Output = Answer> + Send + 'static,
    {
        let (pipeline, embedded) = open(trigger, 10);
        Self::run(pipeline, embedded, function).await
    }

    async fn run<F, A>(pipeline: Pipeline, embedded: Embedded, function: F) -> Self
    where
        F: Fn(SqsEvent, Embedded) -> A + Send + Sync + 'static,
        A: Future<Output = Answer> + Send + 'static,
    {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (called, inside) = (Arc::clone(&calls), embedded.clone());
        let function: Function = Arc::new(move |event, _| {
            called.lock().push(event.clone());
            Box::pin(function(event, inside.clone()))
        });
        let (stop, stopped) = oneshot::channel();
        let running = embedded.clone();
        let run = tokio::spawn(async move {
            running.run(BTreeMap::from([(QUEUE, function)]), async { drop(stopped.await) }).await;
        });
        // So that what is sent now finds the trigger at its place.
        tokio::time::sleep(millis(50)).await;
        Self { embedded, calls, stop, run, _pipeline: pipeline }
    }

    async fn send(&self, body: &str) {
        send(&self.embedded, body).await;
    }

    /// Waits until the function was called so often.
    async fn called(&self, times: usize) {
        until(|| self.calls.lock().len() >= times).await;
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.run.await.unwrap();
    }

    fn receive_counts(&self) -> Vec<String> {
        let calls = self.calls.lock();
        let records = calls.iter().flat_map(|event| &event.records);
        records.map(|record| record.attributes["ApproximateReceiveCount"].clone()).collect()
    }
}

async fn send(embedded: &Embedded, body: &str) {
    embedded.queues().send(QUEUE.into(), Outgoing { body: body.to_owned(), ..Outgoing::default() }).await.unwrap();
}

async fn until(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited).await.expect("it does not happen");
}

fn quick() -> Trigger {
    Trigger { visibility_timeout: millis(300), function_timeout: millis(100), ..Trigger::default() }
}

async fn fine(_: SqsEvent, _: Embedded) -> Answer {
    Ok(SqsBatchResponse::default())
}

#[tokio::test]
async fn a_record_looks_as_lambda_delivers_it() {
    let running = Running::start(quick(), fine).await;
    let attributes = [("replay".to_owned(), "{}".to_owned())].into();
    let message = Outgoing { body: "hello".to_owned(), attributes, ..Outgoing::default() };
    running.embedded.queues().send(QUEUE.into(), message).await.unwrap();
    running.called(1).await;
    let record = running.calls.lock()[0].records[0].clone();
    assert_eq!(record.body.as_deref(), Some("hello"));
    assert_eq!(record.md5_of_body.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
    assert_eq!(record.event_source_arn.as_deref(), Some("arn:aws:sqs:embedded:000000000000:inventory"));
    assert_eq!(record.event_source.as_deref(), Some("aws:sqs"));
    assert_eq!(record.message_attributes["replay"].string_value.as_deref(), Some("{}"));
    assert_eq!(record.message_attributes["replay"].data_type.as_deref(), Some("String"));
    for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        assert!(record.attributes[name].parse::<i64>().unwrap() > 1_700_000_000_000, "{name}");
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_handed_over_leased_was_received_once_and_costs_two_row_writes() {
    let running = Running::start(quick(), fine).await;
    let changes = |embedded: &Embedded| {
        let db = embedded.db().clone();
        async move {
            let count = |connection: &rusqlite::Connection| {
                connection
                    .query_row("SELECT total_changes()", [], |row| row.get::<_, i64>(0))
                    .map(crate::db::Verdict::Keep)
            };
            db.write(count).await.unwrap()
        }
    };
    let before = changes(&running.embedded).await;
    running.send("x").await;
    until(|| running.embedded.backlog() == 0).await;
    assert_eq!(running.receive_counts(), ["1"]);
    assert_eq!(changes(&running.embedded).await - before, 2, "insert and delete");
    running.stop().await;
}

#[tokio::test]
async fn only_what_failed_of_a_batch_comes_again() {
    let trigger = Trigger { window: millis(100), ..quick() };
    let running = Running::start(trigger, |event: SqsEvent, _| async move {
        let mut response = SqsBatchResponse::default();
        for record in event.records.iter().filter(|record| record.body.as_deref() == Some("bad")) {
            if record.attributes["ApproximateReceiveCount"] == "1" {
                response.add_failure(record.message_id.clone().unwrap());
            }
        }
        Ok(response)
    })
    .await;
    for body in ["good", "bad", "good"] {
        running.send(body).await;
    }
    running.called(2).await;
    until(|| running.embedded.backlog() == 0).await;
    assert_eq!(running.receive_counts(), ["1", "1", "1", "2"]);
    running.stop().await;
}

#[tokio::test]
async fn naming_a_record_that_is_not_in_the_batch_fails_it_all() {
    for wrong in ["", "0123456789abcdef"] {
        let trigger = Trigger { window: millis(50), ..quick() };
        let running = Running::start(trigger, move |event: SqsEvent, _| async move {
            let mut response = SqsBatchResponse::default();
            if event.records[0].attributes["ApproximateReceiveCount"] == "1" {
                response.add_failure(wrong);
            }
            Ok(response)
        })
        .await;
        running.send("a").await;
        running.send("b").await;
        until(|| running.embedded.backlog() == 0).await;
        assert_eq!(running.receive_counts(), ["1", "1", "2", "2"], "{wrong:?}");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_function_that_fails_panics_or_hangs_has_failed_its_batch() {
    for fault in ["error", "panic", "hang"] {
        let first = Arc::new(AtomicUsize::new(0));
        let running = Running::start(quick(), move |_, _| {
            let first = first.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                match fault {
                    _ if !first => Ok(SqsBatchResponse::default()),
                    "error" => Err("broken".into()),
                    "panic" => panic!("a bug"),
                    _ => std::future::pending().await,
                }
            }
        })
        .await;
        let sent = std::time::Instant::now();
        running.send("x").await;
        until(|| running.embedded.backlog() == 0).await;
        assert_eq!(running.receive_counts(), ["1", "2"], "{fault}");
        assert!(sent.elapsed() >= millis(290), "it was invisible until its time-out");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_visibility_that_the_function_changed_stands() {
    let trigger = Trigger { visibility_timeout: Duration::from_secs(600), ..quick() };
    let running = Running::start(trigger, |event: SqsEvent, embedded: Embedded| async move {
        let record = &event.records[0];
        let mut response = SqsBatchResponse::default();
        if record.attributes["ApproximateReceiveCount"] == "1" {
            let handle = record.receipt_handle.as_deref().unwrap();
            embedded.queues().change_visibility(QUEUE, handle, Duration::ZERO).await.unwrap();
            response.add_failure(record.message_id.clone().unwrap());
        }
        Ok(response)
    })
    .await;
    running.send("x").await;
    until(|| running.embedded.backlog() == 0).await;
    assert_eq!(running.receive_counts(), ["1", "2"]);
    running.stop().await;
}

#[tokio::test]
async fn a_batch_waits_for_its_window_unless_it_is_full() {
    let trigger = Trigger { batch_size: 3, window: Duration::from_secs(60), ..quick() };
    let running = Running::start(trigger, fine).await;
    for body in ["a", "b", "c"] {
        running.send(body).await;
    }
    running.called(1).await;
    assert_eq!(running.calls.lock()[0].records.len(), 3);
    running.stop().await;

    let running = Running::start(Trigger { window: millis(200), ..quick() }, fine).await;
    let sent = std::time::Instant::now();
    running.send("a").await;
    running.send("b").await;
    running.called(1).await;
    assert!(sent.elapsed() >= millis(190));
    assert_eq!(running.calls.lock()[0].records.len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn no_more_calls_run_at_once_than_allowed() {
    let trigger = Trigger { batch_size: 2, max_concurrency: 3, function_timeout: Duration::from_secs(5), ..quick() };
    let trigger = Trigger { visibility_timeout: Duration::from_secs(60), ..trigger };
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let highest = Arc::clone(&most);
    let running = Running::start(trigger, move |_, _| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(millis(5)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(SqsBatchResponse::default())
        }
    })
    .await;
    let sends = (0..100).map(|number| send(&running.embedded, if number % 2 == 0 { "even" } else { "odd" }));
    futures::future::join_all(sends).await;
    until(|| running.embedded.backlog() == 0).await;
    assert_eq!(highest.load(Ordering::SeqCst), 3);
    assert!(running.receive_counts().iter().all(|count| count == "1"));
    assert_eq!(running.receive_counts().len(), 100);
    running.stop().await;
}

#[tokio::test]
async fn what_waited_before_the_start_is_received_with_one_write_each() {
    let (pipeline, embedded) = open(quick(), 10);
    for _ in 0..25 {
        send(&embedded, "x").await;
    }
    let running = Running::run(pipeline, embedded, fine).await;
    until(|| running.embedded.backlog() == 0).await;
    assert_eq!(running.receive_counts().len(), 25);
    assert!(running.calls.lock().iter().all(|event| event.records.len() <= 10));
    running.stop().await;
}

#[tokio::test]
async fn a_message_that_always_fails_ends_in_the_dlq() {
    let (pipeline, embedded) = open(Trigger { visibility_timeout: millis(20), ..quick() }, 3);
    let running = Running::run(pipeline, embedded, |_, _| async { Err("broken".into()) }).await;
    running.send("x").await;
    let dlq = QueueName::dlq(QUEUE);
    until(|| running.embedded.queues().depth(dlq).visible == 1).await;
    assert_eq!(running.receive_counts(), ["1", "2", "3"]);
    assert_eq!(running.embedded.backlog(), 0);
    assert_eq!(running.embedded.dead_letters(QUEUE, None, 10).unwrap()[0].receive_count, 3);
    running.stop().await;
}

#[tokio::test]
async fn stopping_finishes_what_is_in_hand_and_gives_back_the_rest() {
    let trigger = Trigger { batch_size: 1, max_concurrency: 1, function_timeout: Duration::from_secs(5), ..quick() };
    let trigger = Trigger { visibility_timeout: Duration::from_secs(60), ..trigger };
    let running = Running::start(trigger, |_, _| async {
        tokio::time::sleep(millis(200)).await;
        Ok(SqsBatchResponse::default())
    })
    .await;
    for _ in 0..4 {
        running.send("x").await;
    }
    running.called(1).await;
    let embedded = running.embedded.clone();
    let calls = Arc::clone(&running.calls);
    running.stop().await;
    let depth = || embedded.queues().depth(QUEUE.into());
    until(|| depth().in_flight == 0).await;
    assert_eq!((calls.lock().len(), depth().visible), (1, 3));
}

#[tokio::test]
async fn a_delayed_message_comes_exactly_when_it_is_due() {
    let running = Running::start(quick(), fine).await;
    let sent = std::time::Instant::now();
    let delayed = Outgoing { body: "later".to_owned(), delay: millis(250), ..Outgoing::default() };
    running.embedded.queues().send(QUEUE.into(), delayed).await.unwrap();
    running.called(1).await;
    let took = sent.elapsed();
    assert!(took >= millis(249) && took < millis(600), "{took:?}");
    running.stop().await;
}

#[tokio::test]
async fn what_was_handed_over_when_the_process_died_is_visible_at_the_next_start() {
    let hang = |_: SqsEvent, _: Embedded| std::future::pending::<Answer>();
    let running = Running::start(Trigger { visibility_timeout: Duration::from_secs(3600), ..quick() }, hang).await;
    running.send("x").await;
    running.called(1).await;
    let crashed = running._pipeline.crashed();
    let embedded = Embedded::open_with(crashed.config.clone(), DEFINITION, Arc::new(SystemClock)).unwrap();
    assert_eq!(embedded.queues().depth(QUEUE.into()).visible, 1);
    let received = embedded.queues().receive(QUEUE.into(), 1, millis(1000)).await.unwrap();
    assert_eq!(received[0].receive_count, 2, "the trigger's receive counts");
}

#[tokio::test]
async fn a_lease_that_ran_out_before_its_turn_is_received_anew() {
    let slow = |event: SqsEvent, embedded: Embedded| async move {
        let record = &event.records[0];
        let receipt = record.receipt_handle.as_deref().unwrap();
        embedded.queues().change_visibility(QUEUE, receipt, Duration::from_secs(60)).await?;
        if record.body.as_deref() == Some("slow") {
            tokio::time::sleep(millis(300)).await;
        }
        Ok(SqsBatchResponse::default())
    };
    let trigger = Trigger {
        batch_size: 1,
        max_concurrency: 1,
        visibility_timeout: millis(100),
        function_timeout: Duration::from_secs(10),
        ..Trigger::default()
    };
    let running = Running::start(trigger, slow).await;
    running.send("slow").await;
    running.called(1).await;
    running.send("next").await;
    running.called(2).await;
    assert_eq!(running.receive_counts(), ["1", "2"], "its first lease was over when its turn came");
    until(|| running.embedded.queues().depth(QUEUE.into()) == crate::Depth::default()).await;
    running.stop().await;
}
