use std::time::Duration;

use orders::message::{InventoryMessage, Message as _, TaskToken};
use orders::ports::ops::{Change, Changes as _};
use orders::ports::{AnswerError, Clock as _, OrderStore as _, PageRequest, Started, Workflow as _};
use orders::{OrderId, Queue};
use serde_json::{Value, json};
use statemachine::ExecutionStatus;

use super::Stopped;
use crate::Embedded;
use crate::db::Verdict;
use crate::fixture::{DEFINITION, Pipeline, SECOND, order};

const DAY: Duration = Duration::from_secs(86_400);

async fn accepted(embedded: &Embedded, key: &str) -> OrderId {
    let order = order(key);
    embedded.orders().accept(&order).await.unwrap();
    order.id
}

fn input(id: &OrderId) -> Value {
    json!({ "order_id": id, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736" })
}

async fn started(embedded: &Embedded, key: &str) -> OrderId {
    let id = accepted(embedded, key).await;
    assert_eq!(embedded.workflow().start(&id, &input(&id)).await, Ok(Started::Started));
    id
}

/// Takes the one message of the queue, and gives its step and token.
async fn take(embedded: &Embedded, queue: Queue) -> (String, TaskToken) {
    let received = embedded.queues().receive(queue.into(), 10, SECOND).await.unwrap();
    assert_eq!(received.len(), 1, "messages in {queue}");
    embedded.queues().delete(queue.into(), &[received[0].receipt_handle()]).await.unwrap();
    let body: Value = serde_json::from_str(&received[0].body).unwrap();
    (body["step"].as_str().unwrap().to_owned(), TaskToken(body["task_token"].as_str().unwrap().to_owned()))
}

async fn types(embedded: &Embedded, id: &OrderId) -> Vec<String> {
    let history = embedded.workflow().history(id).await.unwrap().unwrap();
    for (event, number) in history.iter().zip(1u64..) {
        assert_eq!(event["id"], number, "the history has no holes");
    }
    history.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

async fn status(embedded: &Embedded, id: &OrderId) -> (ExecutionStatus, Vec<String>) {
    let description = embedded.workflow().describe(id).await.unwrap().unwrap();
    (description.status, description.current_states)
}

#[tokio::test]
async fn a_happy_order_goes_through_three_steps() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let workflow = embedded.workflow();
    let id = started(&embedded, "k").await;
    for (queue, step) in [
        (Queue::Inventory, "ReserveInventory"),
        (Queue::Payments, "ChargePayment"),
        (Queue::Emails, "SendConfirmation"),
    ] {
        assert_eq!(status(&embedded, &id).await, (ExecutionStatus::Running, vec![step.to_owned()]));
        let (taken, token) = take(&embedded, queue).await;
        assert_eq!(taken, step);
        assert_eq!(workflow.timers(), 1);
        workflow.succeed(&token, &json!({})).await.unwrap();
    }
    assert_eq!(status(&embedded, &id).await, (ExecutionStatus::Succeeded, vec![]));
    assert_eq!(workflow.timers(), 0, "a finished execution leaves no timer behind");
    let types = types(&embedded, &id).await;
    assert_eq!(
        (types.first().unwrap().as_str(), types.last().unwrap().as_str()),
        ("ExecutionStarted", "ExecutionSucceeded")
    );
    assert_eq!(types.iter().filter(|each| *each == "TaskSubmitted").count(), 3);
    let description = workflow.describe(&id).await.unwrap().unwrap();
    assert_eq!((description.name, description.stopped_at.is_some(), description.next_timer), (id, true, None));
}

#[tokio::test]
async fn the_message_is_one_that_the_workers_understand() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let id = started(&embedded, "k").await;
    let received = embedded.queues().receive(Queue::Inventory.into(), 1, SECOND).await.unwrap();
    let message: InventoryMessage = serde_json::from_str(&received[0].body).unwrap();
    assert_eq!(message.order_id(), &id);
    let history = embedded.workflow().history(&id).await.unwrap().unwrap();
    let submitted = history.iter().find(|event| event["type"] == "TaskSubmitted").unwrap();
    let output: Value =
        serde_json::from_str(submitted["taskSubmittedEventDetails"]["output"].as_str().unwrap()).unwrap();
    assert_eq!(output["MessageId"], received[0].id.to_string());
}

#[tokio::test]
async fn a_second_start_is_refused_and_one_without_an_order_too() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let id = started(&embedded, "k").await;
    let workflow = embedded.workflow();
    assert_eq!(workflow.start(&id, &input(&id)).await, Ok(Started::AlreadyExists));
    let other = order("other").id;
    assert!(workflow.start(&other, &input(&other)).await.is_err());
    let id = accepted(&embedded, "raced").await;
    let input = input(&id);
    let (one, two) = tokio::join!(workflow.start(&id, &input), workflow.start(&id, &input));
    let mut both = [one.unwrap(), two.unwrap()];
    both.sort_by_key(|each| *each == Started::AlreadyExists);
    assert_eq!(both, [Started::Started, Started::AlreadyExists]);
    assert_eq!(embedded.queues().depth(Queue::Inventory.into()).visible, 2, "one message for each order");
}

#[tokio::test]
async fn a_spent_token_and_nonsense_are_told_apart() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let workflow = embedded.workflow();
    started(&embedded, "k").await;
    let (_, token) = take(&embedded, Queue::Inventory).await;
    assert_eq!(workflow.heartbeat(&token).await, Ok(()));
    assert_eq!(workflow.succeed(&token, &json!({})).await, Ok(()));
    assert_eq!(workflow.succeed(&token, &json!({})).await, Err(AnswerError::Spent));
    assert_eq!(workflow.fail(&token, "OutOfStock", "").await, Err(AnswerError::Spent));
    assert_eq!(workflow.heartbeat(&token).await, Err(AnswerError::Spent));
    assert_eq!(workflow.succeed(&TaskToken("nonsense".to_owned()), &json!({})).await, Err(AnswerError::InvalidToken));
    // A token of another database: its execution is not here.
    let elsewhere = Pipeline::new();
    let elsewhere = elsewhere.open();
    assert_eq!(elsewhere.workflow().succeed(&token, &json!({})).await, Err(AnswerError::Spent));
    // The right execution and task, with a made-up secret.
    let mut forged = token.0.into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    let forged = TaskToken(String::from_utf8(forged).unwrap());
    assert_eq!(workflow.succeed(&forged, &json!({})).await, Err(AnswerError::Spent));
}

#[tokio::test]
async fn a_step_that_nobody_answers_is_compensated_after_a_day() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let id = started(&embedded, "k").await;
    let (_, token) = take(&embedded, Queue::Inventory).await;
    pipeline.clock.advance(DAY - SECOND);
    embedded.tick().await;
    assert_eq!(status(&embedded, &id).await.1, ["ReserveInventory"]);
    pipeline.clock.advance(SECOND);
    embedded.tick().await;
    assert_eq!(status(&embedded, &id).await.1, ["ReleaseInventory"]);
    assert_eq!(take(&embedded, Queue::Inventory).await.0, "ReleaseInventory");
    assert_eq!(embedded.workflow().succeed(&token, &json!({})).await, Err(AnswerError::Spent));
}

#[tokio::test]
async fn a_running_pipeline_fires_timers_by_itself() {
    let pipeline = Pipeline::new();
    let text = r#"{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": true}}}"#;
    let clock = std::sync::Arc::new(orders::ports::SystemClock);
    let embedded = Embedded::open_with(pipeline.config.clone(), text, clock).unwrap();
    let running = embedded.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let run = tokio::spawn(async move { running.run(Default::default(), async { drop(stopped.await) }).await });
    let begun = std::time::Instant::now();
    let id = started(&embedded, "k").await;
    while status(&embedded, &id).await.0 == ExecutionStatus::Running {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(990) && begun.elapsed() < Duration::from_millis(1500));
    stop.send(()).unwrap();
    run.await.unwrap();
}

#[tokio::test]
async fn after_a_kill_executions_and_timers_go_on() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let answered = started(&embedded, "answered").await;
    let (_, token) = take(&embedded, Queue::Inventory).await;
    embedded.workflow().succeed(&token, &json!({})).await.unwrap();
    let (_, charge) = take(&embedded, Queue::Payments).await;
    let forgotten = started(&embedded, "forgotten").await;

    let pipeline = pipeline.crashed();
    let embedded = pipeline.open();
    assert_eq!(embedded.workflow().timers(), 2);
    embedded.workflow().succeed(&charge, &json!({})).await.unwrap();
    assert_eq!(status(&embedded, &answered).await.1, ["SendConfirmation"]);
    pipeline.clock.advance(DAY);
    embedded.tick().await;
    assert_eq!(status(&embedded, &forgotten).await.1, ["ReleaseInventory"]);
    assert_eq!(status(&embedded, &answered).await.1, ["CloseOrder"]);
    types(&embedded, &answered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_answers_and_a_timer_at_the_same_moment_exactly_one_counts() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    for round in 0..20 {
        let id = started(&embedded, &format!("k{round}")).await;
        let (_, token) = take(&embedded, Queue::Inventory).await;
        pipeline.clock.advance(DAY);
        let workflow = embedded.workflow();
        let output = json!({});
        let (one, two, three, ()) = tokio::join!(
            tokio::spawn({
                let (workflow, token, output) = (workflow.clone(), token.clone(), output.clone());
                async move { workflow.succeed(&token, &output).await }
            }),
            tokio::spawn({
                let (workflow, token) = (workflow.clone(), token.clone());
                async move { workflow.fail(&token, "OutOfStock", "none left").await }
            }),
            workflow.succeed(&token, &output),
            workflow.fire_due(),
        );
        let answers = [one.unwrap(), two.unwrap(), three];
        let lost = answers.iter().filter(|answer| **answer == Err(AnswerError::Spent)).count();
        assert!(
            lost >= 2 && answers.iter().all(|answer| matches!(answer, Ok(()) | Err(AnswerError::Spent))),
            "{answers:?}"
        );
        let messages = embedded.queues().depth(Queue::Inventory.into()).visible
            + embedded.queues().depth(Queue::Payments.into()).visible;
        assert_eq!(messages, 1, "one next step, whoever won");
        let types = types(&embedded, &id).await;
        let ends = ["TaskSucceeded", "TaskFailed", "TaskTimedOut"];
        assert_eq!(types.iter().filter(|each| ends.contains(&each.as_str())).count(), 1, "{types:?}");
        for queue in [Queue::Inventory, Queue::Payments] {
            embedded.queues().purge(queue.into()).await.unwrap();
        }
        assert_eq!(workflow.stop(&id, None, None).await, Ok(Stopped::Stopped));
    }
}

#[tokio::test]
async fn an_answer_with_its_history_and_next_message_is_all_or_nothing() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let id = started(&embedded, "k").await;
    let (_, token) = take(&embedded, Queue::Inventory).await;
    let before = types(&embedded, &id).await;
    for table in ["messages", "history"] {
        let broken =
            format!("CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE (ABORT, 'injected'); END");
        embedded.db().write(move |connection| connection.execute_batch(&broken).map(Verdict::Keep)).await.unwrap();
        let answered = embedded.workflow().succeed(&token, &json!({})).await;
        assert!(matches!(answered, Err(AnswerError::Unavailable(_))), "{table}: {answered:?}");
        assert_eq!(types(&embedded, &id).await, before, "{table}");
        assert_eq!(status(&embedded, &id).await.1, ["ReserveInventory"], "{table}");
        assert_eq!(embedded.queues().depth(Queue::Payments.into()), crate::Depth::default(), "{table}");
        embedded
            .db()
            .write(|connection| connection.execute_batch("DROP TRIGGER broken").map(Verdict::Keep))
            .await
            .unwrap();
    }
    embedded.workflow().succeed(&token, &json!({})).await.unwrap();
    assert_eq!(take(&embedded, Queue::Payments).await.0, "ChargePayment");
}

#[tokio::test]
async fn a_stopped_execution_is_aborted_and_its_token_spent() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let workflow = embedded.workflow();
    let id = started(&embedded, "k").await;
    let (_, token) = take(&embedded, Queue::Inventory).await;
    let stopped = workflow.stop(&id, Some("Ops".to_owned()), Some("by hand".to_owned())).await;
    assert_eq!(stopped, Ok(Stopped::Stopped));
    assert_eq!(status(&embedded, &id).await.0, ExecutionStatus::Aborted);
    assert_eq!(workflow.stop(&id, None, None).await, Ok(Stopped::NotRunning));
    assert_eq!(workflow.stop(&order("none").id, None, None).await, Ok(Stopped::Missing));
    assert_eq!(workflow.succeed(&token, &json!({})).await, Err(AnswerError::Spent));
    assert_eq!(workflow.timers(), 0);
    let page = PageRequest { limit: 10.try_into().unwrap(), cursor: None };
    let aborted = workflow.list(Some(ExecutionStatus::Aborted), &page).await.unwrap();
    assert_eq!(aborted.items.iter().map(|each| &each.name).collect::<Vec<_>>(), [&id]);
    assert!(workflow.list(Some(ExecutionStatus::Running), &page).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn executions_are_listed_newest_first_page_by_page() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.insert(0, started(&embedded, &format!("k{number}")).await);
    }
    let mut page = PageRequest { limit: 2.try_into().unwrap(), cursor: None };
    let mut listed = Vec::new();
    loop {
        let answer = embedded.workflow().list(None, &page).await.unwrap();
        listed.extend(answer.items.into_iter().map(|each| each.name));
        page.cursor = answer.next;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, ids);
    page.cursor = Some("nonsense".to_owned());
    assert!(embedded.workflow().list(None, &page).await.is_err());
}

#[tokio::test]
async fn the_next_timer_is_the_heartbeats_and_each_one_puts_it_off() {
    let mut definition: Value = serde_json::from_str(DEFINITION).unwrap();
    definition["States"]["ReserveInventory"]["HeartbeatSeconds"] = json!(30);
    let pipeline = Pipeline::new();
    let embedded = pipeline.open_with(&definition.to_string());
    let workflow = embedded.workflow();
    let id = started(&embedded, "k").await;
    let (_, token) = take(&embedded, Queue::Inventory).await;
    let next = async || workflow.describe(&id).await.unwrap().unwrap().next_timer.unwrap();
    let begun = pipeline.clock.now();
    assert_eq!(next().await, begun + SECOND * 30);

    let mut watch = embedded.changes().watch(None);
    watch.news().await;
    pipeline.clock.advance(SECOND * 10);
    workflow.heartbeat(&token).await.unwrap();
    assert_eq!(next().await, begun + SECOND * 40);
    let told = watch.news().await.changes;
    assert!(matches!(&told[0].change, Change::Execution { name, .. } if *name == id), "who counts it down is told");

    pipeline.clock.advance(SECOND * 30);
    workflow.fire_due().await;
    assert!(types(&embedded, &id).await.contains(&"TaskTimedOut".to_owned()));
}

/// A definition of one task, with the failure kept.
fn task(resource: &str, url: &str) -> String {
    json!({
        "StartAt": "Send",
        "States": { "Send": {
            "Type": "Task",
            "Resource": resource,
            "Parameters": { "QueueUrl": url, "MessageBody": "hello", "DelaySeconds": 5,
                "MessageAttributes": { "kind": { "DataType": "String", "StringValue": "greeting" } } },
            "End": true
        } }
    })
    .to_string()
}

#[tokio::test]
async fn a_send_that_nobody_waits_for_is_done_when_it_is_sent() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open_with(&task("arn:aws:states:::sqs:sendMessage", "${EmailsQueueUrl}"));
    let id = started(&embedded, "k").await;
    assert_eq!(status(&embedded, &id).await.0, ExecutionStatus::Succeeded);
    let emails = Queue::Emails.into();
    assert_eq!(embedded.queues().depth(emails).delayed, 1);
    pipeline.clock.advance(SECOND * 5);
    let received = embedded.queues().receive(emails, 1, SECOND).await.unwrap();
    assert_eq!((&*received[0].body, received[0].attributes()["kind"].as_str()), ("hello", "greeting"));
}

#[tokio::test]
async fn what_cannot_be_sent_fails_the_task_as_on_aws() {
    let wait = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
    for (resource, url, error) in [
        (wait, "embedded:nowhere", "SQS.QueueDoesNotExistException"),
        (wait, "https://sqs.eu-central-1.amazonaws.com/1/orders", "SQS.QueueDoesNotExistException"),
        ("arn:aws:states:::sns:publish", "embedded:orders", "States.TaskFailed"),
    ] {
        let pipeline = Pipeline::new();
        let embedded = pipeline.open_with(&task(resource, url));
        let id = started(&embedded, "k").await;
        assert_eq!(status(&embedded, &id).await.0, ExecutionStatus::Failed, "{resource} {url}");
        let history = embedded.workflow().history(&id).await.unwrap().unwrap();
        assert_eq!(history.last().unwrap()["executionFailedEventDetails"]["error"], error);
    }
}

#[tokio::test]
async fn an_execution_keeps_the_definition_it_started_with() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let id = started(&embedded, "old").await;
    embedded.close();
    let embedded = pipeline.open_with(&task("arn:aws:states:::sqs:sendMessage", "${EmailsQueueUrl}"));
    let (_, token) = take(&embedded, Queue::Inventory).await;
    embedded.workflow().succeed(&token, &json!({})).await.unwrap();
    assert_eq!(status(&embedded, &id).await.1, ["ChargePayment"]);
    assert!(embedded.workflow().describe(&id).await.unwrap().unwrap().definition.text().contains("ChargePayment"));
    let new = started(&embedded, "new").await;
    assert_eq!(status(&embedded, &new).await.0, ExecutionStatus::Succeeded);
}

#[test]
fn an_invalid_definition_is_refused_at_the_start() {
    let pipeline = Pipeline::new();
    let opened = Embedded::open_with(pipeline.config.clone(), "{}", pipeline.clock());
    assert!(opened.err().unwrap().to_string().starts_with("the workflow's definition is not valid"));
}

#[tokio::test]
async fn a_stored_history_reads_as_the_engine_told_it() {
    let definition = std::sync::Arc::new(statemachine::Definition::parse(crate::fixture::DEFINITION).unwrap());
    let now = jiff::Timestamp::from_millisecond(1_767_225_600_123).unwrap();
    let context = super::context(&order("k").id);
    let (_, effects) = statemachine::Execution::start(definition, context, json!({ "a": "ä\"\n" }), 7, now);
    let events: Vec<_> = effects
        .into_iter()
        .filter_map(|effect| match effect {
            statemachine::Effect::Append(event) => Some(event),
            _ => None,
        })
        .collect();
    assert!(events.len() > 2);
    assert_eq!(super::journal::read(&super::journal::render(&events, now).unwrap()).unwrap(), events);
}

#[tokio::test]
async fn a_timer_that_comes_too_early_is_not_forgotten() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    started(&embedded, "k").await;
    let workflow = embedded.workflow();
    let due = workflow.next_timer().unwrap();
    let (seq, _) = workflow.timers.due(i64::MAX)[0];
    workflow.timers.set(seq, Some(crate::clock::now(&*pipeline.clock)));
    workflow.fire_due().await;
    assert_eq!(workflow.next_timer(), Some(due));
}
