//! The accept path without a store: routing, key, body, rules, derived id, answer. What is left of a `202` is the store's.

use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use orders::ports::{
    Acceptance, Catalogue, Changed, ListError, OrderFilter, OrderStore, Page, PageRequest, Saved, SystemClock,
    Unavailable,
};
use orders::{NewOrder, Order, OrderId, Product, Sku, StockChange};
use producer::auth::{Access, ApiKey, Scope};
use producer::cursor::Cursors;
use producer::{Ports, Settings};
use tower::ServiceExt;

/// Accepts everything and keeps nothing.
struct Nowhere;

fn nothing<T>() -> Result<T, Unavailable> {
    Err(Unavailable::new("Store", "there is none"))
}

#[async_trait]
impl OrderStore for Nowhere {
    async fn accept(&self, order: &NewOrder) -> Result<Acceptance, Unavailable> {
        black_box(order.content.fingerprint());
        Ok(Acceptance::Created)
    }
    async fn keep(&self, _: &OrderId) -> Result<bool, Unavailable> {
        nothing()
    }
    async fn get(&self, _: &OrderId) -> Result<Option<Order>, Unavailable> {
        nothing()
    }
    async fn list(&self, _: &OrderFilter, _: &PageRequest) -> Result<Page<Order>, ListError> {
        Ok(nothing()?)
    }
    async fn update(&self, _: &Order, _: &[StockChange]) -> Result<Saved, Unavailable> {
        nothing()
    }
}

#[async_trait]
impl Catalogue for Nowhere {
    async fn get(&self, _: &[Sku]) -> Result<Vec<Product>, Unavailable> {
        nothing()
    }
    async fn list(&self, _: &PageRequest) -> Result<Page<Product>, ListError> {
        Ok(nothing()?)
    }
    async fn create(&self, _: &Product) -> Result<Changed, Unavailable> {
        nothing()
    }
    async fn replace(&self, _: &Product, _: u64) -> Result<Changed, Unavailable> {
        nothing()
    }
    async fn delete(&self, _: &Sku, _: Option<u64>) -> Result<Changed, Unavailable> {
        nothing()
    }
    async fn adjust_stock(&self, _: &Sku, _: i64) -> Result<Changed, Unavailable> {
        nothing()
    }
}

fn body(lines: usize) -> String {
    let lines: Vec<_> = (0..lines).map(|i| format!(r#"{{"sku":"SKU-{i}","quantity":2}}"#)).collect();
    let customer = r#"{"id":"c-42","email":"ada@example.com","name":"Ada"}"#;
    let lines = lines.join(",");
    format!(r#"{{"customer":{customer},"lines":[{lines}],"currency":"EUR","payment_method":"pm_card_visa"}}"#)
}

fn accept(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ports = Ports {
        orders: Arc::new(Nowhere),
        catalogue: Arc::new(Nowhere),
        clock: Arc::new(SystemClock),
        cursors: Cursors::new([7; 32]),
    };
    let key = ApiKey::new("shop".parse().expect("a name"), Scope::Storefront, "a secret");
    let router = producer::router(ports, Settings { access: Access::keys([key]), ..Settings::default() });
    let mut group = criterion.benchmark_group("accept");
    for lines in [1, 50] {
        let body = body(lines);
        group.bench_with_input(BenchmarkId::new("lines", lines), &body, |bencher, body| {
            bencher.to_async(&runtime).iter(|| async {
                let request = Request::post("/orders")
                    .header("authorization", "Bearer a secret")
                    .header("content-type", "application/json")
                    .body(Body::from(body.clone()))
                    .expect("a request");
                let response = router.clone().oneshot(request).await.expect("routers do not fail");
                assert_eq!(response.status(), StatusCode::ACCEPTED);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, accept);
criterion_main!(benches);
