//! What keeps one request from harming others: a time-out, and a net for panics. Both answer a problem.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tower_http::catch_panic::CatchPanicLayer;

use crate::problem::{self, Problem};

/// Puts the guards around these handlers. Inside what labels the answer (a key, a count), so that guards' answers are labelled too.
pub fn guarded<S: Clone + Send + Sync + 'static>(handlers: MethodRouter<S>, time_out: Duration) -> MethodRouter<S> {
    handlers
        .route_layer(CatchPanicLayer::custom(panicked))
        .route_layer(axum::middleware::from_fn_with_state(time_out, in_time))
}

/// Whether a request's body is being waited for. Among its extensions: [`crate::body`] says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct AwaitsBody(Arc<AtomicBool>);

impl AwaitsBody {
    pub(crate) fn set(&self, awaits: bool) {
        self.0.store(awaits, Ordering::Relaxed);
    }
}

async fn in_time(State(limit): State<Duration>, mut request: Request, next: Next) -> Response {
    let awaits_body = AwaitsBody::default();
    request.extensions_mut().insert(awaits_body.clone());
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        // What was late is the client's body, so nothing was done. What may still come of it is not read.
        Err(_) if awaits_body.0.load(Ordering::Relaxed) => {
            Problem::new(problem::BODY_LATE, format!("A body has {limit:?} to arrive. Nothing was done."))
                .with_header(header::CONNECTION, HeaderValue::from_static("close"))
                .into_response()
        }
        Err(_) => {
            tracing::warn!("timed out");
            Problem::try_again(problem::UNAVAILABLE, problem::OUTCOME_UNKNOWN, problem::SHORTLY).into_response()
        }
    }
}

/// The panic hook has logged the message, which may quote data.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(problem::INTERNAL, "This is a fault of the service, and it was logged.").into_response()
}
