//! Books that don't balance, as they come to be: somebody else has a hand in them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::night::Night;
use crate::service::{Service, free_port};
use crate::under_load::{mismatches, read, report, service};

/// A product of the load that runs now.
async fn product_under_load(night: &Night) -> String {
    loop {
        let products = night.get("/products?limit=100").await;
        let mut skus = products["products"].as_array().unwrap().iter().map(|it| it["sku"].as_str().unwrap());
        if let Some(sku) = skus.find(|sku| sku.starts_with("LOAD-") && !sku.ends_with("OUT")) {
            return sku.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

const THREE_SECONDS: [&str; 8] = ["load", "--json", "--rate", "20/s", "--orders", "60", "--mix", "good=1"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_that_somebody_else_takes_is_a_mismatch() {
    let night = service().await;
    let load = night.spawn(&THREE_SECONDS);
    let sku = product_under_load(&night).await;
    let body = json!({
        "customer": { "id": "c-1", "email": "ada@example.com" }, "lines": [{ "sku": sku, "quantity": 3 }],
        "currency": "EUR", "payment_method": "pm_card_visa",
    });
    night.service().post("another", &body.to_string()).await.unwrap().error_for_status().unwrap();
    let (code, report) = read(&load.wait_with_output().unwrap());
    assert_eq!((code, &report["confirmed"]), (1, &60.into()));
    assert_eq!(mismatches(&report), [("pieces missing from stock, or too many, by product", 3)]);
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_ends_otherwise_than_its_kind_is_a_mismatch() {
    // Patient enough for the gateway to be down a moment.
    let night = Night::with("[retries]\nbackoff = \"200ms\"\nlongest_backoff = \"500ms\"\n").await;
    night.says(&["gateway", "down"]);
    let load = night.spawn(&THREE_SECONDS);
    let order = loop {
        let orders = night.get("/ops/orders?status=reserved&limit=1").await;
        if let Some(id) = orders["items"][0]["order_id"].as_str() {
            break id.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    night.says(&["executions", "stop", &order, "--compensate", "--cause", "a test"]);
    night.says(&["gateway", "up"]);
    let (code, report) = read(&load.wait_with_output().unwrap());
    assert_eq!((code, &report["confirmed"], &report["rejected"]), (1, &59.into(), &1.into()), "{report:#}");
    assert_eq!(mismatches(&report), [("orders that ended otherwise than their kind should", 1)]);
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_that_stands_twice_in_the_ledger_is_a_mismatch() {
    let mut night = service().await;
    let load = night.spawn(&[&THREE_SECONDS[..], &["--patience", "2s"]].concat());
    night.until("under load", |status| status["ended_per_second"].as_f64().unwrap() > 0.0).await;
    // Nobody but the service writes its file, so it is stopped meanwhile.
    night.kill();
    let database = rusqlite::Connection::open(night.path().join("orderflow.db")).unwrap();
    let again = "INSERT INTO gateway_ledger (payment, entry, amount, at) SELECT payment, entry, amount, at FROM gateway_ledger LIMIT 1";
    assert_eq!(database.execute(again, []).unwrap(), 1);
    drop(database);
    night.start().await;
    let (code, report) = read(&load.wait_with_output().unwrap());
    let confirmed = report["confirmed"].as_u64().unwrap();
    let twice = [("confirmed orders charged exactly once", confirmed - 1), ("orders charged twice", 1)];
    assert_eq!((code, mismatches(&report)), (1, twice.to_vec()));
    night.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_lettered_orders_balance_and_hold_their_stock() {
    // Two tries: a gateway that is down fills the DLQ at once.
    let night = Night::begins().await;
    night.says(&["gateway", "down"]);
    let mix = ["--mix", "good=8,out_of_stock=1,poison=1"];
    let (code, report) = report(&night, &[&["--closed", "--orders", "50", "--patience", "1s"], &mix[..]].concat());
    assert_eq!(mismatches(&report), [], "{report:#}");
    assert_eq!((code, &report["sent"], &report["accepted"]), (0, &45.into(), &45.into()));
    let fates = (&report["confirmed"], &report["rejected"], &report["dead_lettered"]);
    assert_eq!(fates, (&0.into(), &5.into(), &40.into()));
    night.ends();
}

/// Takes every mail and keeps none.
fn mail_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                stream.write_all(b"220 mail\r\n").unwrap();
                let mut in_data = false;
                while let Some(Ok(line)) = lines.next() {
                    let answer: &[u8] = match line.as_str() {
                        "." => b"250 taken\r\n",
                        _ if in_data => continue,
                        "DATA" => b"354 go on\r\n",
                        "QUIT" => b"221 bye\r\n",
                        _ => b"250 yes\r\n",
                    };
                    in_data = line == "DATA";
                    stream.write_all(answer).unwrap();
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_that_go_elsewhere_are_told_to_be_unchecked() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start_with(data.path(), free_port(), &[("ORDERFLOW_SMTP_URL", &mail_server())]).await;
    let load = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orderflow"));
        command.args([
            "load",
            "--rate",
            "100/s",
            "--orders",
            "20",
            "--mix",
            "good=4,declined=1",
            "--url",
            &service.url,
        ]);
        command.args(more).current_dir(data.path()).output().unwrap()
    };
    let (code, report) = read(&load(&["--json"]));
    assert_eq!((code, &report["confirmed"], &report["rejected"]), (0, &16.into(), &4.into()));
    assert_eq!(report["unchecked"], json!(["mails: the service sends them over SMTP and keeps none"]));
    let checked = |check: &Value| check["what"].as_str().unwrap().contains("mail");
    assert!(!report["checks"].as_array().unwrap().iter().any(checked));
    let said = String::from_utf8(load(&[]).stdout).unwrap();
    assert!(said.contains("not checked: mails"), "{said}");
    service.stop();
}
