//! What the ports of ops promise. The memory adapters have none of them: the simulation works without ops.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use orderflow_aws::ops::{DynamoJournal, SqsOpsQueues, StepFunctionsExecutions};
use orders::ports::ops::*;
use orders::ports::{ListError, Outgoing, Page, PageRequest, SendError};
use orders::step::QueueName;
use orders::{OrderId, Queue};
use serde_json::json;

use crate::aws::{self, Account};
use crate::subject::{self, Subject, order};

/// The adapters under test, freshly made.
struct OpsSubject {
    queues: Arc<dyn OpsQueues>,
    executions: Arc<dyn Executions>,
    journal: Arc<dyn Journal>,
    pipeline: Subject,
}

impl OpsSubject {
    fn sqlite() -> Self {
        let (embedded, directory) = subject::embedded();
        Self {
            queues: embedded.ops_queues(),
            executions: embedded.workflow(),
            journal: embedded.journal(),
            pipeline: Subject::over(&embedded, directory),
        }
    }

    async fn aws() -> Self {
        let account = Account::new().await;
        let Account { clients, urls, state_machine } = &account;
        Self {
            queues: Arc::new(SqsOpsQueues::new(clients.sqs(), urls.clone())),
            executions: Arc::new(StepFunctionsExecutions::new(clients.step_functions(), state_machine)),
            journal: Arc::new(DynamoJournal::new(clients.dynamodb(), "journal")),
            pipeline: aws::over(account),
        }
    }

    async fn dead_letters(&self, bodies: &[&str]) -> Vec<StoredMessage> {
        let message = |body: &&str| Outgoing {
            body: (*body).to_owned(),
            attributes: [("a".to_owned(), "1".to_owned())].into(),
            ..Outgoing::default()
        };
        let sent = self.queues.send_each(DLQ, bodies.iter().map(message).collect()).await;
        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
        self.look().await
    }

    async fn look(&self) -> Vec<StoredMessage> {
        self.queues.look(DLQ, &page(100, None)).await.unwrap().items
    }

    async fn depth(&self) -> QueueDepth {
        self.queues.depths().await.unwrap().into_iter().find(|depth| depth.queue == DLQ).unwrap()
    }

    async fn take(&self, message: &StoredMessage) -> Option<Taken> {
        let taken = self.queues.take(DLQ, std::slice::from_ref(&message.id), Duration::from_secs(60)).await;
        taken.unwrap().pop()
    }

    async fn started(&self, key: &str) -> OrderId {
        let order = order(key);
        let id = self.pipeline.accepted(&order).await;
        let input = json!({ "order_id": id, "trace_id": order.trace_id });
        self.pipeline.workflow.start(&id, &input).await.unwrap();
        id
    }
}

const DLQ: QueueName = QueueName::dlq(Queue::Payments);

fn page(limit: u32, cursor: Option<String>) -> PageRequest {
    PageRequest { limit: NonZeroU32::new(limit).unwrap(), cursor }
}

/// A test per adapter for each of the functions. Those after `not on the emulator` ask for what it doesn't do (docs/TESTING.md).
macro_rules! contract {
    ($($name:ident),+ $(,)?; not on the emulator: $($other:ident),+ $(,)?) => {
        mod sqlite_adapter {
            $(#[tokio::test] async fn $name() { super::$name(super::OpsSubject::sqlite()).await; })+
            $(#[tokio::test] async fn $other() { super::$other(super::OpsSubject::sqlite()).await; })+
        }
        mod aws_adapter {
            $(#[tokio::test] async fn $name() { super::$name(super::OpsSubject::aws().await).await; })+
        }
    };
}

contract!(
    looking_changes_nothing_and_shows_page_by_page,
    what_is_taken_is_hidden_from_others_until_it_is_put_back,
    only_a_good_receipt_deletes,
    each_message_of_a_send_is_answered_for_itself,
    the_depths_tell_what_lies_where,
    a_run_is_written_down_once_and_its_entries_replace_each_other,
    open_entries_keep_what_is_to_be_sent_and_others_do_not,
    runs_are_listed_newest_first_and_finish_once,
    an_entry_needs_its_run,
    executions_are_listed_described_and_stopped_once,
    running_executions_are_counted_by_state,
    the_definition_that_an_execution_runs_is_told,
    a_foreign_cursor_is_refused;
    not on the emulator:
    a_stopped_execution_is_redriven_and_a_running_one_is_not,
);

async fn looking_changes_nothing_and_shows_page_by_page(subject: OpsSubject) {
    // A queue has no order. How often a message was received may change by looking (SQS).
    let shown = |messages: &[StoredMessage]| {
        let shown =
            messages.iter().map(|message| (message.body.clone(), message.id.clone(), message.attributes.clone()));
        shown.collect::<BTreeSet<_>>()
    };
    let messages = subject.dead_letters(&["one", "two", "three"]).await;
    assert_eq!(
        messages.iter().map(|message| message.body.as_str()).collect::<BTreeSet<_>>(),
        ["one", "two", "three"].into()
    );
    assert_eq!(messages[0].attributes["a"], "1");
    let first = subject.queues.look(DLQ, &page(2, None)).await.unwrap();
    let second = subject.queues.look(DLQ, &page(2, first.next)).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (2, 1, None));
    assert_eq!(shown(&[first.items, second.items].concat()), shown(&messages));
    subject.queues.looked(DLQ).await.unwrap();
    assert!(subject.take(&messages[0]).await.is_some(), "what was looked at can be taken");
}

async fn what_is_taken_is_hidden_from_others_until_it_is_put_back(subject: OpsSubject) {
    let messages = subject.dead_letters(&["one", "two"]).await;
    let taken = subject.take(&messages[1]).await.unwrap();
    assert_eq!((&taken.message.body, &taken.message.id), (&messages[1].body, &messages[1].id));
    assert_eq!(subject.take(&messages[1]).await, None, "it is in other hands");
    let unknown = StoredMessage { id: "ffffffffffffffff".into(), ..messages[0].clone() };
    assert_eq!(subject.take(&unknown).await, None);
    subject.queues.put_back(DLQ, std::slice::from_ref(&taken.receipt_handle)).await.unwrap();
    let again = subject.take(&messages[1]).await.unwrap();
    assert_ne!(again.receipt_handle, taken.receipt_handle);
    subject.queues.put_back(DLQ, &[taken.receipt_handle, "nonsense".into()]).await.unwrap();
    assert_eq!(subject.take(&messages[1]).await, None, "a stale receipt changes nothing");
}

async fn only_a_good_receipt_deletes(subject: OpsSubject) {
    let messages = subject.dead_letters(&["one"]).await;
    let stale = subject.take(&messages[0]).await.unwrap().receipt_handle;
    subject.queues.put_back(DLQ, std::slice::from_ref(&stale)).await.unwrap();
    let good = subject.take(&messages[0]).await.unwrap().receipt_handle;
    subject.queues.delete(DLQ, &[stale, "nonsense".into()]).await.unwrap();
    assert_eq!(subject.depth().await.total(), 1);
    subject.queues.delete(DLQ, &[good]).await.unwrap();
    assert_eq!(subject.depth().await.total(), 0);
}

async fn each_message_of_a_send_is_answered_for_itself(subject: OpsSubject) {
    let message = |body: &str| Outgoing { body: body.into(), ..Outgoing::default() };
    let answers = subject.queues.send_each(DLQ, vec![message("one"), message(""), message("two")]).await;
    assert!(matches!(answers[..], [Ok(()), Err(SendError::Invalid(_)), Ok(())]), "{answers:?}");
    assert_eq!(subject.look().await.len(), 2);
    assert!(subject.queues.send_each(DLQ, Vec::new()).await.is_empty());
}

async fn the_depths_tell_what_lies_where(subject: OpsSubject) {
    let messages = subject.dead_letters(&["one", "two"]).await;
    subject.take(&messages[0]).await.unwrap();
    subject.queues.looked(DLQ).await.unwrap();
    let depths = subject.queues.depths().await.unwrap();
    assert_eq!(depths.len(), 2 * Queue::ALL.len());
    let depth = subject.depth().await;
    assert_eq!((depth.visible, depth.in_flight, depth.total()), (1, 1, 2));
    let others = depths.iter().filter(|depth| depth.queue != DLQ);
    assert_eq!(others.map(QueueDepth::total).sum::<u64>(), 0);
}

fn run(id: &str) -> Run {
    Run {
        id: id.to_owned(),
        action: Action::Replay,
        queue: Some(Queue::Payments),
        by: "night".to_owned(),
        at: Timestamp::from_second(1_000).unwrap(),
        how: json!({ "selection": { "cause": "GatewayUnavailable" } }),
        finished_at: None,
        counts: Default::default(),
    }
}

fn entry(id: &str, state: EntryState) -> Entry {
    let message =
        JournalledMessage { body: "{}".into(), attributes: Default::default(), trace_header: Some("t".into()) };
    Entry {
        id: id.to_owned(),
        order_id: Some(order(id).id),
        state,
        note: Some("n".to_owned()),
        message: state.is_open().then_some(message),
    }
}

async fn a_run_is_written_down_once_and_its_entries_replace_each_other(subject: OpsSubject) {
    let journal = &subject.journal;
    assert_eq!(journal.run("r").await.unwrap(), None);
    journal.begin(&run("r")).await.unwrap();
    journal.begin(&Run { by: "another".into(), ..run("r") }).await.unwrap();
    assert_eq!(journal.run("r").await.unwrap(), Some(run("r")));
    journal.write("r", &[entry("1", EntryState::Intended), entry("2", EntryState::Intended)]).await.unwrap();
    journal.write("r", &[entry("1", EntryState::Sent)]).await.unwrap();
    let entries = journal.entries("r", false, &page(10, None)).await.unwrap().items;
    assert_eq!(entries, [entry("1", EntryState::Sent), entry("2", EntryState::Intended)]);
    let counts = journal.run("r").await.unwrap().unwrap().counts;
    assert_eq!(counts, [(EntryState::Intended, 1), (EntryState::Sent, 1)].into());
}

async fn open_entries_keep_what_is_to_be_sent_and_others_do_not(subject: OpsSubject) {
    let journal = &subject.journal;
    journal.begin(&run("r")).await.unwrap();
    let all = [EntryState::Intended, EntryState::Sent, EntryState::Done, EntryState::Refused];
    let entries: Vec<Entry> = all.iter().map(|state| entry(state.name(), *state)).collect();
    journal.write("r", &entries).await.unwrap();
    assert_eq!(journal.entries("r", true, &page(10, None)).await.unwrap().items, entries[..2]);
    let done = Entry { state: EntryState::Done, ..entries[0].clone() };
    journal.write("r", &[done]).await.unwrap();
    let first = journal.entries("r", false, &page(3, None)).await.unwrap();
    let rest = journal.entries("r", false, &page(3, first.next)).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (3, 1, None));
    let all = [first.items, rest.items].concat();
    let done = all.iter().find(|entry| entry.id == entries[0].id).unwrap();
    assert_eq!((done.state, &done.message), (EntryState::Done, &None), "what is done is not kept");
}

async fn runs_are_listed_newest_first_and_finish_once(subject: OpsSubject) {
    let journal = &subject.journal;
    for id in ["a", "b", "c"] {
        journal.begin(&run(id)).await.unwrap();
    }
    let ids = |page: &Page<Run>| page.items.iter().map(|run| run.id.clone()).collect::<Vec<_>>();
    let first = journal.runs(&page(2, None)).await.unwrap();
    assert_eq!(ids(&first), ["c", "b"]);
    assert_eq!(ids(&journal.runs(&page(2, first.next)).await.unwrap()), ["a"]);
    let (early, late) = (Timestamp::from_second(2_000).unwrap(), Timestamp::from_second(3_000).unwrap());
    journal.finish("a", early).await.unwrap();
    journal.finish("a", late).await.unwrap();
    assert_eq!(journal.run("a").await.unwrap().unwrap().finished_at, Some(early));
}

async fn an_entry_needs_its_run(subject: OpsSubject) {
    assert!(subject.journal.write("none", &[entry("1", EntryState::Done)]).await.is_err());
    assert!(subject.journal.entries("none", false, &page(1, None)).await.unwrap().items.is_empty());
}

async fn executions_are_listed_described_and_stopped_once(subject: OpsSubject) {
    let (first, second) = (subject.started("k1").await, subject.started("k2").await);
    let list = async |status| {
        let listed = subject.executions.list(status, &page(10, None)).await.unwrap().items;
        listed.into_iter().map(|execution| execution.name).collect::<Vec<_>>()
    };
    assert_eq!(list(None).await, [second.clone(), first.clone()]);
    let described = subject.executions.describe(&first).await.unwrap().unwrap();
    assert_eq!((described.status, described.stopped_at), (ExecutionStatus::Running, None));

    assert_eq!(subject.executions.stop(&first, "why").await.unwrap(), Stopped::Stopped);
    assert_eq!(subject.executions.stop(&first, "why").await.unwrap(), Stopped::NotRunning);
    let described = subject.executions.describe(&first).await.unwrap().unwrap();
    assert_eq!(described.status, ExecutionStatus::Aborted);
    assert!(described.stopped_at.is_some());
    let history = subject.executions.history(&first).await.unwrap().unwrap();
    assert_eq!(history.first().unwrap()["type"], "ExecutionStarted");
    assert_eq!(history.last().unwrap()["executionAbortedEventDetails"]["cause"], "why");
    assert_eq!(list(Some(ExecutionStatus::Aborted)).await, std::slice::from_ref(&first));
    assert_eq!(list(Some(ExecutionStatus::Running)).await, [second]);

    let unknown = order("unknown").id;
    assert_eq!(subject.executions.describe(&unknown).await.unwrap(), None);
    assert_eq!(subject.executions.history(&unknown).await.unwrap(), None);
    assert_eq!(subject.executions.stop(&unknown, "why").await.unwrap(), Stopped::Missing);
}

async fn running_executions_are_counted_by_state(subject: OpsSubject) {
    assert_eq!(subject.executions.in_states().await.unwrap(), InStates::default());
    let [first, _] = [subject.started("first").await, subject.started("second").await];
    // Step Functions enters the first state a moment after the start.
    let counted = |running: u64| {
        let expected = InStates {
            states: [("ReserveInventory".to_owned(), running)].into(),
            looked_at: running,
            is_sample: false,
        };
        let executions = Arc::clone(&subject.executions);
        async move {
            let end = std::time::Instant::now() + Duration::from_secs(30);
            loop {
                let counted = executions.in_states().await.unwrap();
                if counted == expected {
                    return;
                }
                assert!(std::time::Instant::now() < end, "{counted:?}, and not {expected:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    counted(2).await;
    subject.executions.stop(&first, "a test").await.unwrap();
    counted(1).await;
}

async fn the_definition_that_an_execution_runs_is_told(subject: OpsSubject) {
    let name = subject.started("k").await;
    let parsed = |text: Option<String>| serde_json::from_str::<serde_json::Value>(&text.unwrap()).unwrap();
    let current = parsed(subject.executions.definition(None).await.unwrap());
    assert_eq!(current["StartAt"], "ReserveInventory");
    assert_eq!(parsed(subject.executions.definition(Some(&name)).await.unwrap()), current);
    let stranger = order("stranger").id;
    assert_eq!(subject.executions.definition(Some(&stranger)).await.unwrap(), None);
}

async fn a_stopped_execution_is_redriven_and_a_running_one_is_not(subject: OpsSubject) {
    let id = subject.started("k").await;
    assert!(matches!(subject.executions.redrive(&id).await.unwrap(), Redriven::Refused(_)), "it runs");
    subject.executions.stop(&id, "why").await.unwrap();
    assert_eq!(subject.executions.redrive(&id).await.unwrap(), Redriven::Redriven);
    let described = subject.executions.describe(&id).await.unwrap().unwrap();
    assert_eq!((described.status, described.stopped_at), (ExecutionStatus::Running, None));
    let history = subject.executions.history(&id).await.unwrap().unwrap();
    assert!(history.iter().any(|event| event["type"] == "ExecutionRedriven"), "{history:?}");
    assert_eq!(subject.executions.redrive(&order("unknown").id).await.unwrap(), Redriven::Missing);
}

async fn a_foreign_cursor_is_refused(subject: OpsSubject) {
    let foreign = page(1, Some("no cursor".into()));
    assert_eq!(subject.queues.look(DLQ, &foreign).await, Err(ListError::InvalidCursor));
    assert_eq!(subject.journal.runs(&foreign).await, Err(ListError::InvalidCursor));
    assert_eq!(subject.executions.list(None, &foreign).await, Err(ListError::InvalidCursor));
}
