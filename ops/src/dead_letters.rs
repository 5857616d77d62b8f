//! Looking at dead letters. Nothing is changed by it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use orders::ports::ops::{QueueDepth, StoredMessage};
use orders::ports::{Page, PageRequest};
use orders::step::QueueName;
use orders::{Queue, Step};

use crate::letter::order_of;
use crate::{Breakdown, Cause, CauseCount, Letter, Ops, OpsError, Selection};

/// A breakdown looks at so many dead letters of a queue, unless at all.
const SAMPLE: u64 = 1_000;
/// So many at a time.
const LOOK: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// A page of a filtered listing looks through this many at most, so that a rare cause doesn't hold a request up.
const LOOKED_THROUGH: usize = 1_000;
/// An expression may take this many steps for a page: a second or so. What it has found by then is the page.
const STEPS: u64 = 20_000_000;
/// With an expression, this many letters are looked at before the page may end.
const COSTLY_LOOK: NonZeroU32 = NonZeroU32::new(10).unwrap();

impl Ops {
    pub(crate) async fn breakdowns(&self, all: bool) -> Result<Vec<Breakdown>, OpsError> {
        let depths = self.ports.queues.depths().await?;
        let mut breakdowns = Vec::new();
        for depth in depths.into_iter().filter(|depth| depth.queue.dead_letters) {
            breakdowns.push(self.breakdown(depth, if all { u64::MAX } else { SAMPLE }).await?);
        }
        Ok(breakdowns)
    }

    async fn breakdown(&self, depth: QueueDepth, most: u64) -> Result<Breakdown, OpsError> {
        let queue = depth.queue.queue;
        let mut causes: BTreeMap<(Option<Step>, String), CauseCount> = BTreeMap::new();
        let (mut looked_at, mut cursor) = (0, None);
        let is_sample = loop {
            if depth.total() == 0 {
                break false;
            }
            let page = PageRequest { limit: LOOK, cursor };
            let page = self.ports.queues.look(depth.queue, &page).await?;
            for message in page.items {
                looked_at += 1;
                let (cause, sent_at) = (Cause::of_message(queue, &message), message.sent_at);
                let of_cause = causes.entry((cause.step, cause.error.clone())).or_insert_with(|| CauseCount {
                    step: cause.step,
                    error: cause.error,
                    example: cause.cause,
                    count: 0,
                    first_seen: sent_at,
                    last_seen: sent_at,
                });
                of_cause.count += 1;
                of_cause.first_seen = of_cause.first_seen.min(sent_at);
                of_cause.last_seen = of_cause.last_seen.max(sent_at);
            }
            cursor = page.next;
            if cursor.is_none() || looked_at >= most {
                break cursor.is_some();
            }
        };
        self.ports.queues.looked(depth.queue).await?;
        let mut causes: Vec<_> = causes.into_values().collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        Ok(Breakdown { queue, is_sample: is_sample || looked_at < depth.visible, depth, looked_at, causes })
    }

    /// A page may hold fewer than its limit and still have a next one.
    pub(crate) async fn selected(
        &self,
        queue: Queue,
        selection: &Selection,
        page: &PageRequest,
    ) -> Result<Page<Letter>, OpsError> {
        let matcher = selection.matcher()?;
        let limit = usize::try_from(page.limit.get()).unwrap_or(usize::MAX);
        let (mut items, mut looked_through, mut steps, mut cursor) = (Vec::new(), 0, 0, page.cursor.clone());
        loop {
            // No more than there is room for, so that the cursor stands right behind the last one shown.
            let room = u32::try_from(limit - items.len()).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
            let room = if matcher.is_costly() { room.min(COSTLY_LOOK) } else { room };
            let look = PageRequest { limit: room, cursor };
            let looked = self.ports.queues.look(QueueName::dlq(queue), &look).await?;
            looked_through += looked.items.len();
            for message in looked.items {
                let letter = self.letter(queue, message).await?;
                let asked = matcher.ask(&letter)?;
                steps += asked.steps;
                if asked.matches {
                    items.push(letter);
                }
                if matcher.is_costly() {
                    // The thread has other requests, and this one a time-out.
                    tokio::task::yield_now().await;
                }
            }
            cursor = looked.next;
            if cursor.is_none() || items.len() >= limit || looked_through >= LOOKED_THROUGH || steps >= STEPS {
                return Ok(Page { items, next: cursor });
            }
        }
    }

    async fn letter(&self, queue: Queue, message: StoredMessage) -> Result<Letter, OpsError> {
        let order = match order_of(queue, &message) {
            Some(id) => self.ports.orders.get(&id).await?,
            None => None,
        };
        let refusal = self.refusal(queue, &message.body, order.as_ref()).await;
        Ok(Letter::new(queue, message, order.as_ref(), refusal))
    }
}
