//! What every answer tells a browser, whatever it answers: nothing is guessed, and nobody is told where it came from.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Puts it on an answer.
pub fn apply(mut response: Response) -> Response {
    response.headers_mut().extend(HEADERS);
    response
}
