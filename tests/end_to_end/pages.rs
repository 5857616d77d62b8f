//! What another site's page can make a browser do to a service without keys, or in a session: nothing that costs or changes
//! anything. Each route, and each way in which a page can send something without being asked by the browser.

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::service::{Service, free_port};

/// Every route but those that are open to everybody: a method and a path each.
const GUARDED: &str = "
    GET /orders
    POST /orders
    GET /orders/ord_00000000000000000000000000
    POST /orders/ord_00000000000000000000000000/cancel
    GET /products
    POST /products
    GET /products/MUG-BLUE
    POST /products/MUG-BLUE/stock
    GET /currencies
    GET /metrics
    GET /mailbox
    GET /mailbox/1
    GET /mailbox/1/text
    GET /ops/status
    GET /ops/queues
    POST /ops/backup
    POST /ops/queues/payments/messages
    GET /ops/dead-letters
    GET /ops/dead-letters/payments?where=receive_count
    POST /ops/dead-letters/payments/dry-run
    GET /ops/dead-letters/payments/redrive
    POST /ops/dead-letters/payments/redrive
    GET /ops/runs
    POST /ops/runs
    GET /ops/runs/1
    GET /ops/runs/1/entries
    POST /ops/runs/1/replay
    POST /ops/runs/1/drive
    POST /ops/runs/1/resume
    POST /ops/runs/1/purge
    POST /ops/runs/1/import
    POST /ops/runs/1/repair
    POST /ops/runs/1/finish
    GET /ops/orders
    GET /ops/orders/ord_00000000000000000000000000
    POST /ops/orders/ord_00000000000000000000000000/cancel
    POST /ops/orders/ord_00000000000000000000000000/reveal
    GET /ops/executions
    GET /ops/executions/x
    GET /ops/executions/x/history
    POST /ops/executions/x/stop
    POST /ops/executions/x/redrive
    GET /ops/stuck
    GET /ops/events
    GET /ops/gateway
    GET /ops/gateway/ledger
    GET /console/api/graph
    GET /console/api/graph.svg
    GET /console/api/definition
    GET /console/api/definition.svg
    GET /console/api/executions/x/graph
    GET /console/api/executions/x/graph.svg
    GET /console/api/executions/x/definition
";

/// These answer the same to everybody, and cost what a file costs.
const HARMLESS: [&str; 7] =
    ["/health", "/ready", "/openapi.json", "/docs/", "/console", "/console/executions/x", "/console/assets/app.js"];

/// Open as well: files, and what looks at the page's address itself.
const OPEN: [&str; 6] = ["/docs", "/docs/x", "/console/", "/console/embed", "/console/embed.js", "/console/session"];

/// What a browser says of each way, beside the page's address: from another site, and from another port of this machine.
fn ways(method: &Method) -> Vec<Vec<(&'static str, &'static str)>> {
    let image = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-fetch-user", "?1")];
    let mut ways = Vec::new();
    for (site, origin, referer) in [
        ("cross-site", "https://shop.example", "https://shop.example/"),
        ("cross-site", "null", "https://shop.example/"),
        ("same-site", "http://127.0.0.1:3000", "http://127.0.0.1:3000/"),
    ] {
        let site = ("sec-fetch-site", site);
        if *method == Method::GET {
            ways.push([&[site][..], &image].concat());
            ways.push([&[site][..], &navigation].concat());
            ways.push(vec![("referer", referer)]);
        } else {
            ways.push(vec![site, ("origin", origin), ("sec-fetch-mode", "no-cors"), ("content-type", "text/plain")]);
            ways.push([&[site, ("origin", origin)][..], &navigation].concat());
            ways.push(vec![("origin", origin)]);
            ways.push(vec![("referer", referer)]);
        }
    }
    ways
}

/// Every route that the sources name.
fn routes() -> Vec<String> {
    let folders = ["producer/src", "ops/src/http", "console/src", "infra/embedded/src"];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path());
    let texts = files.filter_map(|file| std::fs::read_to_string(file).ok());
    let named = |text: String| -> Vec<String> {
        let named = text.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        named.collect()
    };
    texts.flat_map(named).collect()
}

#[test]
fn every_route_is_looked_at_here() {
    let guarded = GUARDED.lines().filter_map(|line| line.trim().split_once(' ')).map(|(_, path)| path);
    let paths: Vec<_> = guarded.chain(HARMLESS).chain(OPEN).collect();
    let routes = routes();
    assert!(routes.len() > 50, "{routes:?}");
    for route in routes {
        let fits = |path: &str| {
            let (mut parts, mut names) = (path.split('?').next().unwrap().split('/'), route.split('/'));
            loop {
                match (parts.next(), names.next()) {
                    (Some(_), Some(name)) if name.starts_with("{*") => return true,
                    (Some(part), Some(name)) if name == part || name.starts_with('{') => {}
                    (None, None) => return true,
                    _ => return false,
                }
            }
        };
        assert!(paths.iter().any(|path| fits(path)), "{route}: is it open to every page, or to none?");
    }
}

async fn assert_refused(service: &Service, common: &HeaderMap, with_keys: bool) {
    let lines = GUARDED.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in lines {
        let (method, path) = line.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        for way in ways(&method) {
            let request = service.client.request(method.clone(), format!("{}{path}", service.url));
            let request = way.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = request.headers(common.clone()).body("{}").send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 403, "{line} {way:?}");
            let text = answer.text().await.unwrap();
            let kind = if with_keys { "cross-origin" } else { "foreign-origin" };
            assert!(text.contains(kind), "{line} {way:?}: {text}");
        }
    }
}

#[tokio::test]
async fn no_foreign_page_reaches_what_costs_or_changes_something_while_there_are_no_keys() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), free_port()).await;
    assert_refused(&service, &HeaderMap::new(), false).await;
    for path in HARMLESS {
        for way in ways(&Method::GET) {
            let request = way.iter().fold(service.get(path), |request, (name, value)| request.header(*name, *value));
            assert_eq!(request.send().await.unwrap().status().as_u16(), 200, "{path} {way:?}");
        }
    }
    // A program, a person at a browser, and the service's own page.
    for headers in [&[][..], &[("sec-fetch-site", "none")], &[("sec-fetch-site", "same-origin")]] {
        let request = headers.iter().fold(service.get("/ops/status"), |it, (name, value)| it.header(*name, *value));
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200, "{headers:?}");
    }
    service.stop();
}

#[tokio::test]
async fn no_foreign_page_uses_a_session() {
    let data = tempfile::tempdir().unwrap();
    let keys = [("ORDERFLOW_API_KEYS", "night:ops:fedcba9876543210")];
    let service = Service::start_with(data.path(), free_port(), &keys).await;
    let begin = service.client.post(format!("{}/console/session", service.url)).header("origin", &service.url);
    let begun = begin.header("content-type", "application/json").body(r#"{"key":"fedcba9876543210"}"#);
    let begun = begun.send().await.unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; SameSite=Strict"), "other sites' pages don't even send it: {cookie}");
    let cookie = cookie.split(';').next().unwrap();
    // Another port of this host is the same site.
    let common = HeaderMap::from_iter([("cookie".parse().unwrap(), cookie.parse().unwrap())]);
    assert_refused(&service, &common, true).await;
    for headers in [&[][..], &[("sec-fetch-site", "none")], &[("sec-fetch-site", "same-origin")]] {
        let request = headers.iter().fold(service.get("/ops/status"), |it, (name, value)| it.header(*name, *value));
        assert_eq!(request.header("cookie", cookie).send().await.unwrap().status().as_u16(), 200, "{headers:?}");
    }
    service.stop();
}
