//! Ops on AWS, with the command: `orderflow --aws`, against a stage that is deployed as it is.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::ministack::{self, REGION};
use crate::service::built;
use crate::stack::{ACCOUNT, Stack};

/// The command, with the credentials of the account's root.
struct Orderflow {
    endpoint: String,
    stack: String,
}

impl Orderflow {
    async fn on(stack: &Stack) -> Self {
        Self { endpoint: ministack::endpoint().await, stack: stack.name() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built("orderflow-full"));
        command
            .args(arguments)
            .args(["--aws", "--stack", &self.stack])
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        command
    }

    /// Its exit code, and what it prints.
    fn exits(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// What it prints; it must succeed.
    fn says(&self, arguments: &[&str]) -> String {
        let (code, said, why) = self.exits(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}{why}");
        said
    }

    /// What it prints with `--json`; it must succeed.
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.says(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn depth(&self, queue: &str) -> Value {
        let queues = self.json(&["queues"]);
        queues.as_array().unwrap().iter().find(|depth| depth["queue"] == queue).unwrap().clone()
    }
}

/// `orderflow console --aws`, until it is dropped.
struct Console {
    child: Child,
    url: String,
    _stdout: BufReader<ChildStdout>,
}

impl Console {
    fn of(orderflow: &Orderflow) -> Self {
        let mut console = orderflow.command(&["console", "--listen", "127.0.0.1:0"]);
        let mut child = console.stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdout, mut said) = (BufReader::new(child.stdout.take().unwrap()), String::new());
        stdout.read_line(&mut said).unwrap();
        let url = said.trim().rsplit(' ').next().unwrap().strip_suffix("/console").expect(&said).to_owned();
        Self { child, url, _stdout: stdout }
    }

    async fn get(&self, path: &str) -> String {
        let response = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await).unwrap()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// An order whose charge is a dead letter, though nothing is wrong with it: the message was put aside before anybody read it.
async fn order_in_dlq(stack: &Stack) -> String {
    let order = json!({
        "customer": { "id": "c-42", "email": "ada@example.com" },
        "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }], "currency": "EUR", "payment_method": "pm_card_visa",
    });
    stack.poll("PaymentFunctionPayments", false).await;
    let id = stack.place("k", order.to_string()).await;
    let message = stack.receive("PaymentsQueue").await;
    stack.send("PaymentsDlq", message.body().unwrap()).await;
    let delete = stack.sqs().delete_message().queue_url(stack.resource("PaymentsQueue"));
    delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
    stack.poll("PaymentFunctionPayments", true).await;
    id
}

#[tokio::test]
async fn a_dead_letter_is_found_and_replayed_and_the_journal_tells() {
    let stack = Stack::with_products().await;
    let orderflow = Orderflow::on(&stack).await;
    let id = order_in_dlq(&stack).await;

    let status = orderflow.json(&["status"]);
    assert_eq!((&status["dead_letters"], &status["backlog"]), (&json!(1), &json!(0)), "{status:#}");
    let listed = orderflow.says(&["dlq", "ls"]);
    assert!(listed.contains("payments-dlq") && listed.contains("NoCause"), "{listed}");
    let letters = orderflow.json(&["dlq", "show", "payments"]);
    assert_eq!((&letters[0]["order_id"], &letters[0]["order"]["status"]), (&json!(id), &json!("reserved")));

    let foretold = orderflow.json(&["dlq", "replay", "payments", "--order", &id, "--dry-run"]);
    assert_eq!(foretold, json!({ "dry_run": true, "would_replay": 1, "would_refuse": [] }));
    let depth = orderflow.depth("payments-dlq");
    assert_eq!((&depth["visible"], &depth["in_flight"]), (&json!(1), &json!(0)), "looking changed something");

    assert_eq!(orderflow.json(&["dlq", "replay", "payments", "--rate", "10/s", "--yes"])["replayed"], 1);
    assert_eq!(stack.ended(&id).await["status"], "confirmed");
    stack.quiet().await;
    assert_eq!(stack.depth("PaymentsDlq").await, 0);

    let runs = orderflow.json(&["audit", "ls"]);
    assert_eq!((&runs[0]["action"], &runs[0]["counts"]), (&json!("replay"), &json!({ "done": 1 })), "{runs:#}");
    let audit = orderflow.json(&["audit", "show", runs[0]["id"].as_str().unwrap()]);
    assert_eq!(audit["entries"][0]["id"], letters[0]["message_id"]);
    assert_eq!(audit["entries"][0]["order_id"], json!(id));
}

/// Charges that failed at every receive, each with the cause that the worker gave it, while the gateway was down; now it is back.
async fn outage(stack: &Stack, orders: usize) -> Vec<String> {
    stack.poll("PaymentFunctionPayments", false).await;
    let mut ids = Vec::new();
    for number in 0..orders {
        let order = json!({
            "customer": { "id": "c-42", "email": "ada@example.com" },
            "lines": [{ "sku": "MUG-BLUE", "quantity": 1 }], "currency": "EUR", "payment_method": "pm_sim_timeout_1",
        });
        ids.push(stack.place(&format!("k{number}"), order.to_string()).await);
    }
    let end = Instant::now() + Duration::from_secs(60);
    while stack.depth("PaymentsQueue").await < orders {
        assert!(Instant::now() < end, "charges are missing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // All receives but the last are used up here: with the function's backoff they would take ten minutes.
    for _ in 1..10 {
        let receive = stack.sqs().receive_message().queue_url(stack.resource("PaymentsQueue"));
        let received = receive.max_number_of_messages(10).visibility_timeout(0).send().await.unwrap();
        assert_eq!(received.messages.unwrap_or_default().len(), orders);
    }
    stack.poll("PaymentFunctionPayments", true).await;
    while stack.depth("PaymentsDlq").await < orders {
        assert!(Instant::now() < end, "they are not dead-lettered");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ids
}

/// The incident of docs/OPERATIONS.md ("An incident, step by step"), with few orders: the emulator is slow.
#[tokio::test]
async fn an_outage_of_the_gateway_ends_with_every_order_confirmed_and_a_log_that_tells_it() {
    let stack = Stack::with_products().await;
    let orderflow = Orderflow::on(&stack).await;
    let ids = outage(&stack, 5).await;

    let found = orderflow.json(&["dlq", "ls", "--all"]);
    let payments = found.as_array().unwrap().iter().find(|dlq| dlq["queue"] == "payments").unwrap();
    let cause = &payments["causes"][0];
    let told = (&cause["step"], &cause["error"], &cause["count"]);
    assert_eq!(told, (&json!("ChargePayment"), &json!("GatewayUnavailable"), &json!(5)), "{found:#}");

    let replay = ["dlq", "replay", "payments", "--cause", "GatewayUnavailable", "--rate", "2/s"];
    let foretold = orderflow.json(&replay);
    assert_eq!(foretold, json!({ "dry_run": true, "would_replay": 5, "would_refuse": [] }));
    assert_eq!(stack.depth("PaymentsDlq").await, 5, "a dry run changes nothing");
    assert_eq!(orderflow.json(&[&replay[..], &["--max", "1", "--yes"]].concat())["replayed"], 1);
    assert_eq!(orderflow.json(&[&replay[..], &["--yes"]].concat())["replayed"], 4);
    for id in &ids {
        assert_eq!(stack.ended(id).await["status"], "confirmed", "{id}");
    }
    stack.quiet().await;
    assert_eq!(stack.depth("PaymentsDlq").await, 0);

    let log = orderflow.says(&["audit", "export"]);
    let runs: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts: Vec<&Value> = runs.iter().map(|run| &run["run"]["counts"]["done"]).collect();
    assert_eq!(counts, [&json!(4), &json!(1)], "a dry run leaves no trace");
    for run in &runs {
        let how = &run["run"]["how"];
        assert_eq!((&how["selection"]["cause"], &how["rate"]), (&json!("GatewayUnavailable"), &json!(2)));
    }
    let replayed = runs.iter().flat_map(|run| run["entries"].as_array().unwrap());
    let replayed: std::collections::BTreeSet<_> = replayed.map(|entry| entry["order_id"].as_str().unwrap()).collect();
    assert_eq!(replayed, ids.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn an_order_and_its_execution_are_shown_from_start_to_end() {
    let stack = Stack::with_products().await;
    let orderflow = Orderflow::on(&stack).await;
    let id = order_in_dlq(&stack).await;

    // Nobody has charged it for longer than this. Sending it again needs the message of `TaskScheduled`, which the emulator omits.
    let (code, stuck, why) = orderflow.exits(&["reconcile", "--older-than", "1ms", "--json"]);
    assert_eq!(code, 3, "{why}");
    let stuck: Value = serde_json::from_str(&stuck).unwrap();
    let told = (&stuck[0]["order_id"], &stuck[0]["remedy"], &stuck[0]["step"]);
    assert_eq!(told, (&json!(id), &json!("resend"), &json!("ChargePayment")), "{stuck:#}");

    orderflow.json(&["dlq", "replay", "payments", "--yes"]);
    stack.ended(&id).await;
    let end = Instant::now() + Duration::from_secs(20);
    while orderflow.json(&["executions", "show", &id])["status"] != "SUCCEEDED" {
        assert!(Instant::now() < end, "it does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let history = orderflow.json(&["executions", "history", &id]);
    assert_eq!(history[0]["type"], "ExecutionStarted");
    assert!(history[0]["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let entered = history.as_array().unwrap().iter().filter(|event| event["type"] == "TaskStateEntered");
    let entered: Vec<&Value> = entered.map(|event| &event["stateEnteredEventDetails"]["name"]).collect();
    assert_eq!(entered, ["ReserveInventory", "ChargePayment", "SendConfirmation"]);
    assert!(orderflow.says(&["executions", "ls", "--status", "SUCCEEDED"]).contains(&id));

    assert_eq!(orderflow.json(&["orders", "ls", "--status", "confirmed"])[0]["order_id"], json!(id));
    let story = orderflow.json(&["orders", "show", &id]);
    let sources: Vec<&Value> = story["timeline"].as_array().unwrap().iter().map(|moment| &moment["source"]).collect();
    for source in ["order", "step", "execution"] {
        assert!(sources.contains(&&json!(source)), "{source}: {story:#}");
    }
    assert_eq!(orderflow.says(&["reconcile"]), "Nothing is stuck.\n");
}

#[tokio::test]
async fn the_console_of_a_stack_finds_a_dead_letter_and_draws_its_execution() {
    let stack = Stack::with_products().await;
    let orderflow = Orderflow::on(&stack).await;
    let id = order_in_dlq(&stack).await;
    let console = Console::of(&orderflow);

    assert!(console.get("/console").await.contains("/console/assets/app.js"));
    let here = console.json("/console/session").await;
    let platform = &here["platform"];
    assert_eq!((&platform["name"], &platform["events"]), (&json!(stack.name()), &json!(false)), "{here:#}");
    let graph = console.json("/console/api/graph").await;
    let nodes = graph["faces"]["nodes"].as_array().unwrap();
    let charge = nodes.iter().find(|node| node["title"].as_str().unwrap().starts_with("ChargePayment ")).unwrap();
    assert_eq!((&charge["data"]["now"], &charge["data"]["status"]), (&json!("1"), &json!("failed")), "{charge:#}");
    let causes = console.json("/ops/dead-letters").await;
    assert!(causes.to_string().contains("\"payments\""), "{causes:#}");
    let running = console.json("/ops/executions?status=RUNNING").await;
    assert_eq!(running["items"][0]["name"], json!(id), "{running:#}");
    let drawn = console.get(&format!("/console/api/executions/{id}/graph.svg")).await;
    assert!(drawn.starts_with("<svg") && drawn.contains("data-state=\"ChargePayment\""), "{drawn}");
    assert_eq!(console.json(&format!("/ops/orders/{id}")).await["status"], "reserved");
}

#[tokio::test]
async fn looking_puts_visibility_back() {
    let stack = Stack::deploy().await;
    let orderflow = Orderflow::on(&stack).await;
    for index in 0..12 {
        stack.send("EmailsDlq", &format!("letter {index}")).await;
    }
    for _ in 0..2 {
        assert_eq!(orderflow.json(&["dlq", "show", "emails"]).as_array().unwrap().len(), 12);
    }
    let depth = orderflow.depth("emails-dlq");
    assert_eq!((&depth["visible"], &depth["in_flight"]), (&json!(12), &json!(0)));
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_said() {
    let orderflow = Orderflow { endpoint: ministack::endpoint().await, stack: "orderflow-nowhere".to_owned() };
    let (code, _, why) = orderflow.exits(&["status"]);
    assert!(code == 1 && why.contains("the stack `orderflow-nowhere` can't be described"), "{why}");
}
