//! One span, one log line and one measurement per request. No personal data: the route and not the path, no query, no body.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use tracing::field::Empty;

use crate::problem::Problem;
use crate::trace;

const DURATION: &str = "orderflow_http_request_duration_seconds";
const ORDERS: &str = "orderflow_orders_posted_total";

/// Says what the numbers mean. Before a recorder is installed this does nothing.
pub(crate) fn describe() {
    metrics::describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "How long requests took, by route, method and status."
    );
    metrics::describe_counter!(
        ORDERS,
        "Posted orders, by what became of them: accepted, repeated or refused; and by status."
    );
}

/// Around every request. Puts the request's [`orders::TraceId`] among its extensions.
pub(crate) async fn request(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let trace_id = match trace::of(request.headers()) {
        Ok(trace_id) => trace_id,
        Err(error) => return Problem::from(error).into_response(),
    };
    let span = tracing::info_span!("request", method, route, %trace_id, order_id = Empty, storefront = Empty);
    request.extensions_mut().insert(trace_id);
    async {
        let response = next.run(request).await;
        let (status, took) = (response.status(), started.elapsed());
        tracing::info!(status = status.as_u16(), milliseconds = took.as_secs_f64() * 1000.0, "answered");
        let labels =
            [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.as_u16().to_string())];
        metrics::histogram!(DURATION, &labels).record(took);
        response
    }
    .instrument(span)
    .await
}

/// What became of a posted order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    Accepted,
    Repeated,
}

/// Around the handler of `POST /orders`, whose answer carries a [`Posted`] among its extensions unless it is a refusal.
pub(crate) async fn posted(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let result = match response.extensions().get() {
        Some(Posted::Accepted) => "accepted",
        Some(Posted::Repeated) => "repeated",
        None => "refused",
    };
    let labels = [("result", result.to_owned()), ("status", response.status().as_u16().to_string())];
    metrics::counter!(ORDERS, &labels).increment(1);
    response
}

/// A method as a label: a client can invent names, and each would be a series of its own.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
