//! What accepting an order costs, end to end through the store, on a real file with `synchronous=FULL`: alone (one sync per
//! order) and among 64 callers (group commit).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use orderflow_embedded::{Config, Embedded};
use orders::order::Content;
use orders::ports::{OrderStore as _, SystemClock};
use orders::{Currency, Customer, IdempotencyKey, Line, NewOrder, OrderId, Storefront};

fn order(number: u64) -> NewOrder {
    let storefront: Storefront = "shop".parse().expect("a name");
    let key: IdempotencyKey = format!("key-{number}").parse().expect("a key");
    NewOrder {
        id: OrderId::derive(&storefront, &key),
        storefront,
        placed_at: Timestamp::now(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().expect("a trace id"),
        content: Content {
            customer: Customer {
                id: format!("c-{}", number % 1000).parse().expect("an id"),
                email: "ada@example.com".to_owned(),
                name: Some("Ada Lovelace".to_owned()),
            },
            lines: vec![Line { sku: "TEA-1".parse().expect("a SKU"), quantity: 2 }],
            currency: Currency::EUR,
            payment_method: "pm_card_visa".to_owned(),
            shipping_address: None,
            expected_total: None,
            metadata: Default::default(),
        },
    }
}

fn accept(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("accept");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for callers in [1u64, 64] {
        let directory = tempfile::tempdir().expect("a directory");
        let config = Config::at(directory.path().join("orderflow.db"));
        let definition = include_str!("../../../statemachine/order.asl.json");
        let embedded = Embedded::open_with(config, definition, Arc::new(SystemClock)).expect("an open file");
        let next = Arc::new(AtomicU64::new(0));
        group.bench_function(format!("{callers} callers"), |bench| {
            bench.to_async(&runtime).iter_custom(|iterations| {
                let (embedded, next) = (embedded.clone(), Arc::clone(&next));
                async move {
                    let started = Instant::now();
                    let share = iterations.div_ceil(callers);
                    let tasks = (0..callers).map(|_| {
                        let (store, next) = (embedded.orders(), Arc::clone(&next));
                        tokio::spawn(async move {
                            for _ in 0..share {
                                let order = order(next.fetch_add(1, Ordering::Relaxed));
                                store.accept(&order).await.expect("accepted");
                            }
                        })
                    });
                    futures::future::join_all(tasks).await;
                    started.elapsed()
                }
            });
        });
        embedded.close();
    }
    group.finish();
}

criterion_group!(benches, accept);
criterion_main!(benches);
