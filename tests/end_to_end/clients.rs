//! Clients that are slow, silent or many: they keep nobody out, and cost the service no more than their places.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::raw::{Raw, ask};
use crate::service::{Service, free_port, log};

/// The test itself needs a thousand.
fn raise_descriptors() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
}

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LARGE: &str = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// With these settings in `[http]`.
async fn service(settings: &str) -> (tempfile::TempDir, Service) {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("orderflow.toml"), format!("[http]\n{settings}")).unwrap();
    let service = Service::start(data.path(), free_port()).await;
    (data, service)
}

/// With no more file descriptors than these.
async fn with_descriptors(data: &Path, descriptors: u32) -> Service {
    let script = data.join("few-descriptors");
    let binary = env!("CARGO_BIN_EXE_orderflow");
    std::fs::write(&script, format!("#!/bin/sh\nulimit -n {descriptors}\nexec {binary} \"$@\"\n")).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    Service::start_binary(&script, data, data, free_port(), &[]).await
}

/// A client that asks for much and reads nothing.
fn deaf(service: &Service) -> TcpStream {
    let mut client = Raw::connect(service).0;
    client.set_nonblocking(true).unwrap();
    let requests = LARGE.repeat(200);
    let mut sent = 0;
    while let Ok(more @ 1..) = client.write(&requests.as_bytes()[sent..]) {
        sent += more;
    }
    client
}

/// How many connections the service has closed for this reason.
fn closed(service: &Service, why: &str) -> u64 {
    let metrics = ask(service, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body;
    let line = format!("orderflow_http_connections_closed_total{{why=\"{why}\"}} ");
    metrics.lines().find_map(|it| it.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

async fn until_closed(service: &Service, why: &str, count: u64) {
    let end = Instant::now() + Duration::from_secs(60);
    while closed(service, why) < count {
        assert!(Instant::now() < end, "{why}: {}", closed(service, why));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn clients_that_never_read_keep_nobody_out_however_few_descriptors_there_are() {
    raise_descriptors();
    let data = tempfile::tempdir().unwrap();
    let service = with_descriptors(data.path(), 256).await;
    let deaf: Vec<_> = (0..300).map(|_| deaf(&service)).collect();
    for path in ["/health", "/ops/status", "/health", "/console", "/health"] {
        let answer = ask(&service, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(answer.status(), 200, "{path}");
    }
    assert!(closed(&service, "made_room") > 0);
    drop(deaf);
    service.stop();
    let log = log(data.path());
    assert!(log.contains("fewer connections than max_connections"), "{log}");
    assert!(log.lines().count() < 20, "{log}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_in_time() {
    let (_data, service) = service("write_timeout = \"500ms\"\n").await;
    let deaf: Vec<_> = (0..3).map(|_| deaf(&service)).collect();
    until_closed(&service, "unread", 3).await;
    for client in deaf {
        client.set_nonblocking(false).unwrap();
        let answers = Raw(client).rest().matches("HTTP/1.1 200 OK").count();
        assert!(answers < 200, "{answers}");
    }
    service.stop();
}

#[tokio::test]
async fn a_head_that_has_begun_arrives_in_time_and_a_connection_between_two_requests_may_wait() {
    let (_data, service) = service("head_timeout = \"500ms\"\nidle_timeout = \"20s\"\n").await;
    let mut kept = Raw::connect(&service);
    assert_eq!(kept.send(HEALTH).answer().status(), 200);
    let (mut silent, mut begun) = (Raw::connect(&service), Raw::connect(&service));
    begun.send("GET /health HTTP/1.1\r\nHost: lo");
    assert!(silent.is_closed() && begun.is_closed());
    // A byte now and then is no head either.
    let mut dribbles = Raw::connect(&service);
    let end = Instant::now() + Duration::from_secs(30);
    while dribbles.0.write_all(b"x").is_ok() {
        assert!(Instant::now() < end, "it dribbles for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(kept.send(HEALTH).answer().status(), 200, "longer idle than a head may take");
    kept.send("GET /hea");
    assert!(kept.is_closed(), "a head on a connection that was idle has its time, too");
    assert!(closed(&service, "head") >= 4);
    service.stop();
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_after_its_time() {
    let (_data, service) = service("idle_timeout = \"500ms\"\n").await;
    let mut client = Raw::connect(&service);
    assert_eq!(client.send(HEALTH).answer().status(), 200);
    assert!(client.is_closed());
    service.stop();
}

#[tokio::test]
async fn unfinished_heads_cost_little_memory() {
    raise_descriptors();
    let (_data, service) = service("").await;
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
    };
    let before = memory();
    let head = format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(15_000));
    let unfinished: Vec<_> = (0..1_000)
        .map(|_| {
            let mut client = Raw::connect(&service);
            client.send(&head);
            client
        })
        .collect();
    assert_eq!(ask(&service, HEALTH).status(), 200, "those before have been read");
    let grown = memory().saturating_sub(before);
    assert!(grown < 100, "{grown} MB for 1,000 connections");
    drop(unfinished);
    // A longer one is refused; the client finds the answer although it sends on.
    let answer = Raw::connect(&service).send(&head).send("x".repeat(400_000)).answer();
    assert_eq!(answer.status(), 431);
    service.stop();
}

#[tokio::test]
async fn a_thousand_clients_that_come_at_once_all_find_room_to_wait() {
    raise_descriptors();
    let (_data, service) = service("").await;
    let longest = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let clients = longest.trim().parse::<usize>().unwrap().min(1_000);
    let address: SocketAddr = service.url.trim_start_matches("http://").parse().unwrap();
    // While the process stands still only the system takes connections, as many as it was asked to.
    service.signal("-STOP");
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(3)).ok();
    let mut waiting: Vec<_> = (0..clients).map_while(connect).collect();
    service.signal("-CONT");
    assert_eq!(waiting.len(), clients);
    let mut last = Raw(waiting.pop().unwrap());
    last.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(last.send(HEALTH).answer().status(), 200);
    service.stop();
}
