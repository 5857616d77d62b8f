//! Read, decide, write: how a worker applies a transition to an order that others may change at the same time.

use metrics::counter;
use orders::ports::{OrderStore, Saved};
use orders::{Order, OrderId, Reason, Retry, Status, StockChange};

use crate::Verdict;

/// More conflicts in a row than this are left to the queue's backoff.
pub(crate) const TRIES: usize = 8;

/// The order a message is about, or what becomes of a message that has none.
pub(crate) async fn load(store: &dyn OrderStore, id: &OrderId) -> Result<Order, Verdict> {
    match store.get(id).await {
        Ok(Some(order)) => Ok(order),
        Ok(None) => Err(Verdict::order_not_found()),
        Err(unavailable) => Err(Verdict::Retry(unavailable.into())),
    }
}

/// Applies `decide` and writes its result, on condition that the order is still the one that was read; reads it again
/// and decides anew otherwise. Writes nothing when nothing changed.
///
/// # Errors
/// [`Retry`] when the store is unavailable or the order keeps changing.
pub(crate) async fn transition(
    store: &dyn OrderStore,
    mut order: Order,
    mut decide: impl FnMut(&mut Order) -> Vec<StockChange> + Send,
) -> Result<Order, Retry> {
    for _ in 0..TRIES {
        match write(store, &order, &mut decide).await? {
            Some(written) => return Ok(written),
            None => order = reread(store, &order).await?,
        }
    }
    Err(contention())
}

/// One try: the order as written, or `None` if something the decision rests on has changed.
pub(crate) async fn write(
    store: &dyn OrderStore,
    order: &Order,
    decide: impl FnOnce(&mut Order) -> Vec<StockChange> + Send,
) -> Result<Option<Order>, Retry> {
    let mut next = order.clone();
    let stock = decide(&mut next);
    if next.progress == order.progress {
        return Ok(Some(next));
    }
    match store.update(&next, &stock).await? {
        Saved::Saved => {
            tell_end(order, &next);
            next.version += 1;
            Ok(Some(next))
        }
        Saved::Conflict => Ok(None),
    }
}

/// Counts an order that this write has made final. A write whose answer is lost is not counted: the numbers are for graphs
/// and alarms, the orders are for the truth.
fn tell_end(before: &Order, after: &Order) {
    match (before.progress.status.is_final(), after.progress.status) {
        (false, Status::Confirmed) => counter!("orderflow_orders_confirmed_total").increment(1),
        (false, Status::Rejected) => {
            let reason = after.progress.reason.map_or("unknown", Reason::name);
            counter!("orderflow_orders_rejected_total", "reason" => reason).increment(1);
        }
        _ => {}
    }
}

pub(crate) async fn reread(store: &dyn OrderStore, order: &Order) -> Result<Order, Retry> {
    store.get(order.id()).await?.ok_or_else(|| Retry::new("OrderVanished", "the order is no longer in the store"))
}

pub(crate) fn contention() -> Retry {
    Retry::new(
        "Contention",
        format_args!("the order or its products changed {TRIES} times while the step was deciding"),
    )
}
