//! Who may do what, and how much of it.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod shop;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Parts;
use axum::middleware::from_extractor_with_state;
use axum::routing::get;
use orders::Storefront;
use producer::admission::{Admission, BacklogLimit, RateLimit};
use producer::auth::{Access, Authenticate, OpsScope, Principal, Require, Scope};
use producer::{Settings, swagger_ui};
use serde_json::json;
use shop::{OPS, OTHER, SHOP, Shop, ask, keys, mug, order};
use tower::ServiceExt;

fn locked() -> Shop {
    Shop::with(Settings { access: keys(), more: swagger_ui::router(), ..Settings::default() })
}

#[tokio::test]
async fn without_a_known_key_nothing_but_the_open_paths_answers() {
    let shop = locked();
    for (method, path) in [
        ("POST", "/orders"),
        ("GET", "/orders"),
        ("GET", "/orders/ord_00000000000000000000000000"),
        ("POST", "/orders/ord_00000000000000000000000000/cancel"),
        ("GET", "/products"),
        ("POST", "/products"),
        ("GET", "/products/A"),
        ("PUT", "/products/A"),
        ("DELETE", "/products/A"),
        ("POST", "/products/A/stock"),
        ("GET", "/metrics"),
    ] {
        for authorization in
            [None, Some("Bearer wrong"), Some("Bearer"), Some(SHOP), Some("Basic c2VjcmV0"), Some("Bearer ")]
        {
            let ask =
                authorization.into_iter().fold(ask(method, path), |ask, value| ask.header("authorization", value));
            let answer = shop.send(ask).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{method} {path}");
        }
    }
    for path in ["/health", "/ready", "/openapi.json", "/docs/"] {
        assert_eq!(shop.send(ask("GET", path)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_key_is_taken_whatever_the_case_of_its_scheme() {
    let answer = locked().send(ask("GET", "/products").header("authorization", &format!("bearer {SHOP}"))).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_storefront_key_reads_the_catalogue_and_does_not_write_it() {
    let shop = locked();
    shop.stock_mug().await;
    assert_eq!(shop.send(ask("GET", "/products").bearer(SHOP)).await.status, 200);
    assert_eq!(shop.send(ask("GET", "/products/MUG-BLUE").bearer(SHOP)).await.status, 200);
    for (method, path) in [
        ("POST", "/products"),
        ("PUT", "/products/MUG-BLUE"),
        ("DELETE", "/products/MUG-BLUE"),
        ("POST", "/products/MUG-BLUE/stock"),
        ("GET", "/metrics"),
    ] {
        let answer = shop.send(ask(method, path).bearer(SHOP).json(&mug())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{method} {path}");
    }
}

#[tokio::test]
async fn without_keys_everybody_is_local_and_may_do_everything() {
    let shop = Shop::open();
    assert_eq!(shop.send(ask("PUT", "/products/MUG-BLUE").json(&mug())).await.status, 201);
    let answer = shop.send(ask("POST", "/orders").json(&order())).await;
    let id = answer.json()["order_id"].as_str().unwrap().to_owned();
    assert_eq!(shop.send(ask("GET", &format!("/orders/{id}"))).await.json()["storefront"], "local");
}

/// As an authorizer in front of us would: it has put the caller among the extensions.
struct Authorizer;

impl Authenticate for Authorizer {
    fn authenticate(&self, request: &Parts) -> Option<Principal> {
        let name = request.headers.get("x-claim")?.to_str().ok()?.parse::<Storefront>().ok()?;
        Some(Principal { name, scope: Scope::Storefront })
    }
}

#[tokio::test]
async fn another_authority_can_say_who_is_asking() {
    let shop = Shop::with(Settings { access: Access::By(Arc::new(Authorizer)), ..Settings::default() });
    let mine = shop.send(ask("POST", "/orders").header("x-claim", "shop").json(&order())).await;
    assert_eq!(mine.status, 202);
    assert_eq!(shop.send(ask("POST", "/products").header("x-claim", "shop").json(&mug())).await.status, 403);
    assert_eq!(shop.send(ask("POST", "/orders").json(&order())).await.status, 401);
}

#[tokio::test]
async fn another_router_can_ask_for_a_scope() {
    async fn name(caller: Require<OpsScope>) -> String {
        caller.principal.name.into()
    }
    let layered = Router::new()
        .route("/layered", get(async || "in"))
        .layer(from_extractor_with_state::<Require<OpsScope>, Access>(keys()));
    let router = Router::new().route("/name", get(name)).with_state(keys()).merge(layered);
    for (path, secret, status) in [
        ("/name", OPS, 200),
        ("/name", SHOP, 403),
        ("/layered", OPS, 200),
        ("/layered", SHOP, 403),
        ("/layered", "", 401),
    ] {
        let request =
            Request::get(path).header("authorization", format!("Bearer {secret}")).body(Body::empty()).unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), status, "{path} {secret}");
    }
}

fn limited(admission: impl Admission + 'static) -> Shop {
    Shop::with(Settings { access: keys(), admission: vec![Arc::new(admission)], ..Settings::default() })
}

#[tokio::test]
async fn each_key_posts_at_its_own_rate() {
    let two = NonZeroU32::new(2).unwrap();
    let shop = limited(RateLimit::per_second(NonZeroU32::MIN, two));
    let post = async |secret: &str| shop.send(ask("POST", "/orders").bearer(secret).json(&order())).await;
    assert_eq!((post(SHOP).await.status, post(SHOP).await.status), (202, 202));
    let refused = post(SHOP).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "rate-limited"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(post(OTHER).await.status, 202);
    assert_eq!(shop.send(ask("GET", "/orders").bearer(SHOP)).await.status, 200);
}

#[tokio::test]
async fn orders_are_refused_while_too_many_wait_and_all_else_goes_on() {
    let waiting = Arc::new(AtomicUsize::new(10));
    let seen = waiting.clone();
    let shop = limited(BacklogLimit::new(10, Duration::from_millis(2500), move || seen.load(SeqCst)));
    let post = async || shop.send(ask("POST", "/orders").bearer(SHOP).json(&json!("not even read"))).await;
    let refused = post().await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "backlog"));
    assert_eq!(refused.header("retry-after"), Some("3"));
    assert_eq!(shop.send(ask("GET", "/orders").bearer(SHOP)).await.status, 200);
    waiting.store(9, SeqCst);
    assert_eq!(post().await.status, 400);
}

#[test]
fn a_key_does_not_show_itself() {
    let key = producer::auth::ApiKey::new("shop".parse().unwrap(), Scope::Ops, "the secret");
    let shown = format!("{key:?}");
    assert!(shown.contains("shop") && !shown.contains("secret") && !shown.contains("digest"), "{shown}");
}
