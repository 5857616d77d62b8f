use orderflow_embedded::*;
use orders::order::Content;
use orders::ports::*;
use orders::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use workers::*;
fn function<W: Worker + 'static>(core: &Arc<BatchCore>, worker: W) -> (Queue, Function) {
    let (core, worker) = (core.clone(), Arc::new(worker));
    let f: Function = Arc::new(move |event, deadline| {
        let (core, worker) = (core.clone(), worker.clone());
        Box::pin(async move { Ok(core.run(&*worker, event, deadline).await?) })
    });
    (W::QUEUE, f)
}
fn order(n: u64) -> NewOrder {
    let storefront: Storefront = "shop".parse().unwrap();
    let key: IdempotencyKey = format!("key-{n}").parse().unwrap();
    NewOrder {
        id: OrderId::derive(&storefront, &key),
        storefront,
        placed_at: jiff::Timestamp::now(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(),
        content: Content {
            customer: Customer {
                id: format!("c-{}", n % 1000).parse().unwrap(),
                email: "ada@example.com".into(),
                name: Some("Ada".into()),
            },
            lines: vec![Line { sku: format!("TEA-{}", n % 50).parse().unwrap(), quantity: 1 }],
            currency: Currency::EUR,
            payment_method: "pm_card_visa".into(),
            shipping_address: None,
            expected_total: None,
            metadata: Default::default(),
        },
    }
}
fn main() {
    let orders_n: u64 = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(10000);
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let e = Embedded::open(Config::at(dir.path().join("o.db")), include_str!("../../../statemachine/order.asl.json"), Arc::new(SystemClock)).unwrap();
        for i in 0..50 { e.catalogue().create(&Product { sku: format!("TEA-{i}").parse().unwrap(), name: "Tea".into(), description: None, price: Money::new(1299, Currency::EUR), stock: 1_000_000, reserved: 0, version: 0 }).await.unwrap(); }
        let core = Arc::new(BatchCore::new(e.queues(), e.workflow(), Arc::new(SystemClock), Settings::default()));
        let fs = BTreeMap::from([
            function(&core, DispatchWorker { orders: e.orders(), workflow: e.workflow() }),
            function(&core, InventoryWorker { orders: e.orders(), catalogue: e.catalogue() }),
            function(&core, PaymentWorker { orders: e.orders(), gateway: e.gateway() }),
            function(&core, EmailWorker { orders: e.orders(), catalogue: e.catalogue(), mailer: e.mailbox() }),
        ]);
        let run = e.clone();
        tokio::spawn(async move { run.run(fs, std::future::pending()).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        // idle latency
        for i in 0..5u64 {
            let o = order(u64::MAX - i); let s = Instant::now();
            e.orders().accept(&o).await.unwrap(); let a = s.elapsed();
            while e.orders().get(&o.id).await.unwrap().unwrap().progress.status != Status::Confirmed { tokio::time::sleep(Duration::from_micros(200)).await; }
            println!("idle: accept {a:?}, confirmed {:?}", s.elapsed());
        }
        let next = Arc::new(AtomicU64::new(0));
        let s = Instant::now();
        let limit = 4000;
        let hs: Vec<_> = (0..64).map(|_| { let (e, next) = (e.clone(), next.clone()); tokio::spawn(async move { loop { let n = next.fetch_add(1, Ordering::Relaxed); if n >= orders_n { break } while e.backlog() > limit { tokio::time::sleep(Duration::from_millis(5)).await; } e.orders().accept(&order(n)).await.unwrap(); } }) }).collect();
        for h in hs { h.await.unwrap(); }
        let accepted = s.elapsed();
        while e.workflow().timers() > 0 || e.backlog() > 0 { tokio::time::sleep(Duration::from_millis(2)).await; }
        let all = s.elapsed();
        println!("{orders_n} orders: accepted in {accepted:?}, done in {all:?}: {:.0} orders/s; changes {}; conflicts? wal {:?} db {:?}", orders_n as f64 / all.as_secs_f64(),
            e.db().write(|c| c.query_row("SELECT total_changes()", [], |r| r.get::<_, i64>(0)).map(orderflow_embedded::db::Verdict::Keep)).await.unwrap() / orders_n as i64,
            std::fs::metadata(dir.path().join("o.db-wal")).unwrap().len(), std::fs::metadata(dir.path().join("o.db")).unwrap().len());
        let unfinished = e.db().read(|c| c.query_row("SELECT count(*) FROM orders WHERE status <> 'confirmed'", [], |r| r.get::<_, i64>(0))).unwrap();
        println!("not confirmed: {unfinished}");
        std::process::exit(0);
    });
}
