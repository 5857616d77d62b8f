//! The HTTP server: connections that send nothing are closed, their number is bounded, and a stop waits for requests in
//! hand and not for idle clients. (`axum::serve` sets no time-out for a request's head.)

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::shutdown::Shutdown;

/// A request's head must be there so long after its connection, or the request before it.
const HEAD: Duration = Duration::from_secs(10);
/// More connections than this wait to be accepted.
const CONNECTIONS: usize = 10_000;
/// So long may requests in hand take after a stop was asked for.
const GRACE: Duration = Duration::from_secs(30);
/// A listener that can't accept (no file descriptors are left) is asked again after so long.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until the shutdown, then finishes what is in hand.
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let (places, open) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new());
    let mut stop = std::pin::pin!(shutdown.requested());
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // Small answers leave at once.
                stream.set_nodelay(true).ok();
                let service = TowerToHyperService::new(router.clone());
                let connection = open.watch(protocol.serve_connection(TokioIo::new(stream), service));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection broke");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted now");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    tokio::time::timeout(GRACE, open.shutdown()).await.ok();
}
