//! The command: the demo, and what it refuses.

use std::path::Path;
use std::process::{Command, Output};

use crate::examples::FATES;
use std::time::{Duration, Instant};

use crate::service::{Service, free_port};

fn orderflow(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orderflow")).args(arguments).current_dir(directory).output().unwrap()
}

fn refusal(directory: &Path, arguments: &[&str]) -> String {
    let output = orderflow(directory, arguments);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_demo_shows_every_examples_fate() {
    let directory = tempfile::tempdir().unwrap();
    let output = orderflow(directory.path(), &["demo", "--exit"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}");
    for (example, fate) in FATES {
        let row = table.lines().any(|line| line.contains(example) && line.contains(fate));
        assert!(row, "no `{example}` {fate}:\n{table}");
    }
    assert!(table.contains("ChargePayment -> Charged, attempt 3"), "{table}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the demo leaves nothing behind");
}

#[test]
fn it_refuses_to_listen_to_everybody_without_keys() {
    let directory = tempfile::tempdir().unwrap();
    let refused = refusal(directory.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert!(refused.contains("refusing to listen on 0.0.0.0:0 without API keys"), "{refused}");
}

#[test]
fn a_wrong_setting_is_named_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("orderflow.toml"), "listen = \"127.0.0.1:0\"\nbacklog_limt = 5\n").unwrap();
    let refused = refusal(directory.path(), &["serve"]);
    assert!(
        refused.contains("orderflow.toml") && refused.contains("line 2") && refused.contains("backlog_limt"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(directory.path(), free_port()).await;
    let data = directory.path().to_str().unwrap();
    let refused = refusal(directory.path(), &["serve", "--listen", "127.0.0.1:0", "--data", data]);
    assert!(refused.contains("orderflow.db") && refused.contains("in use by another orderflow process"), "{refused}");
    service.stop();
}

#[test]
fn a_file_that_is_no_database_of_ours_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("orderflow.db");
    std::fs::write(&file, "a letter to my aunt, long enough to be taken for a page of something").unwrap();
    let data = directory.path().to_str().unwrap();
    refusal(directory.path(), &["serve", "--listen", "127.0.0.1:0", "--data", data]);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("a letter to my aunt"));
}

#[test]
fn the_demo_is_for_this_machine_only() {
    let directory = tempfile::tempdir().unwrap();
    let refused = refusal(directory.path(), &["demo", "--exit", "--listen", "0.0.0.0:0"]);
    assert!(refused.contains("refusing to listen on 0.0.0.0:0 without API keys"), "{refused}");
}

#[test]
fn an_argument_that_is_none_is_told_what_would_be() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, right) in [
        (["serve", "--listen", "localhost:9000"], "such as 127.0.0.1:9000"),
        (["serve", "--rate-limit", "0"], "a whole number of 1 or more"),
    ] {
        let refused = refusal(directory.path(), &arguments);
        assert!(refused.contains(right), "{refused}");
    }
}

#[test]
fn wrong_smtp_settings_are_told_before_a_database_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_orderflow"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("ORDERFLOW_SMTP_URL", "nonsense")
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("SMTP settings are wrong"));
    assert!(!directory.path().join("data").exists());
}

#[test]
fn a_stripe_key_that_this_binary_can_not_use_is_refused_rather_than_ignored() {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_orderflow"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("ORDERFLOW_STRIPE_KEY", "sk_test_secret")
        .current_dir(directory.path())
        .output()
        .unwrap();
    let why = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && why.contains("--features stripe") && !why.contains("sk_test_secret"), "{why}");
    assert!(!directory.path().join("data").exists());
}

#[test]
fn a_reader_of_completions_may_leave_early() {
    let binary = env!("CARGO_BIN_EXE_orderflow");
    let script = format!("set -o pipefail; {binary} completions bash | head -1");
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    // Not a success, for not all was read; and no complaint. As of any program that a closed pipe ends: 128 + SIGPIPE.
    assert!(output.status.code() == Some(141) && output.stderr.is_empty(), "{output:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_is_its_owners_alone_and_an_empty_variable_is_not_set() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let environment = [("ORDERFLOW_BACKLOG_LIMIT", ""), ("ORDERFLOW_API_KEYS", ""), ("ORDERFLOW_SMTP_URL", "")];
    let data = directory.path().join("new");
    std::fs::create_dir(directory.path().join("cwd")).unwrap();
    let service = Service::start_at(&directory.path().join("cwd"), &data, free_port(), &environment).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in std::fs::read_dir(&data).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    service.stop();
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_signal_stops_at_once() {
    use std::io::{Read, Write};
    let directory = tempfile::tempdir().unwrap();
    let mut service = Service::start(directory.path(), free_port()).await;
    // A request in hand whose body never comes: one signal alone would wait for its time-out.
    let mut client = std::net::TcpStream::connect(service.url.trim_start_matches("http://")).unwrap();
    let head = "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    let begun = Instant::now();
    let code = loop {
        if let Some(code) = service.exit_code() {
            break code;
        }
        service.terminate();
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(code, 130);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    for (environment, status) in [(&[][..], 503), (&[("ORDERFLOW_BACKLOG_LIMIT", "10")], 202)] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("orderflow.toml"), "backlog_limit = 0\n").unwrap();
        let service = Service::start_with(directory.path(), free_port(), environment).await;
        let order = include_str!("../../examples/orders/1-confirmed.json");
        assert_eq!(service.post("k", order).await.unwrap().status().as_u16(), status, "{environment:?}");
        service.stop();
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_refused_and_not_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    for name in ["ORDERFLOW_API_KEYS", "ORDERFLOW_SMTP_URL", "ORDERFLOW_LOG"] {
        let output = Command::new(env!("CARGO_BIN_EXE_orderflow"))
            .args(["serve", "--listen", "0.0.0.0:0"])
            .env(name, std::ffi::OsStr::from_bytes(b"shop:ops:0123456789abcde\xff"))
            .current_dir(directory.path())
            .output()
            .unwrap();
        let refused = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && refused.contains("UTF-8"), "{name}: {refused}");
    }
}

#[test]
fn the_console_of_a_stack_is_for_this_machine_and_says_where_a_services_is() {
    let directory = tempfile::tempdir().unwrap();
    let refused = refusal(directory.path(), &["console"]);
    assert!(refused.contains("http://127.0.0.1:8080/console") && refused.contains("--aws --stack"), "{refused}");
    let refused = refusal(directory.path(), &["console", "--aws", "--stack", "s", "--listen", "0.0.0.0:0"]);
    assert!(refused.contains("refusing to listen on 0.0.0.0:0 without API keys"), "{refused}");
}
