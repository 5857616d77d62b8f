//! Who is asking, and signing in and out. Who is let in is decided by [`producer::auth`].

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use garde::Validate;
use producer::auth::Scope;
use producer::body::{self, WireBody};
use producer::problem::{self, Problem};
use producer::site::is_same_origin;
use serde::{Deserialize, Serialize};

use crate::{Console, NO_STORE, Platform};

/// An API key, once.
#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    #[garde(length(min = 1, max = 1000))]
    key: String,
}

impl WireBody for Key {}

/// What the page needs to know before it shows anything.
#[derive(Serialize)]
struct Session<'a> {
    /// Whose key it is; none: sign in first.
    by: Option<String>,
    /// Whether there is anything to sign out of.
    signed_in: bool,
    /// Told to those who are let in.
    platform: Option<&'a Platform>,
}

pub(crate) async fn read(State(console): State<Console>, request: Parts) -> Response {
    let principal = console.access.principal(&request).ok().filter(|principal| principal.scope >= Scope::Ops);
    let session = Session {
        platform: principal.is_some().then_some(&*console.platform),
        by: principal.map(|principal| principal.name.to_string()),
        signed_in: console.access.has_keys(),
    };
    (NO_STORE, Json(session)).into_response()
}

pub(crate) async fn begin(
    State(console): State<Console>,
    headers: HeaderMap,
    body::Json(Key { key }): body::Json<Key>,
) -> Result<Response, Problem> {
    if !is_same_origin(&headers) {
        return Err(Problem::new(problem::CROSS_ORIGIN, "A session is begun by the console's own page."));
    }
    let (principal, cookie) = console.access.sign_in(&key, Scope::Ops, &headers)?;
    tracing::info!(by = %principal.name, "signed in to the console");
    Ok((StatusCode::NO_CONTENT, NO_STORE, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Also for a session that has ended already.
pub(crate) async fn end(State(console): State<Console>, headers: HeaderMap) -> Result<Response, Problem> {
    if !is_same_origin(&headers) {
        return Err(Problem::new(problem::CROSS_ORIGIN, "A session is ended by the console's own page."));
    }
    let cookie = console.access.sign_out(&headers)?;
    Ok((StatusCode::NO_CONTENT, NO_STORE, [(header::SET_COOKIE, cookie)]).into_response())
}
