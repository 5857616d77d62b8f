//! `dlq replay`, killed at every step of its journal: before each call of a port, in the middle of a send, and after each call
//! before its answer. What the kill leaves on disk is opened again and the replay resumed.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ops::Operations as _;
use ops::drive::{self, ReplayPlan};
use orders::Queue;
use orders::ports::ops::{Entry, Journal, MoveError, MoveTask, OpsQueues, QueueDepth, Run, StoredMessage, Taken};
use orders::ports::{ListError, Outgoing, Page, PageRequest, SendError, Unavailable};
use orders::step::QueueName;
use tokio::sync::{Notify, watch};

use crate::shop::Shop;

const ORDERS: usize = 3;

/// When, relative to the call it strikes, the kill comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Before,
    /// Half of a send's messages are in their queue.
    Midway,
    After,
}

/// Kills at the n-th call: the call never returns, and the test is told.
struct Killer {
    at: usize,
    moment: Moment,
    calls: AtomicUsize,
    struck: Notify,
}

impl Killer {
    /// Whether this call is the one.
    fn strikes(&self) -> bool {
        self.calls.fetch_add(1, Ordering::SeqCst) == self.at
    }

    async fn die<T>(&self) -> T {
        self.struck.notify_one();
        std::future::pending().await
    }

    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        let strikes = self.strikes();
        if strikes && self.moment != Moment::After {
            return self.die().await;
        }
        let answer = call.await;
        if strikes { self.die().await } else { answer }
    }
}

struct Killed<P>(Arc<P>, Arc<Killer>);

#[async_trait]
impl<Q: OpsQueues> OpsQueues for Killed<Q> {
    async fn depths(&self) -> Result<Vec<QueueDepth>, Unavailable> {
        self.0.depths().await
    }
    async fn look(&self, queue: QueueName, page: &PageRequest) -> Result<Page<StoredMessage>, ListError> {
        self.0.look(queue, page).await
    }
    async fn looked(&self, queue: QueueName) -> Result<(), Unavailable> {
        self.0.looked(queue).await
    }
    async fn take(&self, queue: QueueName, ids: &[String], hidden: Duration) -> Result<Vec<Taken>, Unavailable> {
        self.1.around(self.0.take(queue, ids, hidden)).await
    }
    async fn put_back(&self, queue: QueueName, receipts: &[String]) -> Result<(), Unavailable> {
        self.1.around(self.0.put_back(queue, receipts)).await
    }
    async fn delete(&self, queue: QueueName, receipts: &[String]) -> Result<(), Unavailable> {
        self.1.around(self.0.delete(queue, receipts)).await
    }
    async fn send_each(&self, queue: QueueName, mut messages: Vec<Outgoing>) -> Vec<Result<(), SendError>> {
        if self.1.moment != Moment::Midway {
            return self.1.around(self.0.send_each(queue, messages)).await;
        }
        if self.1.strikes() {
            messages.truncate(messages.len() / 2);
            self.0.send_each(queue, messages).await;
            return self.1.die().await;
        }
        self.0.send_each(queue, messages).await
    }
    async fn start_move(&self, queue: Queue, rate: Option<NonZeroU32>) -> Result<MoveTask, MoveError> {
        self.0.start_move(queue, rate).await
    }
    async fn last_move(&self, queue: Queue) -> Result<Option<MoveTask>, Unavailable> {
        self.0.last_move(queue).await
    }
}

#[async_trait]
impl<J: Journal> Journal for Killed<J> {
    async fn begin(&self, run: &Run) -> Result<(), Unavailable> {
        self.0.begin(run).await
    }
    async fn write(&self, run: &str, entries: &[Entry]) -> Result<(), Unavailable> {
        self.1.around(self.0.write(run, entries)).await
    }
    async fn finish(&self, run: &str, at: jiff::Timestamp) -> Result<(), Unavailable> {
        self.1.around(self.0.finish(run, at)).await
    }
    async fn run(&self, id: &str) -> Result<Option<Run>, Unavailable> {
        self.0.run(id).await
    }
    async fn runs(&self, page: &PageRequest) -> Result<Page<Run>, ListError> {
        self.0.runs(page).await
    }
    async fn entries(&self, run: &str, open: bool, page: &PageRequest) -> Result<Page<Entry>, ListError> {
        self.0.entries(run, open, page).await
    }
}

/// Orders whose charges are dead letters, and a gateway that is back.
async fn after_an_outage() -> (Shop, Vec<orders::OrderId>) {
    let shop = Shop::open().await;
    shop.embedded.gateway().set_down(true).await.unwrap();
    let ids = shop.accept(ORDERS).await;
    shop.work(shop.dead_letters(ORDERS)).await;
    shop.embedded.gateway().set_down(false).await.unwrap();
    (shop, ids)
}

/// Replays all, and dies at the n-th call; `false` if there are not so many.
async fn replay_and_die(shop: &Shop, at: usize, moment: Moment) -> bool {
    let killer = Arc::new(Killer { at, moment, calls: AtomicUsize::new(0), struck: Notify::new() });
    let queues = Arc::new(Killed(shop.embedded.ops_queues(), killer.clone()));
    let ops = shop.ops_over(queues, Arc::new(Killed(shop.embedded.journal(), killer.clone())));
    let plan = ReplayPlan::default();
    let run = drive::begin_replay(&ops, Queue::Payments, &plan).await.unwrap();
    let (_stop, stop) = watch::channel(false);
    let mut progress = |_: &[Entry]| {};
    tokio::select! {
        summary = drive::replay(&ops, &run, &plan, &|_| Ok(None), &stop, &mut progress) => {
            assert_eq!(summary.unwrap().done as usize, ORDERS);
            false
        }
        () = killer.struck.notified() => true,
    }
}

async fn resume(shop: &Shop) {
    let ops = shop.ops();
    let page = PageRequest { limit: NonZeroU32::MIN, cursor: None };
    let run = ops.runs(&page).await.unwrap().items.remove(0);
    if run.finished_at.is_some() {
        return;
    }
    let (_stop, stop) = watch::channel(false);
    let plan = ReplayPlan::of(&run).unwrap();
    drive::replay(&ops, &run, &plan, &|_| Ok(None), &stop, &mut |_| {}).await.unwrap();
    assert!(ops.run(&run.id).await.unwrap().finished_at.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_killed_at_any_step_loses_nothing_and_doubles_no_effect() {
    let (shop, ids) = after_an_outage().await;
    let mut kills = 0;
    for moment in [Moment::Before, Moment::Midway, Moment::After] {
        for at in 0.. {
            let attempt = shop.killed();
            if !replay_and_die(&attempt, at, moment).await {
                break;
            }
            kills += 1;
            let again = attempt.killed();
            again
                .work(async {
                    resume(&again).await;
                    again.quiet(&ids).await;
                })
                .await;
            for id in &ids {
                let told = format!("killed {moment:?} call {at}: {id}");
                assert_eq!(again.status(id).await, orders::Status::Confirmed, "{told}");
                let moved = again.embedded.gateway().ledger(id).await.unwrap();
                assert_eq!(moved.len(), 1, "{told} was charged once: {moved:?}");
                assert_eq!(again.embedded.mailbox().of_order(id).await.unwrap().len(), 1, "{told} was mailed once");
            }
            let left = again.embedded.queues().depth(QueueName::dlq(Queue::Payments));
            assert_eq!((left.visible, left.in_flight), (0, 0), "killed {moment:?} call {at}");
        }
    }
    // take, put_back, journal (refused), journal (intended), send, journal (sent), put_back, delete, journal (done), finish
    assert_eq!(kills, 3 * 10, "every step was struck");
}
