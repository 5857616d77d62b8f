//! The console on the real binary: what it serves, and whom. What its pages do is tested in a browser (`tests/browser`).

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

#[path = "../service/mod.rs"]
mod service;

mod drawings;
mod listing;
mod sessions;

use reqwest::StatusCode;
use service::{Service, free_port};

async fn open() -> (tempfile::TempDir, Service) {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), free_port()).await;
    (data, service)
}

#[tokio::test]
async fn the_page_may_run_nothing_but_itself_whichever_view_is_asked_for() {
    let (_data, service) = open().await;
    for path in ["/console", "/console/", "/console/executions", "/console/executions/ord_1", "/console/assets/app.js"]
    {
        let answer = service.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer", "{path}");
    }
    service.stop();
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let (_data, service) = open().await;
    for path in ["/console", "/console/assets/app.js", "/console/assets/console.css", "/console/assets/graph.css"] {
        let first = service.get(path).send().await.unwrap();
        assert_eq!((first.status(), &first.headers()["cache-control"]), (StatusCode::OK, &"no-cache".parse().unwrap()));
        let tag = first.headers()["etag"].clone();
        assert!(!tag.to_str().unwrap().starts_with("W/"), "a strong one");
        let again = service.get(path).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::NOT_MODIFIED, &tag), "{path}");
        let other = service.get(path).header("if-none-match", "\"other\"").send().await.unwrap();
        assert_eq!(other.status(), StatusCode::OK, "{path}");
    }
    for path in ["/console/assets/app.mjs", "/console/assets/../src/lib.rs", "/console/assets/%2e%2e/Cargo.toml"] {
        let answer = service.get(path).send().await.unwrap();
        assert_ne!(answer.headers()["content-type"], "text/javascript; charset=utf-8", "{path}");
    }
    assert_eq!(
        service.get("/console/assets/%2e%2e%2fCargo.toml").send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    service.stop();
}
