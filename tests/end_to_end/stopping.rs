//! A stop ends within its time, whatever is in hand, and loses nothing.

use std::time::{Duration, Instant};

use crate::api::{post, wait_for};
use crate::raw::Raw;
use crate::service::{Service, free_port, log};

const HEAD: &str =
    "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n";

/// Until it has ended; the exit code.
async fn end(service: &mut Service) -> i32 {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(code) = service.exit_code() {
            return code;
        }
        // By itself the call in hand would end after 30 seconds.
        assert!(Instant::now() < end, "it does not stop");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_in_hand_has_its_time_and_no_more() {
    let data = tempfile::tempdir().unwrap();
    let mut service = Service::start_with(data.path(), free_port(), &[("ORDERFLOW_STOP_WITHIN", "1s")]).await;
    // A charge that takes longer than any stop, a request whose body never comes, and clients that are silent.
    let id = post(&service, "slow", "pm_sim_slow_25000").await;
    wait_for(&service, &id, |order| order["status"] == "charging" || order["status"] == "reserved").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut hung, mut silent) = (Raw::connect(&service), Raw::connect(&service));
    hung.send(format!("{HEAD}Expect: 100-continue\r\n\r\n"));
    assert_eq!(hung.answer().status(), 100);
    service.terminate();
    assert!(silent.is_closed());
    assert_eq!(end(&mut service).await, 0);
    assert!(log(data.path()).contains("stopping with work in hand"), "{}", log(data.path()));
    let service = Service::start(data.path(), free_port()).await;
    let order = wait_for(&service, &id, |_| true).await;
    assert_ne!(order["status"], "rejected", "it goes on: {order}");
    service.stop();
}

#[tokio::test]
async fn a_request_in_hand_is_answered_before_the_stop() {
    let data = tempfile::tempdir().unwrap();
    let mut service = Service::start(data.path(), free_port()).await;
    let mut client = Raw::connect(&service);
    client.send(format!("{HEAD}Expect: 100-continue\r\n\r\n"));
    assert_eq!(client.answer().status(), 100);
    service.terminate();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = client.send("{\"a\": \"b\"").answer();
    assert_eq!((answer.status(), answer.header("connection")), (400, Some("close")));
    assert_eq!(end(&mut service).await, 0);
}
