//! Without keys the API is this machine's alone: its programs, and this service's own pages in its browsers. A page from
//! elsewhere could make a browser send requests here (cross-site requests, DNS rebinding).
//!
//! [`only`] is around every route: a request that names a foreign host is refused, and so is a write for a foreign page.
//! [`own`] is asked wherever somebody has to be let in ([`crate::auth::Access`]), so that reads that cost something are refused
//! to foreign pages as well. What is left to them is open to everybody anyway: `/health`, and pages that a link may lead to.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{self, Problem};
use crate::site::Sender;

pub(crate) async fn only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let target = request.uri().authority().is_none_or(is_local);
    let host = all(headers, header::HOST, |host| host.parse().is_ok_and(|authority| is_local(&authority)));
    let origin = all(headers, header::ORIGIN, |origin| {
        origin.parse::<Uri>().is_ok_and(|origin| origin.authority().is_some_and(is_local))
    });
    if !(target && host && origin) {
        let detail = "The request's Host or Origin is neither `localhost` nor a loopback address.";
        return Problem::new(problem::FOREIGN, detail).into_response();
    }
    if !request.method().is_safe()
        && let Err(foreign) = own(headers)
    {
        return foreign.into_response();
    }
    next.run(request).await
}

/// Refuses what the page of another site, or of another port, made a browser send.
pub(crate) fn own(headers: &HeaderMap) -> Result<(), Problem> {
    match Sender::of(headers) {
        Sender::OwnPage | Sender::Person | Sender::Unsaid => Ok(()),
        Sender::ForeignPage => Err(Problem::new(
            problem::FOREIGN,
            "A page of another site or port made a browser send this (Sec-Fetch-Site, Origin or Referer says so).",
        )),
    }
}

fn all(headers: &HeaderMap, name: HeaderName, holds: impl Fn(&str) -> bool) -> bool {
    headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(&holds))
}

fn is_local(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
