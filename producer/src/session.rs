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
    /// `403` if the session's own pages did not send it, and it could change something.
    pub(crate) fn principal(&self, request: &Parts) -> Result<Option<Principal>, Problem> {
        let Some(principal) = token(&request.headers).and_then(|token| self.0.get(&digest(token))) else {
            return Ok(None);
        };
        if request.method.is_safe() || is_same_origin(&request.headers) {
            return Ok(Some(principal));
        }
        Err(Problem::new(
            problem::CROSS_ORIGIN,
            "Neither Sec-Fetch-Site nor Origin says that a page of this service sent it.",
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

/// Whether a page of this very service sent the request. A browser says so in a header that no page can forge: on TLS and on
/// loopback in `Sec-Fetch-Site`, everywhere else in `Origin`.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let host = text(&header::HOST);
    let origin = text(&header::ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    host.is_some() && origin == host
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
