//! The batch loop: ten records through decode, a worker that does nothing, and answering.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use orders::message::{InventoryMessage, TaskToken};
use orders::ports::{AnswerError, Outgoing, Queues, SendError, Started, SystemClock, Unavailable, Workflow};
use orders::step::QueueName;
use orders::{OrderId, Queue, Retry};
use serde_json::{Value, json};
use tokio::time::Instant;
use workers::{BatchCore, Delivery, Settings, Verdict, Worker};

struct Idle;

#[async_trait]
impl Workflow for Idle {
    async fn start(&self, _: &OrderId, _: &Value) -> Result<Started, Unavailable> {
        Ok(Started::Started)
    }
    async fn succeed(&self, _: &TaskToken, _: &Value) -> Result<(), AnswerError> {
        Ok(())
    }
    async fn fail(&self, _: &TaskToken, _: &str, _: &str) -> Result<(), AnswerError> {
        Ok(())
    }
}

#[async_trait]
impl Queues for Idle {
    async fn send(&self, _: QueueName, _: Outgoing) -> Result<(), SendError> {
        Ok(())
    }
    async fn change_visibility(&self, _: Queue, _: &str, _: Duration) -> Result<(), Unavailable> {
        Ok(())
    }
}

struct Constant(Verdict);

#[async_trait]
impl Worker for Constant {
    const QUEUE: Queue = Queue::Inventory;
    type Message = InventoryMessage;

    async fn handle(&self, _: &InventoryMessage, _: &Delivery) -> Verdict {
        self.0.clone()
    }
}

fn event() -> SqsEvent {
    let body = json!({
        "step": "ReserveInventory", "order_id": "ord_00000000000000000000000000", "trace_id": "1".repeat(32),
        "task_token": "t".repeat(80), "entered_at": "2026-01-01T00:00:00Z", "timeout_seconds": 86400,
    });
    let record = |index: usize| {
        let mut message = SqsMessage::default();
        message.message_id = Some(index.to_string());
        message.receipt_handle = Some(index.to_string());
        message.attributes.insert("ApproximateReceiveCount".into(), "1".into());
        message.body = Some(body.to_string());
        message
    };
    let mut event = SqsEvent::default();
    event.records = (0..10).map(record).collect();
    event
}

fn batch(criterion: &mut Criterion) {
    let idle = Arc::new(Idle);
    let core = BatchCore::new(idle.clone(), idle, Arc::new(SystemClock), Settings::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut group = criterion.benchmark_group("batch of 10");
    group.throughput(Throughput::Elements(10));
    let event = event();
    for (name, verdict) in [
        ("succeeding", Verdict::Succeed(json!({ "outcome": "Reserved" }))),
        ("retrying", Verdict::Retry(Retry::new("Down", "for now"))),
    ] {
        let worker = Constant(verdict);
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                black_box(core.run(&worker, event.clone(), Instant::now() + Duration::from_secs(30)).await)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, batch);
criterion_main!(benches);
