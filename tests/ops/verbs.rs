//! Each verb, and what it refuses.

use orders::step::QueueName;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::night::Night;

/// A message that no worker can read, put into the `payments` DLQ by an import.
fn import_poison(night: &Night, body: &str) {
    let line = json!({ "queue": "payments", "message_id": "x", "sent_at": "2026-01-01T00:00:00Z", "body": body });
    std::fs::write(night.path().join("poison.jsonl"), line.to_string()).unwrap();
    assert!(night.says(&["dlq", "import", "poison.jsonl"]).contains("--yes does it"));
    night.says(&["dlq", "import", "poison.jsonl", "--yes"]);
}

#[tokio::test]
async fn filters_choose_and_what_is_not_chosen_stays() {
    let (night, ids) = Night::after_an_outage(4).await;
    let shown =
        |arguments: &[&str]| night.json(&[&["dlq", "show", "payments"], arguments].concat()).as_array().unwrap().len();
    assert_eq!(shown(&[]), 4);
    assert_eq!(shown(&["--order", &ids[0]]), 1);
    assert_eq!(shown(&["--cause", "Panicked"]), 0);
    assert_eq!(shown(&["--since", "1h"]), 4);
    assert_eq!(shown(&["--since", "2999-01-01T00:00:00Z"]), 0);
    assert_eq!(shown(&["--where", &format!("body.order_id == '{}'", ids[1])]), 1);
    assert_eq!(shown(&["--limit", "2"]), 2);
    let (code, why) = night.refuses(&["dlq", "show", "payments", "--where", "body.["]);
    assert!(code == 1 && why.contains("where"), "{why}");

    let replayed = night.json(&["dlq", "replay", "payments-dlq", "--order", &ids[0], "--yes"]);
    assert_eq!(replayed["replayed"], 1);
    night.until_quiet().await;
    assert_eq!(shown(&[]), 3);
    assert_eq!(night.json(&["orders", "show", &ids[0]])["status"], "confirmed");
    night.ends();
}

#[tokio::test]
async fn a_replayed_message_keeps_its_attributes_and_tells_of_its_replay() {
    let (night, ids) = Night::after_an_outage(1).await;
    let before = night.json(&["dlq", "show", "payments"]);
    night.says(&["gateway", "down"]);
    night.says(&["dlq", "replay", "payments", "--yes"]);
    night.until("dead-lettered again", |status| status["dead_letters"] == 1).await;
    let after = night.json(&["dlq", "show", "payments"]);
    assert_ne!(before[0]["message_id"], after[0]["message_id"]);
    assert_eq!(before[0]["body"], after[0]["body"]);
    assert_eq!(after[0]["replayed"], 1);
    let replay: Value = serde_json::from_str(after[0]["attributes"]["replay"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&replay["of"], &replay["count"], &replay["by"]),
        (&before[0]["message_id"], &json!(1), &json!("local"))
    );
    assert!(after[0]["attributes"]["dead_letter"].is_string());

    let story = night.json(&["orders", "show", &ids[0]]);
    let told: Vec<&str> =
        story["timeline"].as_array().unwrap().iter().map(|it| it["source"].as_str().unwrap()).collect();
    for source in ["order", "step", "execution", "dead letter"] {
        assert!(told.contains(&source), "{source}: {story:#}");
    }
    night.ends();
}

#[tokio::test]
async fn what_is_done_or_unreadable_is_refused_unless_forced_or_mended() {
    let (night, ids) = Night::after_an_outage(1).await;
    night.says(&["dlq", "export", "payments", "--output", "one.jsonl"]);
    night.says(&["dlq", "replay", "payments", "--yes"]);
    night.until_quiet().await;
    night.says(&["dlq", "import", "one.jsonl", "--yes"]);
    assert_eq!(night.json(&["dlq", "show", "payments"])[0]["order"]["effect"], "already Charged");
    let (code, why) = night.refuses(&["dlq", "replay", "payments", "--yes"]);
    assert!(code == 3 && why.contains("its step is done already (Charged), and nothing waits for its answer"), "{why}");
    night.says(&["dlq", "replay", "payments", "--yes", "--force"]);
    night.until_quiet().await;
    night.all_confirmed_once(1);

    import_poison(&night, "{\"step\":\"ChargeCard\"}");
    let (code, why) = night.refuses(&["dlq", "replay", "payments", "--yes"]);
    assert!(code == 3 && why.contains("can't read it"), "{why}");
    // An edit that doesn't help is refused before anything is sent; one that does is sent.
    let patch = |value: &str| {
        let patch = json!([{ "op": "replace", "path": "/step", "value": value }]);
        std::fs::write(night.path().join("patch.json"), patch.to_string()).unwrap();
        ["dlq", "replay", "payments", "--patch", "patch.json", "--yes"]
    };
    let (code, why) = night.refuses(&patch("ChargePayment"));
    assert!(code == 3 && why.contains("this field is missing"), "{why}");
    let original: Value =
        serde_json::from_str(std::fs::read_to_string(night.path().join("one.jsonl")).unwrap().trim()).unwrap();
    std::fs::write(night.path().join("body.json"), original["body"].as_str().unwrap()).unwrap();
    let edit = ["dlq", "replay", "payments", "--edit", "cp body.json", "--force", "--yes"];
    assert_eq!(night.json(&edit)["replayed"], 1);
    night.until_quiet().await;
    assert_eq!(night.json(&["orders", "show", &ids[0]])["status"], "confirmed");
    night.all_confirmed_once(1);
    night.ends();
}

#[tokio::test]
async fn a_purge_needs_the_name_typed_out_and_keeps_an_export_that_can_be_put_back() {
    let (night, _) = Night::after_an_outage(3).await;
    assert!(night.says(&["dlq", "purge", "payments"]).contains("3 dead letters"));
    let (code, why) = night.refuses(&["dlq", "purge", "payments", "--yes"]);
    assert!(code == 1 && why.contains("--confirm payments-dlq"), "{why}");
    let (_, why) = night.refuses(&["dlq", "purge", "payments", "--yes", "--confirm", "payments"]);
    assert!(why.contains("nothing was deleted"), "{why}");
    let purge = ["dlq", "purge", "payments", "--yes", "--confirm", "payments-dlq", "--export", "kept.jsonl"];
    night.says(&purge);
    assert_eq!(night.get("/ops/status").await["dead_letters"], 0);
    assert_eq!(std::fs::read_to_string(night.path().join("kept.jsonl")).unwrap().lines().count(), 3);

    night.says(&["dlq", "import", "kept.jsonl", "--yes"]);
    night.says(&["dlq", "replay", "payments", "--yes"]);
    night.until_quiet().await;
    night.all_confirmed_once(3);
    let actions: Vec<String> =
        night.json(&["audit", "ls"]).as_array().unwrap().iter().map(|run| run["action"].to_string()).collect();
    assert_eq!(actions, ["\"replay\"", "\"import\"", "\"purge\""]);
    night.ends();
}

#[tokio::test]
async fn a_redrive_moves_all_dead_letters_back() {
    let (night, _) = Night::after_an_outage(5).await;
    assert!(night.says(&["dlq", "redrive", "payments"]).contains("all 5"));
    night.says(&["dlq", "redrive", "payments", "--rate", "100/s", "--yes"]);
    night.until("moved", |status| status["dead_letters"] == 0).await;
    night.until_quiet().await;
    night.all_confirmed_once(5);
    let status = night.json(&["dlq", "redrive", "payments", "--status"]);
    assert_eq!((&status["moved"], &status["to_move"]), (&json!(5), &json!(5)));
    night.ends();
}

#[tokio::test]
async fn ctrl_c_stops_a_replay_cleanly_and_says_what_is_left() {
    let (night, _) = Night::after_an_outage(40).await;
    let replay = night.spawn(&["dlq", "replay", "payments", "--rate", "20/s", "--yes"]);
    night.until("begun", |status| status["dead_letters"].as_u64().unwrap() < 40).await;
    let interrupt = std::process::Command::new("kill").args(["-INT", &replay.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    let output = replay.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    let left = night.get("/ops/status").await["dead_letters"].as_u64().unwrap();
    assert!(left > 0 && said.contains(&format!("Stopped: {left} that were meant")), "{left}: {said}");
    assert!(night.json(&["audit", "ls"])[0]["finished_at"].is_string());
    night.ends();
}

#[tokio::test]
async fn an_execution_is_stopped_only_with_its_effects_undone() {
    let (night, ids) = Night::after_an_outage(1).await;
    let id = ids[0].as_str();
    let (code, why) = night.refuses(&["executions", "stop", id]);
    assert!(code == 1 && why.contains("the payment is under way") && why.contains("--compensate"), "{why}");
    assert_eq!(night.json(&["executions", "show", id])["status"], "RUNNING");
    night.says(&["executions", "stop", id, "--compensate", "--cause", "a test"]);
    let story = night.json(&["orders", "show", id]);
    assert_eq!((&story["status"], &story["execution"]["status"]), (&json!("rejected"), &json!("ABORTED")));
    let (stock, reserved): (i64, i64) = night
        .database()
        .query_row("SELECT stock, reserved FROM products WHERE sku = 'MUG-BLUE'", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((stock, reserved), (10_000, 0), "the stock is back");
    // Its dead letter is of no use any more, and says so.
    let (code, why) = night.refuses(&["dlq", "replay", "payments", "--yes"]);
    assert!(code == 3 && why.contains("already rejected"), "{why}");
    let last = night.json(&["executions", "history", id]).as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["executionAbortedEventDetails"]["cause"], "a test");
    night.ends();
}

#[tokio::test]
async fn executions_are_found_by_state_error_and_time() {
    let (night, ids) = Night::after_an_outage(2).await;
    let found = |arguments: &[&str]| {
        let executions = night.json(&[&["executions", "ls"], arguments].concat());
        let name = |it: &Value| it["name"].as_str().unwrap().to_owned();
        executions.as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--state", "ChargePayment"]).len(), 2);
    assert_eq!(found(&["--state", "SendConfirmation"]).len(), 0);
    night.says(&["dlq", "replay", "payments", "--order", &ids[0], "--yes"]);
    night.until_quiet().await;
    night.says(&["executions", "stop", &ids[1], "--compensate", "--cause", "a test"]);
    assert_eq!(found(&["--status", "SUCCEEDED"]), ids[..1]);
    assert_eq!(found(&["--error", "StoppedByOps"]), ids[1..]);
    assert_eq!(found(&["--error", "PaymentDeclined", "--since", "1h"]).len(), 0);
    assert_eq!(found(&["--since", "1h", "--limit", "1"]).len(), 1);
    assert_eq!(found(&["--before", "1h"]).len(), 0);
    assert!(night.says(&["executions", "ls", "--since", "1h"]).contains("StoppedByOps"));
    night.ends();
}

#[tokio::test]
async fn reconcile_sends_a_lost_step_again() {
    let (mut night, ids) = Night::after_an_outage(2).await;
    assert!(night.says(&["reconcile"]).contains("Nothing is stuck"), "a day has not passed");
    night.kill();
    let database = Connection::open(night.path().join("orderflow.db")).unwrap();
    database.execute("DELETE FROM messages", []).unwrap();
    drop(database);
    night.start().await;

    let output = night.run(&["reconcile", "--older-than", "0s", "--json"]);
    assert_eq!(output.status.code(), Some(3), "some are stuck");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    for id in &ids {
        let found = found.as_array().unwrap().iter().find(|stuck| stuck["order_id"] == id.as_str()).unwrap();
        assert_eq!((&found["remedy"], &found["step"]), (&json!("resend"), &json!("ChargePayment")));
    }
    night.says(&["reconcile", "--older-than", "0s", "--yes"]);
    night.until_quiet().await;
    night.all_confirmed_once(2);
    assert!(night.says(&["reconcile", "--older-than", "0s"]).contains("Nothing is stuck"));
    night.ends();
}

#[tokio::test]
async fn orders_are_listed_shown_and_cancelled() {
    let (night, ids) = Night::after_an_outage(2).await;
    let listed = night.json(&["orders", "ls", "--status", "reserved"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains("ada@"), "no personal data");
    night.says(&["orders", "cancel", &ids[0]]);
    night.says(&["dlq", "replay", "payments", "--yes"]);
    night.until_quiet().await;
    assert_eq!(night.json(&["orders", "show", &ids[0]])["reason"], "Cancelled");
    let (code, why) = night.refuses(&["orders", "cancel", &ids[1]]);
    assert!(code == 1 && why.contains("the order is confirmed"), "{why}");
    let (_, why) = night.refuses(&["orders", "show", &format!("ord_{}", "0".repeat(26))]);
    assert!(why.contains("there is no order"), "{why}");
    assert_eq!(night.json(&["executions", "ls", "--status", "SUCCEEDED"]).as_array().unwrap().len(), 2);
    let queues = night.json(&["queues"]);
    assert!(
        queues
            .as_array()
            .unwrap()
            .iter()
            .any(|depth| depth["queue"] == QueueName::dlq(orders::Queue::Emails).to_string())
    );
    night.ends();
}

#[test]
fn what_can_not_be_asked_is_told_with_what_can() {
    let night = tempfile::tempdir().unwrap();
    let refuses = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orderflow"));
        let output = command.args(arguments).current_dir(night.path()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, why) = refuses(&["status", "--url", "http://127.0.0.1:1"]);
    assert!(code == 1 && why.contains("nobody listens there"), "{why}");
    let (code, why) = refuses(&["dlq", "show", "mails"]);
    assert!(code == 2 && why.contains("orders, inventory, payments, emails"), "{why}");
    let (code, why) = refuses(&["dlq", "replay"]);
    assert!(code == 2 && why.contains("QUEUE"), "{why}");
    let (code, why) = refuses(&["status", "--key", "secret"]);
    assert!(code == 2 && why.contains("--key"), "there is no flag for a secret: {why}");
    let (code, why) = refuses(&["status", "--aws"]);
    assert!(code == 1 && why.contains("--features aws"), "{why}");
}

#[test]
fn every_command_has_a_man_page_and_completions() {
    let directory = tempfile::tempdir().unwrap();
    let orderflow = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orderflow"));
        let output = command.args(arguments).current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    orderflow(&["man", "man1"]);
    let page = std::fs::read_to_string(directory.path().join("man1/orderflow-dlq-replay.1")).unwrap();
    assert!(page.contains("\\-\\-dry\\-run") && page.contains("\\-\\-resume"), "{page}");
    assert!(orderflow(&["completions", "zsh"]).contains("redrive"));
}

#[test]
fn every_verb_shows_examples_and_its_exit_codes() {
    for verb in ["status", "queues", "dlq", "orders", "executions", "reconcile", "audit", "gateway", "load"] {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_orderflow")).args([verb, "--help"]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains(&format!("\n  orderflow {verb}")) && help.contains("Exit codes: 0"), "{help}");
    }
}
