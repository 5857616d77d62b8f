use std::collections::HashMap;
use std::time::Duration;

use orders::ports::{MAX_MESSAGE_BYTES, Outgoing, Queues as _, SendError};
use orders::{Queue, step::QueueName};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::SqliteQueues;
use crate::db::Verdict;
use crate::fixture::{Pipeline, SECOND};
use crate::{Embedded, MessageId};

const SOURCE: QueueName = QueueName { queue: Queue::Payments, dead_letters: false };
const DLQ: QueueName = QueueName { queue: Queue::Payments, dead_letters: true };
const MAX_RECEIVE_COUNT: u32 = 3;

fn text(body: &str) -> Outgoing {
    Outgoing { body: body.to_owned(), ..Outgoing::default() }
}

/// What one may do to a queue.
#[derive(Debug, Clone)]
enum Act {
    Send {
        delay: u64,
    },
    Receive {
        dead_letters: bool,
        max: usize,
        visibility: u64,
    },
    /// With one of the receipts that were ever given, stale ones too.
    Delete {
        receipt: prop::sample::Index,
    },
    Hide {
        receipt: prop::sample::Index,
        after: u64,
    },
    Redrive,
    Advance {
        seconds: u64,
    },
    Restart,
    Kill,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => prop_oneof![3 => Just(0), 1 => 1..20u64].prop_map(|delay| Act::Send { delay }),
        6 => (prop::bool::weighted(0.2), 1..4usize, 0..20u64)
            .prop_map(|(dead_letters, max, visibility)| Act::Receive { dead_letters, max, visibility }),
        3 => any::<prop::sample::Index>().prop_map(|receipt| Act::Delete { receipt }),
        2 => (any::<prop::sample::Index>(), 0..20u64).prop_map(|(receipt, after)| Act::Hide { receipt, after }),
        1 => Just(Act::Redrive),
        4 => (1..15u64).prop_map(|seconds| Act::Advance { seconds }),
        1 => Just(Act::Restart),
        1 => Just(Act::Kill),
    ]
}

/// A message as SQS's documentation has it.
#[derive(Debug, Clone)]
struct Message {
    body: String,
    queue: QueueName,
    visible_at: u64,
    /// What is left of `visible_at` when the process dies: a delay or a change of visibility, not a receive's own time-out.
    durable_visible_at: u64,
    receive_count: u32,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    sent: usize,
    deleted: usize,
    /// In order of arrival.
    messages: Vec<Message>,
    /// Handle, queue it was received from, body, receive count.
    receipts: Vec<(String, QueueName, String, u32)>,
}

impl Model {
    fn receive(&mut self, queue: QueueName, max: usize, visibility: u64) -> Vec<(String, u32)> {
        let now = self.now;
        let mut received = Vec::new();
        let visible = self.messages.iter_mut().filter(|message| message.queue == queue && message.visible_at <= now);
        for message in visible.take(max) {
            if !queue.dead_letters && message.receive_count >= MAX_RECEIVE_COUNT {
                message.queue = DLQ;
                (message.visible_at, message.durable_visible_at) = (now, 0);
                continue;
            }
            message.receive_count += 1;
            message.visible_at = now + visibility;
            received.push((message.body.clone(), message.receive_count));
        }
        received
    }

    fn position(&self, (_, queue, body, count): &(String, QueueName, String, u32)) -> Option<usize> {
        let named = |message: &Message| message.body == *body && message.queue == *queue;
        self.messages.iter().position(|message| named(message) && message.receive_count == *count)
    }

    fn process_died(&mut self) {
        for message in &mut self.messages {
            message.visible_at = message.durable_visible_at;
        }
    }

    fn depth(&self, queue: QueueName) -> (usize, usize, usize) {
        let here = self.messages.iter().filter(|message| message.queue == queue);
        here.fold((0, 0, 0), |(visible, in_flight, delayed), message| {
            if message.visible_at <= self.now {
                (visible + 1, in_flight, delayed)
            } else if message.receive_count == 0 {
                (visible, in_flight, delayed + 1)
            } else {
                (visible, in_flight + 1, delayed)
            }
        })
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Does the same to the queue and to the model, and compares what both say.
async fn perform(act: Act, pipeline: &mut Pipeline, embedded: &mut Option<Embedded>, model: &mut Model) {
    let queues = embedded.as_ref().unwrap().queues();
    match act {
        Act::Send { delay } => {
            let body = format!("m{}", model.sent);
            queues.send(SOURCE, Outgoing { delay: seconds(delay), ..text(&body) }).await.unwrap();
            model.sent += 1;
            let visible_at = model.now + delay;
            let message = Message { body, queue: SOURCE, visible_at, durable_visible_at: visible_at, receive_count: 0 };
            model.messages.push(message);
        }
        Act::Receive { dead_letters, max, visibility } => {
            let queue = if dead_letters { DLQ } else { SOURCE };
            let received = queues.receive(queue, max, seconds(visibility)).await.unwrap();
            let seen: Vec<_> = received.iter().map(|each| (each.body.to_string(), each.receive_count)).collect();
            assert_eq!(seen, model.receive(queue, max, visibility));
            for each in received {
                model.receipts.push((each.receipt_handle(), queue, each.body.to_string(), each.receive_count));
            }
        }
        Act::Delete { receipt } if !model.receipts.is_empty() => {
            let receipt = receipt.get(&model.receipts).clone();
            let deleted = queues.delete(receipt.1, std::slice::from_ref(&receipt.0)).await.unwrap();
            let position = model.position(&receipt);
            assert_eq!(deleted, usize::from(position.is_some()), "{receipt:?}");
            if let Some(position) = position {
                model.messages.remove(position);
                model.deleted += 1;
            }
        }
        Act::Hide { receipt, after } if !model.receipts.is_empty() => {
            let receipt = receipt.get(&model.receipts).clone();
            queues.hide(receipt.1, &receipt.0, seconds(after)).await.unwrap();
            if let Some(position) = model.position(&receipt) {
                let message = &mut model.messages[position];
                message.visible_at = model.now + after;
                message.durable_visible_at = message.visible_at;
            }
        }
        Act::Delete { .. } | Act::Hide { .. } => {}
        Act::Redrive => {
            let dead = queues.peek(DLQ, None, usize::MAX).unwrap();
            let ids: Vec<_> = dead.into_iter().map(|each| (each.id, each.attributes())).collect();
            let moved = queues.redrive(DLQ, SOURCE, ids).await.unwrap();
            let (dead, mut rest): (Vec<_>, Vec<_>) =
                std::mem::take(&mut model.messages).into_iter().partition(|message| message.queue == DLQ);
            assert_eq!(moved, dead.len());
            let now = model.now;
            let anew = |message| Message {
                queue: SOURCE,
                receive_count: 0,
                visible_at: now,
                durable_visible_at: now,
                ..message
            };
            rest.extend(dead.into_iter().map(anew));
            model.messages = rest;
            // A redriven message is a new one: what named the old one names nothing.
            model.receipts.iter_mut().filter(|receipt| receipt.1 == DLQ).for_each(|receipt| receipt.3 = u32::MAX);
            let alive: HashMap<_, _> =
                model.messages.iter().map(|message| (message.body.clone(), message.receive_count)).collect();
            for receipt in &mut model.receipts {
                if alive.get(&receipt.2) == Some(&0) {
                    receipt.3 = u32::MAX;
                }
            }
        }
        Act::Advance { seconds } => {
            pipeline.clock.advance(Duration::from_secs(seconds));
            model.now += seconds;
        }
        Act::Restart => {
            embedded.take().unwrap().close();
            *embedded = Some(pipeline.open());
            model.process_died();
        }
        Act::Kill => {
            let crashed = pipeline.crashed();
            embedded.take().unwrap().close();
            *pipeline = crashed;
            *embedded = Some(pipeline.open());
            model.process_died();
        }
    }
    let queues = embedded.as_ref().unwrap().queues();
    for queue in [SOURCE, DLQ] {
        let depth = queues.depth(queue);
        assert_eq!((depth.visible, depth.in_flight, depth.delayed), model.depth(queue), "{queue}");
    }
    // Nothing is lost, and nothing is in two places.
    let mut bodies: Vec<String> =
        [SOURCE, DLQ].iter().flat_map(|queue| queues.peek(*queue, None, usize::MAX).unwrap()).map(body).collect();
    let mut expected: Vec<String> = model.messages.iter().map(|message| message.body.clone()).collect();
    bodies.sort();
    expected.sort();
    assert_eq!(bodies, expected);
    assert_eq!(expected.len() + model.deleted, model.sent);
}

fn body(message: super::Received) -> String {
    message.body.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_behaves_as_sqs_is_documented(acts in prop::collection::vec(act(), 1..60)) {
        Runtime::new().unwrap().block_on(async {
            let mut pipeline = Pipeline::new();
            pipeline.config.max_receive_count = MAX_RECEIVE_COUNT;
            let mut embedded = Some(pipeline.open());
            let mut model = Model::default();
            for act in acts {
                perform(act, &mut pipeline, &mut embedded, &mut model).await;
            }
            embedded.unwrap().close();
        });
    }
}

#[tokio::test]
async fn the_limits_of_sqs_are_enforced() {
    let pipeline = Pipeline::new();
    let queues = pipeline.open().queues();
    let attributes = |count: usize| (0..count).map(|n| (format!("a{n}"), "v".to_owned())).collect();
    let attribute = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    for (message, why) in [
        (text(""), "the body is empty"),
        (Outgoing { attributes: attributes(11), ..text("x") }, "11 attributes"),
        (Outgoing { delay: Duration::from_secs(901), ..text("x") }, "a delay of 901 s"),
        (text(&"x".repeat(MAX_MESSAGE_BYTES + 1)), "bytes with its attributes"),
        (Outgoing { attributes: attribute("aws.x", "v"), ..text("x") }, "an attribute's name"),
        (Outgoing { attributes: attribute("a b", "v"), ..text("x") }, "an attribute's name"),
        (Outgoing { attributes: attribute("a", ""), ..text("x") }, "is empty"),
        (text("a\u{0}b"), "control character"),
        // The body alone would fit.
        (Outgoing { attributes: attribute("a", "v"), ..text(&"x".repeat(MAX_MESSAGE_BYTES)) }, "with its attributes"),
    ] {
        match queues.send(SOURCE, message).await {
            Err(SendError::Invalid(reason)) => assert!(reason.contains(why), "{reason}"),
            other => panic!("{why}: {other:?}"),
        }
    }
    let largest = Outgoing { attributes: attributes(10), delay: Duration::from_secs(900), ..text("x") };
    queues.send(SOURCE, largest).await.unwrap();
    assert_eq!(queues.depth(SOURCE).delayed, 1);
}

#[tokio::test]
async fn attributes_travel_with_their_message() {
    let pipeline = Pipeline::new();
    let queues = pipeline.open().queues();
    let attributes = [("dead_letter".to_owned(), "{\"error\":\"x\"}".to_owned())];
    queues.send(DLQ, Outgoing { attributes: attributes.clone().into(), ..text("x") }).await.unwrap();
    let received = queues.receive(DLQ, 10, SECOND).await.unwrap();
    assert_eq!(received[0].attributes(), attributes.into());
    assert_eq!(queues.peek_one(DLQ, received[0].id).unwrap().unwrap().attributes().len(), 1);
}

#[tokio::test]
async fn a_message_id_is_never_used_again() {
    let pipeline = Pipeline::new();
    let mut seen = Vec::<MessageId>::new();
    for _ in 0..3 {
        let embedded = pipeline.open();
        let queues = embedded.queues();
        queues.send(SOURCE, text("x")).await.unwrap();
        let received = queues.receive(SOURCE, 1, SECOND).await.unwrap();
        queues.delete(SOURCE, &[received[0].receipt_handle()]).await.unwrap();
        seen.push(received[0].id);
        embedded.close();
    }
    assert!(seen.is_sorted() && seen[0] < seen[1] && seen[1] < seen[2], "{seen:?}");
    assert_eq!(seen[2].to_string().parse(), Ok(seen[2]));
}

#[tokio::test]
async fn nonsense_in_place_of_a_receipt_changes_nothing() {
    let pipeline = Pipeline::new();
    let queues = pipeline.open().queues();
    queues.send(SOURCE, text("x")).await.unwrap();
    for handle in ["", ".", "1.1", "zz.1", "00000100000000000.1", "0000010000000000.-1", "0000010000000000.0"] {
        assert_eq!(queues.delete(DLQ, &[handle.to_owned()]).await, Ok(0));
        queues.hide(DLQ, handle, SECOND).await.unwrap();
    }
    assert_eq!(queues.depth(SOURCE).visible, 1);
}

#[tokio::test]
async fn purging_empties_one_queue_only() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let queues = embedded.queues();
    for queue in [SOURCE, SOURCE, DLQ] {
        queues.send(queue, text("x")).await.unwrap();
    }
    assert_eq!(embedded.backlog(), 2);
    assert_eq!(queues.purge(SOURCE).await, Ok(2));
    assert_eq!((embedded.backlog(), queues.depth(DLQ).visible), (0, 1));
}

#[tokio::test]
async fn a_listing_of_dead_letters_receives_nothing() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let queues: &SqliteQueues = &embedded.queues();
    for body in ["a", "b", "c"] {
        queues.send(DLQ, text(body)).await.unwrap();
    }
    let first = embedded.dead_letters(Queue::Payments, None, 2).unwrap();
    let rest = embedded.dead_letters(Queue::Payments, Some(first[1].id), 2).unwrap();
    let bodies: Vec<_> = first.iter().chain(&rest).map(|each| (&*each.body, each.receive_count)).collect();
    assert_eq!(bodies, [("a", 0), ("b", 0), ("c", 0)]);
    let oldest = queues.depth(DLQ).oldest_sent_at;
    assert_eq!(oldest, Some(first[0].sent_at));
}

#[tokio::test]
async fn a_receive_that_cannot_be_written_leaves_its_messages_for_later() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let queues = embedded.queues();
    queues.send(SOURCE, text("one")).await.unwrap();
    let schema =
        |sql: &'static str| embedded.db().write(move |connection| connection.execute_batch(sql).map(Verdict::Keep));
    schema("CREATE TRIGGER broken BEFORE UPDATE ON messages BEGIN SELECT RAISE (ABORT, 'injected'); END")
        .await
        .unwrap();
    queues.receive(SOURCE, 1, SECOND).await.unwrap_err();
    assert_eq!(queues.receive(SOURCE, 1, SECOND).await, Ok(Vec::new()), "a broken disk is not asked again at once");
    schema("DROP TRIGGER broken").await.unwrap();
    pipeline.clock.advance(SECOND);
    assert_eq!(queues.receive(SOURCE, 1, SECOND).await.unwrap()[0].receive_count, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receive_that_is_given_up_claims_nothing() {
    let mut pipeline = Pipeline::new();
    pipeline.config.write_queue = 1;
    let embedded = pipeline.open();
    let queues = embedded.queues();
    queues.send(SOURCE, text("one")).await.unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = std::sync::mpsc::channel();
    let held_up = move |_: &rusqlite::Connection| {
        begun.send(()).ok();
        released.recv().ok();
        Ok(Verdict::Keep(()))
    };
    embedded.db().submit(held_up, |_| ()).await.unwrap();
    begins.recv().unwrap();
    // It fills the way to the writer, so the receive has to wait with its claim in its hands.
    embedded.db().submit(|_| Ok(Verdict::Keep(())), |_| ()).await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(50), queues.receive(SOURCE, 1, SECOND));
    assert!(given_up.await.is_err());
    assert_eq!(queues.depth(SOURCE).visible, 1);
    release.send(()).unwrap();
    assert_eq!(queues.receive(SOURCE, 1, SECOND).await.unwrap()[0].receive_count, 1);
}
