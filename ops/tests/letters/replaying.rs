//! `dlq replay`: what is journalled, sent and deleted.

use std::sync::Arc;

use ops::{NewRun, Operations as _, Ops, OpsError, Replay, ReplayAttribute, ReplayItem};
use orders::ports::ops::{Action, Entry, EntryState};
use orders::{Queue, Reason, Step};
use serde_json::{Value, json};

use crate::world::{World, body, noon};

async fn began(ops: &Ops) -> String {
    let new = NewRun { action: Action::Replay, queue: Some(Queue::Payments), how: Value::Null };
    ops.begin(&new).await.unwrap().id
}

fn of(ids: &[&str]) -> Replay {
    let items = ids.iter().map(|id| ReplayItem { message_id: (*id).to_owned(), body: None }).collect();
    Replay { items, force: false }
}

async fn replay(world: &Arc<World>, replay: &Replay) -> Vec<Entry> {
    let ops = world.ops();
    let run = began(&ops).await;
    ops.replay(&run, replay).await.unwrap()
}

/// Each entry with its state, and the note of why.
fn states(entries: &[Entry]) -> Vec<(&str, EntryState, &str)> {
    entries.iter().map(|entry| (entry.id.as_str(), entry.state, entry.note.as_deref().unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_dead_letter_is_journalled_sent_journalled_deleted_and_journalled() {
    let world = World::new();
    let order = world.letter("m");
    let entries = replay(&world, &of(&["m"])).await;
    assert_eq!(states(&entries), [("m", EntryState::Done, "")]);
    let state = world.state();
    let written: Vec<EntryState> = state.written.iter().map(|(_, state)| *state).collect();
    assert_eq!(written, [EntryState::Intended, EntryState::Sent, EntryState::Done]);
    assert!(state.dead.is_empty() && state.hidden.is_empty());
    let [(queue, message)] = &state.sent[..] else { panic!("{:?}", state.sent) };
    assert_eq!((*queue, &message.body), (Queue::Payments.into(), &body(Step::ChargePayment, &order)));
    assert_eq!(message.trace_header.as_deref(), Some("Root=1"));
    let replay: ReplayAttribute = serde_json::from_str(&message.attributes["replay"]).unwrap();
    assert_eq!(replay, ReplayAttribute { of: "m".into(), count: 1, by: "night".into(), at: noon() });
    let entry = &state.entries["m"];
    assert_eq!((entry.order_id.as_ref(), &entry.message), (Some(&order), &None), "what is done is no longer kept");
}

#[tokio::test]
async fn a_second_replay_counts_on() {
    let world = World::new();
    world.letter("m");
    let before = ReplayAttribute { of: "l".into(), count: 1, by: "day".into(), at: noon() };
    let attribute = serde_json::to_string(&before).unwrap();
    world.state().dead[0].attributes.insert("replay".into(), attribute);
    replay(&world, &of(&["m"])).await;
    let sent: ReplayAttribute = serde_json::from_str(&world.state().sent[0].1.attributes["replay"]).unwrap();
    assert_eq!((sent.count, sent.of.as_str()), (2, "m"));
}

#[tokio::test]
async fn a_hundred_are_replayed_in_one_call_and_one_more_is_refused() {
    let world = World::new();
    let ids: Vec<String> = (0..101).map(|number| format!("m{number:03}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    ids.iter().for_each(|id| drop(world.letter(id)));
    let ops = world.ops();
    let run = began(&ops).await;
    let refused = ops.replay(&run, &of(&ids)).await.unwrap_err();
    assert_eq!(refused, OpsError::Invalid { what: "items", why: "100 at a time".into() });
    assert!(world.state().sent.is_empty());
    let entries = ops.replay(&run, &of(&ids[..100])).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.state == EntryState::Done).count(), 100);
    let state = world.state();
    assert_eq!((state.sent.len(), state.dead.len()), (100, 1));
}

#[tokio::test]
async fn what_should_not_be_sent_stays_and_is_visible_again_unless_it_is_forced() {
    let world = World::new();
    let ended = world.letter("final");
    world.letter("unreadable");
    let missing = world.letter("missing");
    {
        let mut state = world.state();
        let attempt = orders::order::Attempt { at: noon(), number: 1 };
        state.orders.get_mut(&ended).unwrap().reject(Reason::TechnicalFailure, attempt);
        state.dead[1].body = "{}".into();
        state.orders.remove(&missing);
    }
    let items = of(&["final", "unreadable", "missing", "gone"]);
    let entries = replay(&world, &items).await;
    let told: Vec<(&str, EntryState, bool)> = [
        ("final", "its order is already rejected"),
        ("unreadable", "its queue can't read it: "),
        ("missing", "the store has no such order"),
        ("gone", "it is gone, or in other hands"),
    ]
    .into_iter()
    .map(|(id, why)| {
        let entry = entries.iter().find(|entry| entry.id == id).unwrap();
        (id, entry.state, entry.note.as_ref().unwrap().starts_with(why))
    })
    .collect();
    assert!(told.iter().all(|(_, state, fits)| *state == EntryState::Refused && *fits), "{entries:#?}");
    {
        let state = world.state();
        assert!(state.sent.is_empty() && state.hidden.is_empty(), "{:?}", state.hidden);
        assert_eq!(state.dead.len(), 3);
        assert!(state.written.iter().all(|(_, state)| *state == EntryState::Refused));
        assert_eq!(state.written.len(), 4);
    }
    let forced = replay(&world, &Replay { force: true, ..items }).await;
    assert_eq!(forced.iter().filter(|entry| entry.state == EntryState::Done).count(), 3);
    assert!(world.state().dead.is_empty());
}

#[tokio::test]
async fn what_its_queue_would_refuse_is_refused_before_it_is_journalled() {
    let world = World::new();
    world.letter("m");
    let ten = (0..10).map(|number| (format!("a{number}"), "v".to_owned()));
    world.state().dead[0].attributes.extend(ten);
    let entries = replay(&world, &of(&["m"])).await;
    assert_eq!(states(&entries), [("m", EntryState::Refused, "its queue would refuse it: 11 attributes, 10 at most")]);
    let state = world.state();
    assert!(state.sent.is_empty() && state.hidden.is_empty());
}

#[tokio::test]
async fn another_body_is_sent_in_its_place_if_it_is_a_message_of_the_queue() {
    let world = World::new();
    let order = world.letter("m");
    let with = |body: String| Replay {
        items: vec![ReplayItem { message_id: "m".into(), body: Some(body) }],
        ..Replay::default()
    };
    let ops = world.ops();
    let run = began(&ops).await;
    let refused = ops.replay(&run, &with(body(Step::CloseOrder, &order))).await.unwrap_err().to_string();
    assert!(refused.starts_with("body: not a message of payments: "), "{refused}");
    let refund = body(Step::RefundPayment, &order);
    ops.replay(&run, &with(refund.clone())).await.unwrap();
    assert_eq!(world.state().sent[0].1.body, refund);
}

#[tokio::test]
async fn what_is_not_sent_is_still_a_dead_letter_and_the_others_are_sent() {
    let world = World::new();
    world.letter("a");
    world.letter("b");
    world.state().broken = Some("send");
    let entries = replay(&world, &of(&["a", "b"])).await;
    let why = "not sent, and still a dead letter: Queue is unavailable: full";
    assert_eq!(states(&entries), [("a", EntryState::Refused, why), ("b", EntryState::Done, "")]);
    let state = world.state();
    assert_eq!((state.dead.len(), state.dead[0].id.as_str(), state.hidden.len()), (1, "a", 0));
}

#[tokio::test]
async fn what_was_sent_is_only_deleted_when_the_run_is_resumed() {
    let world = World::new();
    world.letter("m");
    let ops = world.ops();
    let run = began(&ops).await;
    world.state().broken = Some("delete");
    ops.replay(&run, &of(&["m"])).await.unwrap_err();
    assert_eq!(world.state().entries["m"].state, EntryState::Sent);
    world.state().hidden.clear(); // its visibility time-out is over
    let entries = ops.resume(&run).await.unwrap();
    assert_eq!(states(&entries), [("m", EntryState::Done, "")]);
    let state = world.state();
    assert_eq!((state.sent.len(), state.dead.len()), (1, 0), "it was not sent again");
}

#[tokio::test]
async fn what_was_intended_is_sent_again_when_the_run_is_resumed() {
    let world = World::new();
    let order = world.letter("m");
    let lost = world.letter("lost");
    let ops = world.ops();
    let run = began(&ops).await;
    // As a death after the first write of the journal leaves it; of one entry the journal has kept no message.
    let entry = |id: &str, order_id, message| Entry {
        id: id.to_owned(),
        order_id: Some(order_id),
        state: EntryState::Intended,
        note: None,
        message,
    };
    let journalled = orders::ports::ops::JournalledMessage {
        body: body(Step::ChargePayment, &order),
        attributes: [("replay".to_owned(), json!({}).to_string())].into(),
        trace_header: None,
    };
    world.state().entries.insert("m".into(), entry("m", order, Some(journalled.clone())));
    world.state().entries.insert("lost".into(), entry("lost", lost, None));
    let entries = ops.resume(&run).await.unwrap();
    let told = [("lost", EntryState::Refused, "the journal has not kept it"), ("m", EntryState::Done, "")];
    assert_eq!(states(&entries), told);
    {
        let state = world.state();
        assert_eq!((state.sent.len(), &state.sent[0].1), (1, &journalled.into()));
        assert!(state.dead.iter().all(|message| message.id == "lost"));
    }
    assert!(ops.resume(&run).await.unwrap().is_empty(), "nothing is open any more");
}

#[tokio::test]
async fn a_run_that_is_over_or_of_another_kind_replays_nothing() {
    let world = World::new();
    world.letter("m");
    let ops = world.ops();
    let run = began(&ops).await;
    ops.finish(&run).await.unwrap();
    let over = ops.replay(&run, &of(&["m"])).await.unwrap_err().to_string();
    assert_eq!(over, format!("run `{run}` is over; begin a new one"));
    let purge = NewRun { action: Action::Purge, queue: Some(Queue::Payments), how: Value::Null };
    let run = ops.begin(&purge).await.unwrap().id;
    for refused in [ops.replay(&run, &of(&["m"])).await, ops.resume(&run).await] {
        assert_eq!(refused.unwrap_err().to_string(), format!("run `{run}` is a purge, not a replay"));
    }
    assert!(world.state().sent.is_empty());
}
