//! The HTTP server: hyper's HTTP/1.1, and what it leaves out. A client may be slow, silent or many; nobody else pays for it.
//!
//! | file | what |
//! |---|---|
//! | `limits` | how many connections, and how long each is waited for: `[http]` of `orderflow.toml` |
//! | `descriptors` | how many of them the system allows |
//! | `connection` | what one connection waits for, and since when |
//! | `stream` | a socket that tells its connection what moves |
//! | `exchange` | one request and its answer, as HTTP has them; what they mean is the router's business |
//! | `places` | who is connected, and who leaves when there is no place left or their time is over |
//! | `tally` | what was closed and why, counted, and logged now and then |
//!
//! (`axum::serve` has no time-outs, and hyper's only one is for a request's head.)

mod connection;
mod descriptors;
mod exchange;
mod limits;
mod places;
mod stream;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub use limits::{Http, Limits};

use crate::shutdown::Shutdown;
use places::{Place, Places};
use stream::Watched;

/// A request's head may have this many bytes, and what is read or written at once as well. Whatever a client does, a
/// connection costs the service two such buffers, one body (64 KiB; a few routes of ops take more) and one answer.
const HEAD_BYTES: usize = 16 * 1024;
/// A listener that can't accept (no file descriptors are left) is asked again after this.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until the shutdown, then finishes what is in hand; how long that may take is up to the caller.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: Shutdown) {
    tally::describe();
    let places = Arc::new(Places::new(limits.within(descriptors::raise())));
    let mut protocol = http1::Builder::new();
    // The time-outs are ours (`places`): hyper has one for heads alone, and counts the time between two requests to it.
    protocol.header_read_timeout(None).half_close(true).max_header_size(HEAD_BYTES).max_buf_size(HEAD_BYTES);
    let mut connections = JoinSet::new();
    let stop = shutdown.clone().requested();
    tokio::select! {
        () = stop => {}
        () = Arc::clone(&places).keep_time() => {}
        () = accept(&listener, &places, &mut connections, |stream, place| {
            converse(protocol.clone(), router.clone(), stream, place, shutdown.clone())
        }) => {}
    }
    drop(listener);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = places.keep_time() => {}
    }
}

/// Takes connections for ever, each with a place.
async fn accept<C: Future<Output = ()> + Send + 'static>(
    listener: &TcpListener,
    places: &Arc<Places>,
    connections: &mut JoinSet<()>,
    converse: impl Fn(TcpStream, Place) -> C,
) {
    loop {
        let accepted = tokio::select! {
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                if let Some(place) = places.take(address.ip()).await {
                    connections.spawn(converse(stream, place));
                }
            }
            Err(error) => {
                places.could_not_accept(&error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One connection, to its end: the client's, or ours.
async fn converse(protocol: http1::Builder, router: Router, stream: TcpStream, place: Place, shutdown: Shutdown) {
    // Small answers leave at once.
    stream.set_nodelay(true).ok();
    let (client, router) = (place.connection(), TowerToHyperService::new(router));
    let exchange = service_fn(|request| exchange::answer(&router, client, request));
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(client)));
    let mut connection = std::pin::pin!(protocol.serve_connection(stream, exchange));
    let mut stop = std::pin::pin!(shutdown.requested());
    let mut stops = false;
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            () = client.leaves() => return,
            () = &mut stop, if !stops => {
                if !client.is_in_hand() {
                    return;
                }
                stops = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
