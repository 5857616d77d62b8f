//! One request and its answer, which the connection is told of. What a request means is the router's business.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::connection::Connection;

/// Has the router answer.
pub(super) fn answer(
    router: &TowerToHyperService<Router>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Held>, Infallible>> + use<> {
    connection.begin();
    let in_hand = InHand(Arc::clone(connection));
    let answer = router.call(request.map(Body::new));
    async move {
        let answer = answer.await?;
        if answer.body().size_hint().exact().is_none() {
            in_hand.0.stream();
        }
        Ok(answer.map(|body| Held { body, _in_hand: in_hand }))
    }
}

/// A request that is in hand, until its answer is over.
struct InHand(Arc<Connection>);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.end();
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
