//! What is counted for graphs and alarms: `OrdersRejected` and its kin in `infra/aws/template.yaml` hear it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use orders::{OrderId, Step};
use parking_lot::Mutex;

use crate::shop::Shop;

#[derive(Default)]
struct Counters {
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    described: Mutex<BTreeSet<String>>,
}

impl Counters {
    /// What was counted, by name and labels, zeros left out.
    fn counted(&self, prefix: &str) -> Vec<(String, u64)> {
        let counters = self.counters.lock();
        let all = counters.iter().map(|(name, counter)| (name.clone(), counter.load(Ordering::Relaxed)));
        all.filter(|(name, count)| name.starts_with(prefix) && *count > 0).collect()
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().insert(name.as_str().to_owned());
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().insert(name.as_str().to_owned());
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: String = key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        Counter::from_arc(self.counters.lock().entry(format!("{}{labels}", key.name())).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// What is counted under `prefix` while `during` goes on. Whatever is counted is described, too.
fn counted(prefix: &str, during: impl Future<Output = ()>) -> Vec<(String, u64)> {
    let counters = Counters::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&counters, || runtime.block_on(during));
    let described = counters.described.lock();
    for name in counters.counters.lock().keys() {
        assert!(described.contains(name.split(' ').next().unwrap()), "{name} is not described");
    }
    counters.counted(prefix)
}

async fn rejected(shop: &Arc<Shop>, id: &OrderId, error: &str) {
    shop.deliver_after(error, Step::NotifyRejected, id).await;
}

#[test]
fn an_order_is_counted_once_when_it_ends() {
    let counted = counted("orderflow_orders_", async {
        let shop = Shop::open();
        let (paid, _) = shop.paid("one");
        for _ in 0..2 {
            shop.deliver(Step::SendConfirmation, &paid).await;
        }
        let declined = shop.accepted("two");
        for _ in 0..2 {
            rejected(&shop, &declined, "PaymentDeclined").await;
        }
        rejected(&shop, &shop.accepted("three"), "States.Timeout").await;
    });
    let named = |name: &str, count| (format!("orderflow_orders_{name}"), count);
    assert_eq!(
        counted,
        [
            named("confirmed_total", 1),
            named("rejected_total reason=PaymentDeclined", 1),
            named("rejected_total reason=TechnicalFailure", 1),
        ]
    );
}

#[test]
fn each_answer_to_a_step_is_counted_with_its_outcome() {
    let counted = counted("orderflow_", async {
        let shop = Shop::open();
        shop.deliver(Step::ReserveInventory, &shop.accepted("one")).await;
        shop.products.lock().clear();
        shop.deliver(Step::ReserveInventory, &shop.accepted("two")).await;
    });
    let named = |name: &str| (format!("orderflow_{name}"), 1);
    assert_eq!(
        counted,
        [
            named("rejects_total step=ReserveInventory reason=ProductNotFound"),
            named("steps_total step=ReserveInventory outcome=rejected"),
            named("steps_total step=ReserveInventory outcome=succeeded"),
        ]
    );
}
