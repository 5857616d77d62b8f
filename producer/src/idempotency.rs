//! The idempotency key of a posted order: the client's, or one made here. Every answer carries it, so that a client that sent
//! none can still repeat an order whose fate it doesn't know.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use orders::IdempotencyKey;

use crate::problem::{Fault, Problem};
use crate::random;

pub(crate) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const SHOWN: &str = "Idempotency-Key";

/// The key, or what is wrong with it.
#[derive(Clone)]
struct Sent {
    key: Result<IdempotencyKey, Fault>,
    /// It was made here, so no order has it yet.
    is_new: bool,
}

/// Around the handler of `POST /orders`.
pub(crate) async fn echo(mut request: Request, next: Next) -> Response {
    let sent = sent(request.headers());
    let is_new = matches!(sent, Ok(None));
    let key = match sent {
        Ok(None) => match random::idempotency_key() {
            Ok(made) => Ok(made),
            Err(error) => return Problem::from(error).into_response(),
        },
        Ok(Some(key)) => Ok(key),
        Err(fault) => Err(fault),
    };
    let echoed = key.as_ref().ok().and_then(|key| HeaderValue::from_str(key.as_str()).ok());
    request.extensions_mut().insert(Sent { key, is_new });
    let mut response = next.run(request).await;
    if let Some(echoed) = echoed {
        response.headers_mut().insert(HEADER, echoed);
    }
    response
}

fn sent(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Fault> {
    let mut keys = headers.get_all(HEADER).iter();
    let fault = |detail: &dyn std::fmt::Display| Fault::in_header(SHOWN, detail);
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(fault(&"it is here twice")),
        (Some(key), None) => {
            let text = String::from_utf8_lossy(key.as_bytes());
            text.parse().map(Some).map_err(|error: orders::InvalidId| fault(&error))
        }
    }
}

/// The key that [`echo`] found or made.
pub(crate) struct Key(pub(crate) IdempotencyKey);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.remove::<Sent>() {
            Some(Sent { key: Ok(key), .. }) => Ok(Key(key)),
            Some(Sent { key: Err(fault), .. }) => Err(fault.into()),
            None => Ok(Key(random::idempotency_key()?)),
        }
    }
}

/// The client's own key, if it sent a valid one.
pub(crate) fn of_client(parts: &Parts) -> Option<&IdempotencyKey> {
    let Sent { key, is_new } = parts.extensions.get()?;
    key.as_ref().ok().filter(|_| !is_new)
}
