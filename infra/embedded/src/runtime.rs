//! What runs while the pipeline is up: a mapping per queue, and the timers.

use std::collections::BTreeMap;
use std::sync::Arc;

use orders::Queue;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Embedded;
use crate::timing;
use crate::trigger::{Function, Mapping};

/// Until `shutdown`, and then until what is in hand is finished.
pub(crate) async fn run(embedded: &Embedded, functions: BTreeMap<Queue, Function>, shutdown: impl Future<Output = ()>) {
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for (queue, function) in functions {
        let mapping = Mapping {
            queue,
            function,
            queues: Arc::clone(&embedded.queues),
            clock: Arc::clone(&embedded.clock),
            trigger: embedded.config.triggers.of(queue).clone(),
        };
        tasks.spawn(mapping.run(stopped.clone()));
    }
    tasks.spawn(timers(embedded.clone(), stopped));
    shutdown.await;
    // Nobody listens any more only if every task has ended already.
    stop.send_replace(true);
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a part of the runtime ended with an error");
        }
    }
}

/// Fires each timer at its time.
async fn timers(embedded: Embedded, mut stop: watch::Receiver<bool>) {
    let workflow = &embedded.workflow;
    loop {
        workflow.fire_due().await;
        let next = workflow.next_timer();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stopped| *stopped) => return,
            () = workflow.timer_changed() => {}
            () = timing::until(&*embedded.clock, next) => {}
        }
    }
}
