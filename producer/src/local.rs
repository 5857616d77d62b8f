//! Without keys the API is this machine's alone, and its browsers': but a page from elsewhere could make a browser send
//! requests here (cross-site requests, DNS rebinding). Such a request names a foreign host or origin, and is refused.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{self, Problem};

pub(crate) async fn only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = all(headers, header::HOST, |host| host.parse().is_ok_and(|authority| is_local(&authority)));
    let origin = all(headers, header::ORIGIN, |origin| {
        origin.parse::<Uri>().is_ok_and(|origin| origin.authority().is_some_and(is_local))
    });
    // A link may lead here from elsewhere; a form may not.
    let site = request.method().is_safe() || headers.get("sec-fetch-site").is_none_or(|site| site != "cross-site");
    if host && origin && site {
        return next.run(request).await;
    }
    let detail = "The request's Host or Origin is neither `localhost` nor a loopback address.";
    Problem::new(problem::FOREIGN, detail).into_response()
}

fn all(headers: &HeaderMap, name: HeaderName, holds: impl Fn(&str) -> bool) -> bool {
    headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(&holds))
}

fn is_local(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
