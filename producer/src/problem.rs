//! What an error looks like on the wire: a problem (RFC 9457), always `application/problem+json`.
//!
//! Every refusal of this API is one of the [`Kind`]s below; `src/openapi.rs` documents each of them. Not for errors inside
//! the process: those are the ports' own types, which become problems where a handler answers.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use orders::ports::{ListError, Unavailable};
use serde::Serialize;
use utoipa::ToSchema;

use crate::params::BAD_CURSOR;

/// A kind of problem: what a client may branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The status it is answered with.
    pub status: StatusCode,
    /// Names it in `type`: `urn:problem-type:orderflow:<slug>`.
    pub slug: &'static str,
    /// The same for every problem of this kind.
    pub title: &'static str,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:ident $slug:literal $title:literal;)+) => {
        $($(#[$doc])* pub const $name: Kind = Kind { status: StatusCode::$status, slug: $slug, title: $title };)+
    };
}

kinds! {
    /// The request does not fit its description; `errors` has every fault that was found.
    INVALID = BAD_REQUEST "invalid-request" "The request is not valid";
    /// No key, or one that nobody knows.
    UNAUTHENTICATED = UNAUTHORIZED "unauthenticated" "A valid API key is needed";
    /// The key's scope does not allow this.
    FORBIDDEN = FORBIDDEN "forbidden" "The API key's scope does not allow this";
    /// Without keys only this machine's own pages and programs are served.
    FOREIGN = FORBIDDEN "foreign-origin" "Without API keys only this machine is served";
    /// A session is for the service's own pages.
    CROSS_ORIGIN = FORBIDDEN "cross-origin" "Only a page of this service may do this in a session";
    /// There is no such thing, or it is not this storefront's.
    NOT_FOUND = NOT_FOUND "not-found" "Not found";
    /// The path exists, but not for this method; `Allow` has those it exists for.
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED "method-not-allowed" "This path does not have that method";
    /// The body took longer to arrive than a request may.
    BODY_LATE = REQUEST_TIMEOUT "body-late" "The body did not arrive in time";
    /// There is a product of that SKU already.
    EXISTS = CONFLICT "already-exists" "It exists already";
    /// Orders that are not final hold some of it.
    RESERVED = CONFLICT "reserved" "Open orders hold some of it";
    /// The stock would leave its range.
    OUT_OF_RANGE = CONFLICT "stock-out-of-range" "The stock would leave its range";
    /// The order is final.
    TOO_LATE = CONFLICT "too-late-to-cancel" "The order can't be cancelled any more";
    /// It is no longer what the precondition names.
    STALE = PRECONDITION_FAILED "precondition-failed" "It has changed since it was read";
    /// The body is larger than this API takes.
    BODY_TOO_LARGE = PAYLOAD_TOO_LARGE "body-too-large" "The body is too large";
    /// The body is not JSON, or is encoded.
    UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "The body must be plain application/json";
    /// The idempotency key belongs to another order.
    KEY_REUSED = UNPROCESSABLE_ENTITY "idempotency-key-reused" "The idempotency key was used for another order";
    /// A write that would overwrite must say what it has read.
    PRECONDITION_REQUIRED = PRECONDITION_REQUIRED "precondition-required" "If-Match is needed";
    /// This key posts too fast.
    RATE_LIMITED = TOO_MANY_REQUESTS "rate-limited" "Too many requests with this key";
    /// Our fault.
    INTERNAL = INTERNAL_SERVER_ERROR "internal-error" "Something went wrong here";
    /// The store can't answer now; nobody knows whether a write was done, so repeat it.
    UNAVAILABLE = SERVICE_UNAVAILABLE "unavailable" "Not available now";
    /// More orders wait than may.
    BACKLOG = SERVICE_UNAVAILABLE "backlog" "Too many orders are waiting";
}

/// What a client should know when the store, or the time for it, ran out.
pub(crate) const OUTCOME_UNKNOWN: &str = "It is not known whether anything was done. What carries a key or a precondition, or only reads, is safe to repeat.";

/// When to try again after something was unavailable.
pub(crate) const SHORTLY: Duration = Duration::from_secs(1);

/// The longest `detail`: it may quote what was sent, and that may be long.
const LONGEST_DETAIL: usize = 300;

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// A JSON pointer (RFC 6901) into the body; empty for the whole body.
    Pointer(String),
    /// A query or path parameter.
    Parameter(Cow<'static, str>),
    /// A header.
    Header(&'static str),
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What.
    pub detail: String,
}

impl Fault {
    /// A fault of the body at a JSON pointer.
    pub fn at(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self { place: Place::Pointer(pointer.into()), detail: shortened(detail) }
    }

    /// A fault of a query or path parameter.
    pub fn in_parameter(name: impl Into<Cow<'static, str>>, detail: impl std::fmt::Display) -> Self {
        Self { place: Place::Parameter(name.into()), detail: shortened(detail) }
    }

    /// A fault of a header.
    pub fn in_header(name: &'static str, detail: impl std::fmt::Display) -> Self {
        Self { place: Place::Header(name), detail: shortened(detail) }
    }
}

fn shortened(text: impl std::fmt::Display) -> String {
    let mut text = text.to_string();
    if let Some((end, _)) = text.char_indices().nth(LONGEST_DETAIL) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// A refusal, as it is answered. Also an `Err` of handlers and extractors, of this crate and of others.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    detail: String,
    faults: Vec<Fault>,
    headers: HeaderMap,
}

impl Problem {
    /// A problem of that kind; `detail` says what happened this time, for people. No personal data.
    pub fn new(kind: Kind, detail: impl std::fmt::Display) -> Self {
        Self(Box::new(Inner { kind, detail: shortened(detail), faults: Vec::new(), headers: HeaderMap::new() }))
    }

    /// `400` with every fault.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let mut problem = match faults.len() {
            1 => Self::new(INVALID, "One thing is wrong with it."),
            n => Self::new(INVALID, format!("{n} things are wrong with it.")),
        };
        problem.0.faults = faults;
        problem
    }

    /// `503` with `Retry-After`. The cause is for the log, not for the client.
    pub fn unavailable(cause: &Unavailable) -> Self {
        tracing::warn!(what = cause.what, cause = %cause.cause, "unavailable");
        Self::try_again(UNAVAILABLE, OUTCOME_UNKNOWN, SHORTLY)
    }

    /// A problem with `Retry-After`, in whole seconds, rounded up.
    pub fn try_again(kind: Kind, detail: impl std::fmt::Display, after: Duration) -> Self {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        Self::new(kind, detail).with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// Adds a response header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// As it goes over the wire.
    pub fn body(&self) -> ProblemBody {
        let Inner { kind, detail, faults, .. } = &*self.0;
        ProblemBody {
            kind: format!("urn:problem-type:orderflow:{}", kind.slug),
            title: kind.title,
            status: kind.status.as_u16(),
            detail: detail.clone(),
            errors: faults.clone(),
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(cause: Unavailable) -> Self {
        Self::unavailable(&cause)
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::InvalidCursor => Fault::in_parameter("cursor", BAD_CURSOR).into(),
            ListError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::invalid(vec![fault])
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (self.0.kind.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.0.headers);
        response
    }
}

/// The media type of every error.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem on the wire (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Names the kind of problem; what a client may branch on.
    #[serde(rename = "type")]
    #[schema(value_type = String, format = "uri", pattern = "^urn:problem-type:orderflow:[a-z-]+$")]
    kind: String,
    /// The kind, for people.
    #[schema(value_type = String)]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time, for people.
    detail: String,
    /// Every fault that was found in the request; empty unless the status is 400.
    #[schema(value_type = Vec<FaultBody>)]
    errors: Vec<Fault>,
}

/// One thing that is wrong with the request; one of `pointer`, `parameter` and `header` says where.
#[derive(ToSchema)]
#[schema(as = Fault)]
#[allow(dead_code, reason = "describes Fault, whose place is flattened into it")]
pub struct FaultBody {
    /// A JSON pointer (RFC 6901) into the body; empty for the whole body.
    #[schema(nullable = false, pattern = "^(/([^~]|~[01])*)?$")]
    pointer: Option<String>,
    /// A query or path parameter.
    #[schema(nullable = false)]
    parameter: Option<String>,
    /// A header.
    #[schema(nullable = false)]
    header: Option<String>,
    /// What is wrong.
    detail: String,
}
