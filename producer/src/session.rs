//! Sessions: whoever has shown an API key once, for a browser, which must not keep the key. They are in memory, so they end
//! with the process, and before it after a time. Not for who is let in without one (see [`crate::auth`]).

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::auth::Principal;
use crate::problem::{self, Problem};
use crate::random::{self, NoEntropy};
use crate::site::Sender;

/// A session ends so long after it began.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// A session that nobody uses ends after so long.
const IDLE: Duration = Duration::from_secs(2 * 60 * 60);
/// With more than these, the one that is unused for longest ends.
const SESSIONS: u64 = 1_000;

const COOKIE: &str = "orderflow_session";

/// The sessions of one process. Only the digests of their tokens are kept.
pub(crate) struct Sessions(Cache<[u8; 32], Principal>);

impl Sessions {
    pub(crate) fn new() -> Self {
        let sessions = Cache::builder().max_capacity(SESSIONS).eviction_policy(EvictionPolicy::lru());
        Self(sessions.time_to_live(LIFETIME).time_to_idle(IDLE).build())
    }

    /// Begins one; the value of `Set-Cookie` (RFC 6265) that carries it.
    pub(crate) fn begin(&self, principal: Principal, request: &HeaderMap) -> Result<HeaderValue, NoEntropy> {
        let token = random::secret()?;
        self.0.insert(digest(&token), principal);
        cookie(&token, LIFETIME, request)
    }

    /// Whose session the request belongs to.
    ///
    /// # Errors
    /// `403` if another page sent it, or nothing says that the session's own did and it could change something.
    pub(crate) fn principal(&self, request: &Parts) -> Result<Option<Principal>, Problem> {
        let Some(principal) = token(&request.headers).and_then(|token| self.0.get(&digest(token))) else {
            return Ok(None);
        };
        let allowed = match Sender::of(&request.headers) {
            Sender::OwnPage => true,
            // SameSite=Strict has kept other sites' pages away, but not those of this host's other ports.
            Sender::Person | Sender::Unsaid => request.method.is_safe(),
            Sender::ForeignPage => false,
        };
        if allowed {
            return Ok(Some(principal));
        }
        Err(Problem::new(
            problem::CROSS_ORIGIN,
            "Neither Sec-Fetch-Site nor Origin nor Referer says that a page of this service sent it.",
        ))
    }

    /// Ends the request's session, if it has one; the value of `Set-Cookie` that takes it away.
    pub(crate) fn end(&self, request: &HeaderMap) -> Result<HeaderValue, NoEntropy> {
        if let Some(token) = token(request) {
            self.0.invalidate(&digest(token));
        }
        cookie("", Duration::ZERO, request)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
}

/// For TLS only where the request came over it: a browser would not keep it otherwise.
fn cookie(token: &str, lifetime: Duration, request: &HeaderMap) -> Result<HeaderValue, NoEntropy> {
    let secure = if request.get("x-forwarded-proto").is_some_and(|proto| proto == "https") { "; Secure" } else { "" };
    let age = lifetime.as_secs();
    let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    cookie.try_into().map_err(|_| NoEntropy)
}
