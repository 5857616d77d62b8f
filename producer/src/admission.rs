//! Whether one more order may come in now: a rate per principal, and a limit to the backlog.
//!
//! Asked after the principal is known and before the order is read, on `POST /orders` only: reading, cancelling and the
//! work of ops must go on when orders are refused. On AWS stage throttling does this, and the list is empty.

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
            Refused::Backlog { retry_after } => Problem::try_again(
                problem::BACKLOG,
                "Accepted orders are being worked off; this one was not accepted.",
                retry_after,
            ),
            Refused::RateLimited { retry_after } => {
                Problem::try_again(problem::RATE_LIMITED, "This order was not accepted.", retry_after)
            }
        }
    }
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
