//! Whether one more order may come in now: a rate per principal, and a limit to the backlog.
//!
//! Asked after the principal is known and before the order is read, on `POST /orders` only: reading, cancelling and the
//! work of ops must go on when orders are refused. On AWS stage throttling does this, and the list is empty.
//!
//! What is refused may be a repeat of an order that was accepted before. Its key is looked up then, which costs a read: so
//! look-ups have a limit of their own ([`lookups`]), and beyond it the answer says that nothing is known.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;
use orders::Storefront;

use crate::auth::Principal;
use crate::problem::{self, Problem};

/// Decides whether an order may come in.
pub trait Admission: Send + Sync {
    /// Lets it in, or says when to come again.
    ///
    /// # Errors
    /// [`Refused`].
    fn admit(&self, principal: &Principal) -> Result<(), Refused>;
}

/// An order may not come in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Too many orders wait already: `503`.
    Backlog {
        /// When to come again.
        retry_after: Duration,
    },
    /// This principal posts too fast: `429`.
    RateLimited {
        /// When to come again.
        retry_after: Duration,
    },
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Backlog { .. } => refused.because(
                "Accepted orders are being worked off; none with this idempotency key was accepted. Repeat it later.",
            ),
            Refused::RateLimited { .. } => {
                refused.because("No order with this idempotency key was accepted. Repeat it later.")
            }
        }
    }
}

impl Refused {
    /// The same, when the key was not looked up.
    pub(crate) fn not_looked_up(self) -> Problem {
        self.because(
            "It was not looked up whether an order with this idempotency key was accepted before. Repeat it later.",
        )
    }

    fn because(self, detail: &str) -> Problem {
        match self {
            Self::Backlog { retry_after } => Problem::try_again(problem::BACKLOG, detail, retry_after),
            Self::RateLimited { retry_after } => Problem::try_again(problem::RATE_LIMITED, detail, retry_after),
        }
    }
}

/// How many keys of refused orders are looked up by default, for each principal: a thousand a second. One costs what reading
/// an order does.
pub fn lookups() -> RateLimit {
    const PER_SECOND: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
    RateLimit::per_second(PER_SECOND, PER_SECOND)
}

/// So many principals are remembered; the one least seen is forgotten, and starts afresh.
const REMEMBERED: u64 = 10_000;

/// So many orders a second for each principal, with bursts.
pub struct RateLimit {
    quota: Quota,
    limiters: Cache<Storefront, Arc<DefaultDirectRateLimiter>>,
}

impl RateLimit {
    /// `rate` a second, and up to `burst` at once after a pause.
    pub fn per_second(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { quota: Quota::per_second(rate).allow_burst(burst), limiters: Cache::new(REMEMBERED) }
    }
}

impl Admission for RateLimit {
    fn admit(&self, principal: &Principal) -> Result<(), Refused> {
        let limiter = self.limiters.get_with_by_ref(&principal.name, || Arc::new(RateLimiter::direct(self.quota)));
        limiter
            .check()
            .map_err(|until| Refused::RateLimited { retry_after: until.wait_time_from(limiter.clock().now()) })
    }
}

/// At most so many orders waiting.
pub struct BacklogLimit<F> {
    limit: usize,
    retry_after: Duration,
    backlog: F,
}

impl<F: Fn() -> usize> BacklogLimit<F> {
    /// Refuses while `backlog()` is `limit` or more. It is called for every order, so it should read a number that is at hand.
    pub const fn new(limit: usize, retry_after: Duration, backlog: F) -> Self {
        Self { limit, retry_after, backlog }
    }
}

impl<F: Fn() -> usize + Send + Sync> Admission for BacklogLimit<F> {
    fn admit(&self, _: &Principal) -> Result<(), Refused> {
        if (self.backlog)() < self.limit { Ok(()) } else { Err(Refused::Backlog { retry_after: self.retry_after }) }
    }
}
