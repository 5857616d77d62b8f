//! Who is asking, and may they: API keys with scopes, and sessions begun with one, as an extractor that any router can use.
//!
//! [`Require`] is the one place where a request is let in. In a handler it gives the [`Principal`]; over a whole router it
//! is a layer: `axum::middleware::from_extractor_with_state::<Require<OpsScope>, Access>(access)`.
//! Not for rate limits (see [`crate::admission`]), and not for who owns which order (that is the orders' handlers').

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use orders::Storefront;
use sha2::{Digest, Sha256};

use crate::local;
use crate::problem::{self, Problem};
use crate::session::Sessions;

/// What a key allows. A wider scope allows all that a narrower one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Posts orders, reads and cancels its own; reads products.
    Storefront,
    /// Reads and edits everything.
    Ops,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name of its key. Orders it posts belong to this storefront.
    pub name: Storefront,
    /// What it may do.
    pub scope: Scope,
}

impl Principal {
    /// Whose orders it sees; `None` means everybody's.
    pub fn only_sees(&self) -> Option<&Storefront> {
        match self.scope {
            Scope::Storefront => Some(&self.name),
            Scope::Ops => None,
        }
    }
}

/// An API key. Only its digest is kept.
#[derive(Clone)]
pub struct ApiKey {
    principal: Principal,
    digest: [u8; 32],
}

impl ApiKey {
    /// The key `secret`, which lets its bearer in as `name` with `scope`. A secret should have 128 random bits or more.
    pub fn new(name: Storefront, scope: Scope, secret: &str) -> Self {
        Self { principal: Principal { name, scope }, digest: Sha256::digest(secret).into() }
    }

    /// Who bears it.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// Finds out who is asking by other means than our keys: on AWS, the claims that the JWT authorizer has verified.
pub trait Authenticate: Send + Sync {
    /// Who asks, or `None` for nobody we know.
    fn authenticate(&self, request: &Parts) -> Option<Principal>;
}

/// Who is let in.
#[derive(Clone, Default)]
pub enum Access {
    /// This machine's programs and this service's own pages, as the principal `local` with the scope [`Scope::Ops`]. For a
    /// loopback address only.
    #[default]
    Open,
    /// The bearers of these keys, and who has begun a session with one.
    Keys(Arc<Keys>),
    /// Whom this knows.
    By(Arc<dyn Authenticate>),
}

/// API keys, and the sessions that were begun with them.
pub struct Keys {
    keys: Box<[ApiKey]>,
    sessions: Sessions,
}

impl Access {
    /// Lets the bearers of these keys in.
    pub fn keys(keys: impl IntoIterator<Item = ApiKey>) -> Self {
        Self::Keys(Arc::new(Keys { keys: keys.into_iter().collect(), sessions: Sessions::new() }))
    }

    /// Begins a session for whoever has shown this key, if its scope is wide enough: who that is, and a `Set-Cookie` for the
    /// request's browser.
    ///
    /// # Errors
    /// `401` if nobody knows the key, `403` if its scope is too narrow, `404` where there are no keys and so no sessions.
    pub fn sign_in(&self, key: &str, scope: Scope, request: &HeaderMap) -> Result<(Principal, HeaderValue), Problem> {
        let Keys { keys, sessions } = self.with_keys()?;
        let principal = find(keys, key).ok_or_else(|| unauthenticated("This API key is not known here."))?;
        if principal.scope < scope {
            return Err(too_narrow());
        }
        let cookie = sessions.begin(principal.clone(), request)?;
        Ok((principal, cookie))
    }

    /// Ends the request's session: a `Set-Cookie` that takes it from the browser.
    ///
    /// # Errors
    /// `404` where there are no keys and so no sessions.
    pub fn sign_out(&self, request: &HeaderMap) -> Result<HeaderValue, Problem> {
        Ok(self.with_keys()?.sessions.end(request)?)
    }

    /// Whether somebody has to show a key.
    pub fn has_keys(&self) -> bool {
        matches!(self, Access::Keys(_))
    }

    fn with_keys(&self) -> Result<&Keys, Problem> {
        match self {
            Access::Keys(keys) => Ok(keys),
            Access::Open | Access::By(_) => Err(Problem::new(problem::NOT_FOUND, "There are no sessions here.")),
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// `401` with `WWW-Authenticate`; `403` for another site's page.
    pub fn principal(&self, request: &Parts) -> Result<Principal, Problem> {
        match self {
            Access::Open => {
                local::own(&request.headers)?;
                let name = "local".parse().map_err(|error| Problem::new(problem::INTERNAL, error))?;
                Ok(Principal { name, scope: Scope::Ops })
            }
            Access::Keys(keys) => match bearer(request) {
                Some(token) => {
                    find(&keys.keys, token).ok_or_else(|| unauthenticated("This API key is not known here."))
                }
                None => {
                    let of_session = keys.sessions.principal(request)?;
                    of_session.ok_or_else(|| unauthenticated("Send `Authorization: Bearer <API key>`."))
                }
            },
            Access::By(other) => {
                other.authenticate(request).ok_or_else(|| unauthenticated("The request carries no valid identity."))
            }
        }
    }
}

fn bearer(request: &Parts) -> Option<&str> {
    let (scheme, token) = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares digests, all of them and each to its end, so that the time taken tells nothing about any key.
fn find(keys: &[ApiKey], token: &str) -> Option<Principal> {
    let asked: [u8; 32] = Sha256::digest(token).into();
    let mut found = None;
    for key in keys {
        let difference =
            key.digest.iter().zip(asked).fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs));
        if difference == 0 {
            found = Some(key.principal.clone());
        }
    }
    found
}

fn too_narrow() -> Problem {
    Problem::new(problem::FORBIDDEN, "This needs a key with the scope `ops`.")
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(problem::UNAUTHENTICATED, detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// A scope as a type, for [`Require`].
pub trait RequiredScope: Send + Sync + 'static {
    /// The least scope that will do.
    const SCOPE: Scope;
}

/// Any key will do.
#[derive(Debug, Clone, Copy)]
pub struct StorefrontScope;

/// Only an ops key will do.
#[derive(Debug, Clone, Copy)]
pub struct OpsScope;

impl RequiredScope for StorefrontScope {
    const SCOPE: Scope = Scope::Storefront;
}

impl RequiredScope for OpsScope {
    const SCOPE: Scope = Scope::Ops;
}

/// Lets a request in if it comes with the scope `S` or a wider one; in a handler, `caller: Require<OpsScope>`. Answers `401` or `403` otherwise. Put it before other extractors, so that nobody learns more before.
#[derive(Debug, Clone)]
pub struct Require<S> {
    /// Who is asking.
    pub principal: Principal,
    scope: PhantomData<S>,
}

impl<S: RequiredScope, State> FromRequestParts<State> for Require<S>
where
    State: Send + Sync,
    Access: FromRef<State>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let principal = Access::from_ref(state).principal(parts)?;
        tracing::Span::current().record("storefront", principal.name.as_str());
        if principal.scope < S::SCOPE {
            return Err(too_narrow());
        }
        Ok(Self { principal, scope: PhantomData })
    }
}
