//! The batch core against scripted workers and platforms.
//!
//! Proves: each record of a batch ends done or reported, whatever fails, panics or hangs, and only a record whose
//! consequence is durable ends done. Misses: real queues and workflows (tests/contract, tests/end_to_end).

#![allow(clippy::unwrap_used)] // a test

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use orders::message::{InventoryMessage, TaskToken};
use orders::ports::{AnswerError, Outgoing, Queues, SendError, Started, SystemClock, Unavailable, Workflow};
use orders::step::QueueName;
use orders::{OrderId, Queue, RejectReason, Retry, Step};
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;
use workers::{Backoff, BatchCore, DEAD_LETTER, DeadLetter, Delivery, Settings, Verdict, Worker};

/// What a record's worker does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Succeed,
    Reject,
    Retry,
    Acknowledge,
    DeadLetter,
    Panic,
    PanicFormatted,
    Hang,
    Undecodable,
}

/// How the platform answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Ok,
    Spent,
    Invalid,
    Unavailable,
    Hang,
}

#[derive(Debug, Clone)]
struct Script {
    act: Act,
    task: Answer,
    dlq: Answer,
    visibility: Answer,
    receive_count: u32,
}

#[derive(Default)]
struct Log {
    answered: BTreeSet<usize>,
    hidden: BTreeMap<usize, Duration>,
    dead: BTreeMap<usize, DeadLetter>,
}

struct Platform {
    scripts: Vec<Script>,
    log: Mutex<Log>,
}

impl Platform {
    fn new(scripts: Vec<Script>) -> Arc<Self> {
        Arc::new(Self { scripts, log: Mutex::default() })
    }

    async fn run(self: &Arc<Self>, event: SqsEvent, settings: Settings, time: Duration) -> Vec<String> {
        let core = BatchCore::new(self.clone(), self.clone(), Arc::new(SystemClock), settings);
        let response = core.run(&Scripted(self.clone()), event, Instant::now() + time).await.unwrap();
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }
}

fn out() -> Unavailable {
    Unavailable::new("Platform", "down")
}

#[async_trait]
impl Workflow for Platform {
    async fn start(&self, _: &OrderId, _: &Value) -> Result<Started, Unavailable> {
        Ok(Started::Started)
    }

    async fn succeed(&self, token: &TaskToken, _: &Value) -> Result<(), AnswerError> {
        let index: usize = token.0.parse().unwrap();
        match self.scripts[index].task {
            Answer::Ok => {
                self.log.lock().answered.insert(index);
                Ok(())
            }
            Answer::Spent => Err(AnswerError::Spent),
            Answer::Invalid => Err(AnswerError::InvalidToken),
            Answer::Unavailable => Err(out().into()),
            Answer::Hang => std::future::pending().await,
        }
    }

    async fn fail(&self, token: &TaskToken, error: &str, _: &str) -> Result<(), AnswerError> {
        assert_eq!(error, "OutOfStock");
        self.succeed(token, &Value::Null).await
    }
}

#[async_trait]
impl Queues for Platform {
    async fn send(&self, queue: QueueName, message: Outgoing) -> Result<(), SendError> {
        assert_eq!(queue, QueueName::dlq(Queue::Inventory));
        let index: usize = message.attributes["index"].parse().unwrap();
        match self.scripts[index].dlq {
            Answer::Ok | Answer::Spent => {
                let letter = serde_json::from_str(&message.attributes[DEAD_LETTER]).unwrap();
                self.log.lock().dead.insert(index, letter);
                Ok(())
            }
            Answer::Invalid => Err(SendError::Invalid("too large".into())),
            Answer::Unavailable => Err(out().into()),
            Answer::Hang => std::future::pending().await,
        }
    }

    async fn change_visibility(&self, _: Queue, receipt: &str, after: Duration) -> Result<(), Unavailable> {
        let index: usize = receipt.parse().unwrap();
        match self.scripts[index].visibility {
            Answer::Unavailable => Err(out()),
            Answer::Hang => std::future::pending().await,
            _ => {
                self.log.lock().hidden.insert(index, after);
                Ok(())
            }
        }
    }
}

struct Scripted(Arc<Platform>);

#[async_trait]
impl Worker for Scripted {
    const QUEUE: Queue = Queue::Inventory;
    type Message = InventoryMessage;

    async fn handle(&self, message: &InventoryMessage, _: &Delivery) -> Verdict {
        let (InventoryMessage::ReserveInventory(task) | InventoryMessage::ReleaseInventory(task)) = message;
        match self.0.scripts[task.task_token.0.parse::<usize>().unwrap()].act {
            Act::Succeed => Verdict::Succeed(json!({})),
            Act::Reject => Verdict::Reject(RejectReason::OutOfStock),
            Act::Retry => Verdict::Retry(Retry::new("Down", "for now")),
            Act::Acknowledge => Verdict::Acknowledge,
            Act::DeadLetter => Verdict::DeadLetter { error: "Hopeless", cause: "x".repeat(5000) },
            Act::Panic => panic!("as scripted"),
            Act::PanicFormatted => panic!("for the {}nd time", 2),
            Act::Hang => std::future::pending().await,
            Act::Undecodable => unreachable!("never decoded"),
        }
    }
}

fn record(index: usize, script: &Script) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(format!("m-{index}"));
    message.receipt_handle = Some(index.to_string());
    message.attributes.insert("ApproximateReceiveCount".into(), script.receive_count.to_string());
    let mut attribute = SqsMessageAttribute::default();
    attribute.string_value = Some(index.to_string());
    message.message_attributes.insert("index".into(), attribute);
    let body = json!({
        "step": "ReserveInventory", "order_id": "ord_00000000000000000000000000", "trace_id": "1".repeat(32),
        "task_token": index.to_string(), "entered_at": "2026-01-01T00:00:00Z", "timeout_seconds": 86400,
    });
    message.body = Some(if script.act == Act::Undecodable { "{\"step\":".into() } else { body.to_string() });
    message
}

fn event(scripts: &[Script]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = scripts.iter().enumerate().map(|(index, script)| record(index, script)).collect();
    event
}

fn settings() -> Settings {
    Settings { margin: Duration::from_secs(1), ..Settings::default() }
}

fn one(script: Script) -> Vec<Script> {
    vec![script]
}

const GOOD: Script =
    Script { act: Act::Succeed, task: Answer::Ok, dlq: Answer::Ok, visibility: Answer::Ok, receive_count: 1 };

fn scripts() -> impl Strategy<Value = Vec<Script>> {
    use Answer::{Hang, Invalid, Spent, Unavailable};
    let act = prop::sample::select(vec![
        Act::Succeed,
        Act::Reject,
        Act::Retry,
        Act::Acknowledge,
        Act::DeadLetter,
        Act::Panic,
        Act::Hang,
        Act::Undecodable,
    ]);
    let answer = || prop::sample::select(vec![Answer::Ok, Spent, Invalid, Unavailable, Hang]);
    let script = (act, answer(), answer(), answer(), 1u32..13)
        .prop_map(|(act, task, dlq, visibility, receive_count)| Script { act, task, dlq, visibility, receive_count });
    prop::collection::vec(script, 0..12)
}

/// What the rules of DESIGN.md 4 say of a record that had its turn: is it done, and is it in the DLQ?
fn expected(script: &Script) -> (bool, bool) {
    let dead = matches!(script.dlq, Answer::Ok | Answer::Spent);
    let retry = if script.receive_count >= 10 { (dead, dead) } else { (false, false) };
    match script.act {
        Act::Acknowledge => (true, false),
        Act::DeadLetter | Act::Undecodable => (dead, dead),
        Act::Retry | Act::Panic | Act::PanicFormatted | Act::Hang => retry,
        Act::Succeed | Act::Reject => match script.task {
            Answer::Ok | Answer::Spent => (true, false),
            Answer::Invalid => (dead, dead),
            Answer::Unavailable => retry,
            Answer::Hang => (false, false),
        },
    }
}

proptest! {
    #[test]
    fn every_record_is_done_or_reported_whatever_happens(scripts in scripts(), concurrency in 1usize..12) {
        let platform = Platform::new(scripts.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let settings = Settings { concurrency, ..settings() };
        let reported = runtime.block_on(platform.run(event(&scripts), settings, Duration::from_secs(30)));

        let unique: BTreeSet<_> = reported.iter().cloned().collect();
        prop_assert_eq!(unique.len(), reported.len(), "reported twice");
        let hangs = scripts.iter().any(|script| {
            script.act == Act::Hang || [script.task, script.dlq, script.visibility].contains(&Answer::Hang)
        });
        for (index, script) in scripts.iter().enumerate() {
            let done = !unique.contains(&format!("m-{index}"));
            let log = platform.log.lock();
            // Only what has a durable consequence is done.
            let durable = log.answered.contains(&index)
                || log.dead.contains_key(&index)
                || script.act == Act::Acknowledge
                || script.task == Answer::Spent && matches!(script.act, Act::Succeed | Act::Reject);
            prop_assert!(!done || durable, "record {} is done, but nothing says so: {:?}", index, script);
            // And what had its turn ends as the rules say. (Behind a record that hangs, a turn may never come.)
            if !hangs || concurrency >= scripts.len() {
                prop_assert_eq!((done, log.dead.contains_key(&index)), expected(script), "record {}: {:?}", index, script);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_poison_message_does_not_stop_its_batch() {
    let scripts = vec![GOOD, Script { act: Act::Undecodable, ..GOOD }, GOOD];
    let platform = Platform::new(scripts.clone());
    let reported = platform.run(event(&scripts), settings(), Duration::from_secs(30)).await;
    let log = platform.log.lock();
    assert_eq!((reported, log.answered.len()), (vec![], 2));
    let letter = &log.dead[&1];
    assert_eq!((letter.error.as_str(), letter.step, letter.receive_count), ("Undecodable", None, 1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_backs_off_until_its_last_receive_and_then_becomes_a_dead_letter_with_its_cause() {
    for receive_count in 1..=10 {
        let scripts = one(Script { act: Act::Retry, receive_count, ..GOOD });
        let platform = Platform::new(scripts.clone());
        let reported = platform.run(event(&scripts), settings(), Duration::from_secs(30)).await;
        let log = platform.log.lock();
        if receive_count < 10 {
            let least = Backoff::default().min * 2u32.pow(receive_count - 1);
            assert_eq!(reported, ["m-0"]);
            assert!(log.hidden[&0] >= least.min(Backoff::default().max), "{:?}", log.hidden);
            assert!(log.dead.is_empty());
        } else {
            assert!(reported.is_empty());
            let letter = &log.dead[&0];
            assert_eq!((letter.error.as_str(), letter.cause.as_str()), ("Down", "for now"));
            assert_eq!(letter.order_id.as_ref().unwrap().as_str(), "ord_00000000000000000000000000");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_goes_back_at_once_and_is_dead_lettered_only_as_not_attempted() {
    let late = Script { receive_count: 10, ..GOOD };
    let scripts = vec![Script { act: Act::Hang, ..GOOD }, GOOD, late];
    let platform = Platform::new(scripts.clone());
    let settings = Settings { concurrency: 1, ..settings() };
    let reported = platform.run(event(&scripts), settings, Duration::from_secs(3)).await;
    let log = platform.log.lock();
    assert_eq!(reported, ["m-0", "m-1"]);
    assert_eq!(log.hidden[&1], Duration::ZERO);
    let letter = &log.dead[&2];
    assert_eq!((letter.error.as_str(), letter.step), ("NotAttempted", Some(Step::ReserveInventory)));
    assert_eq!(letter.order_id.as_ref().unwrap().as_str(), "ord_00000000000000000000000000");
    assert!(log.answered.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_dead_letter_of_a_step_that_panicked_says_with_which_words() {
    for (act, words) in [(Act::Panic, "as scripted"), (Act::PanicFormatted, "for the 2nd time")] {
        let scripts = one(Script { act, receive_count: 10, ..GOOD });
        let platform = Platform::new(scripts.clone());
        assert!(platform.run(event(&scripts), settings(), Duration::from_secs(30)).await.is_empty());
        let letter = platform.log.lock().dead.remove(&0).unwrap();
        assert_eq!((letter.error.as_str(), letter.cause.as_str()), ("Panicked", words));
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_cause_is_cut() {
    let scripts = one(Script { act: Act::DeadLetter, ..GOOD });
    let platform = Platform::new(scripts.clone());
    platform.run(event(&scripts), settings(), Duration::from_secs(30)).await;
    assert_eq!(platform.log.lock().dead[&0].cause.len(), 1000);
}

#[tokio::test]
async fn a_record_without_an_id_fails_the_whole_batch_before_anything_happens() {
    let scripts = vec![GOOD, GOOD];
    let platform = Platform::new(scripts.clone());
    for missing in [None, Some(String::new())] {
        let mut event = event(&scripts);
        event.records[1].message_id = missing;
        let core = BatchCore::new(platform.clone(), platform.clone(), Arc::new(SystemClock), settings());
        let refused = core.run(&Scripted(platform.clone()), event, Instant::now() + Duration::from_secs(9)).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("record 1 of the batch has no message id"), "{refused}");
        assert!(platform.log.lock().answered.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_with_less_time_than_the_margin_still_works() {
    let scripts = one(Script { receive_count: 10, ..GOOD });
    let platform = Platform::new(scripts.clone());
    let settings = Settings { margin: Duration::from_secs(2), ..Settings::default() };
    assert!(platform.run(event(&scripts), settings, Duration::from_secs(1)).await.is_empty());
    assert!(platform.log.lock().dead.is_empty());
}
