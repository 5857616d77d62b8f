//! One request and its answer, as HTTP/1.1 has them (RFC 9110, RFC 9112): what hyper lets through and shouldn't, or adds and
//! shouldn't. What a request means is the router's business.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use producer::headers;
use producer::problem::{Fault, Kind, Problem};

use super::connection::Connection;

/// The body is coded as nothing here decodes it.
const CODING: Kind = Kind {
    status: StatusCode::NOT_IMPLEMENTED,
    slug: "unknown-transfer-coding",
    title: "This transfer coding is not supported",
};

/// Has the router answer, unless HTTP itself forbids the request.
pub(super) fn answer(
    router: &TowerToHyperService<Router>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Held>, Infallible>> + use<> {
    connection.begin();
    let in_hand = InHand(Arc::clone(connection));
    let unread = Arc::new(AtomicBool::new(false));
    let posted = |body: Incoming| Body::new(Posted { ended: body.is_end_stream(), body, unread: Arc::clone(&unread) });
    let answer = fault(request.version(), request.headers())
        .map_or_else(|| Ok(router.call(request.map(posted))), Err)
        .map_err(|fault| fault.with_header(header::CONNECTION, HeaderValue::from_static("close")));
    async move {
        let mut answer = match answer {
            Ok(answer) => answer.await?,
            Err(fault) => headers::apply(fault.into_response()),
        };
        // They have no body and say nothing of one (RFC 9110, 8.6); axum says it all the same.
        if matches!(answer.status(), StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT) {
            answer.headers_mut().remove(header::CONTENT_LENGTH);
        }
        if answer.body().size_hint().exact().is_none() {
            in_hand.0.stream();
        }
        // hyper closes the connection then; a client that isn't told would send its next request into nothing.
        if unread.load(Ordering::Relaxed) {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(answer.map(|body| Held { body, _in_hand: in_hand }))
    }
}

/// What is wrong with a request that hyper has taken.
fn fault(version: Version, headers: &HeaderMap) -> Option<Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let detail = match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => None,
        (None, _) => Some("it is missing"),
        (Some(_), Some(_)) => Some("it is here twice"),
        (Some(host), None) if host.to_str().is_ok_and(is_host) => None,
        (Some(_), None) => Some("it is not a host, or a host and a port"),
    };
    if let Some(detail) = detail {
        return Some(Fault::in_header("Host", detail).into());
    }
    let codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let codings: Vec<&str> = codings.flat_map(|line| line.to_str().unwrap_or("?").split(',')).map(str::trim).collect();
    match codings.iter().filter(|coding| coding.eq_ignore_ascii_case("chunked")).count() {
        _ if codings.is_empty() => None,
        1 if codings.len() == 1 => None,
        // RFC 9112, 6.1: a coding that isn't known is 501, and chunked is applied once, last (which hyper sees to).
        1 => Some(Problem::new(CODING, "Only `Transfer-Encoding: chunked` is supported.")),
        _ => Some(Fault::in_header("Transfer-Encoding", "`chunked` must be here once").into()),
    }
}

/// RFC 9110, 7.2: a host and, after a colon, a port; no user.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let port = text.strip_prefix(authority.host());
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    !authority.host().is_empty() && port.is_some_and(|port| is_port(port.strip_prefix(':').unwrap_or(port)))
}

/// A request that is in hand, until its answer is over.
struct InHand(Arc<Connection>);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A request's body, which tells if it was not read to its end.
struct Posted {
    body: Incoming,
    ended: bool,
    unread: Arc<AtomicBool>,
}

impl hyper::body::Body for Posted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.ended |= matches!(frame, Poll::Ready(None)) || self.body.is_end_stream();
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        if !self.ended {
            self.unread.store(true, Ordering::Relaxed);
        }
    }
}

/// An answer's body, which holds the request in hand.
pub(super) struct Held {
    body: Body,
    _in_hand: InHand,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(version: Version, headers: &[(&'static str, &'static str)]) -> Option<u16> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(*name, HeaderValue::from_static(value));
        }
        fault(version, &all).map(|problem| problem.kind().status.as_u16())
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]", "[::1]:65535", "a-b.example"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", ":80", "a b", "user@host", "host:port", "host:65536", "[::1", "a/b", "http://a", "a,b c"] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn one_host_and_one_coding() {
        let host = ("host", "localhost");
        assert_eq!(status(Version::HTTP_11, &[host]), None);
        assert_eq!(status(Version::HTTP_10, &[]), None);
        assert_eq!(status(Version::HTTP_11, &[]), Some(400));
        assert_eq!(status(Version::HTTP_11, &[host, host]), Some(400));
        assert_eq!(status(Version::HTTP_10, &[("host", "a b")]), Some(400));
        let coded = |coding| status(Version::HTTP_11, &[host, ("transfer-encoding", coding)]);
        assert_eq!(coded("Chunked"), None);
        assert_eq!(coded("chunked, chunked"), Some(400));
        assert_eq!(coded("gzip, chunked"), Some(501));
        assert_eq!(coded("identity, chunked"), Some(501));
    }
}
