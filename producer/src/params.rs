//! Reads path and query parameters, and says of each what is wrong with it.
//!
//! A path parameter of the wrong shape names nothing, so it is `404`; a query parameter that is wrong, unknown or there
//! twice is `400`.

use std::borrow::Cow;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use orders::Storefront;
use orders::ports::PageRequest;

use crate::cursor::{Cursors, Listing};
use crate::problem::{self, Fault, Problem};

/// The one parameter of the path, as an identifier.
pub struct Id<T>(pub T);

impl<T: FromStr<Err: Display>, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| Problem::new(problem::NOT_FOUND, "The path is not UTF-8."))?;
        text.parse().map(Id).map_err(|error: T::Err| Problem::new(problem::NOT_FOUND, error))
    }
}

/// The query's parameters, taken out one by one.
pub struct Query {
    uri: Uri,
    given: Vec<(String, String)>,
    taken: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Query {
    /// All parameters of the query.
    pub fn of(uri: &Uri) -> Self {
        let given = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Self { uri: uri.clone(), given, taken: Vec::new(), faults: Vec::new() }
    }

    /// Takes one out; `None` if it is absent or wrong.
    pub fn take<T, E: Display>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let place = self.given.iter().position(|(given, _)| given == name)?;
        let (_, text) = self.given.remove(place);
        self.taken.push(name);
        match read(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.faults.push(Fault::in_parameter(name, error));
                None
            }
        }
    }

    /// Takes `limit` and `cursor` out, when the filter was taken out before; `only` says whose rows are listed, if not everybody's.
    ///
    /// # Errors
    /// `400` with every fault, or with that of a cursor which this listing with this filter did not give.
    pub async fn listing(mut self, cursors: &Cursors, only: Option<&Storefront>) -> Result<Listing, Problem> {
        let limit = self.take(LIMIT, |text| {
            let limit = text.parse().ok().filter(|limit: &NonZeroU32| limit.get() <= MAX_LIMIT);
            limit.ok_or(format!("a page has 1 to {MAX_LIMIT} items"))
        });
        let cursor = self.take(CURSOR, |text| {
            if (1..=MAX_CURSOR_BYTES).contains(&text.len()) { Ok(text.to_owned()) } else { Err(BAD_CURSOR) }
        });
        let uri = self.uri.clone();
        self.finish()?;
        let seal = cursors.seal(&uri, only).await?;
        let cursor = cursor.map(|cursor| seal.open(&cursor)).transpose()?;
        Ok(Listing { page: PageRequest { limit: limit.unwrap_or(DEFAULT_LIMIT), cursor }, seal })
    }

    /// What is left over is not known here, or was there already.
    ///
    /// # Errors
    /// `400` with every fault.
    pub fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in self.given {
            let why =
                if self.taken.contains(&name.as_str()) { "it is here twice" } else { "there is no such parameter" };
            self.faults.push(Fault::in_parameter(Cow::Owned(name), why));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::invalid(self.faults)) }
    }
}

/// Around handlers that read no query: what is in one all the same is refused, not ignored.
///
/// # Errors
/// `400`, with each parameter.
pub async fn none(request: Request, next: Next) -> Result<Response, Problem> {
    Query::of(request.uri()).finish()?;
    Ok(next.run(request).await)
}

pub(crate) const LIMIT: &str = "limit";
pub(crate) const CURSOR: &str = "cursor";

/// The longest page.
pub(crate) const MAX_LIMIT: u32 = 100;
const DEFAULT_LIMIT: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// The longest cursor. Step Functions' tokens, which the console on AWS has in its own, have up to 3,096 characters
/// (ListExecutions, `nextToken`).
pub(crate) const MAX_CURSOR_BYTES: usize = 4_400;

/// What is wrong with a cursor that was not given here.
pub(crate) const BAD_CURSOR: &str =
    "this listing with these parameters did not give this cursor; leave `cursor` out to begin anew";
