//! A backup, sent to whoever asks: the service writes it nowhere, so that nobody can make it write. One at a time.
//!
//! It is in the audit log before its first byte is sent, and with how it ended after the last.

use std::io::{Error, ErrorKind, Read as _};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use orders::ports::ops::{Action, Entry, EntryState, Snapshot, SnapshotError};
use producer::problem::Problem;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::caller::Caller;
use super::{Api, NO_STORE};
use crate::{NewRun, OpsError};

/// In bytes.
const CHUNK: usize = 256 * 1024;
/// At most this many chunks are ahead of the client.
const AHEAD: usize = 8;
/// A client that takes nothing for this long is given up: while it reads, the WAL can't be used again.
const STALL: Duration = Duration::from_secs(30);

pub(super) async fn take(State(api): State<Api>, Caller(ops): Caller) -> Result<Response, Problem> {
    let backups = ops.ports().backups.clone();
    let backups = backups.ok_or_else(|| OpsError::NotFound("backup here: the platform keeps its own".to_owned()))?;
    let new = NewRun { action: Action::Backup, queue: None, how: Value::Null };
    let run = ops.begin_run(&new).await?;
    let entry =
        |state, note| Entry { id: "database".to_owned(), order_id: None, state, note: Some(note), message: None };
    let snapshot = match backups.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(error) => {
            ops.end_run(&run.id, entry(EntryState::Refused, error.to_string())).await?;
            return Err(match error {
                SnapshotError::UnderWay | SnapshotError::HeldUp(_) => OpsError::Refused(error.to_string()),
                SnapshotError::Unavailable(unavailable) => unavailable.into(),
            }
            .into());
        }
    };
    let bytes = snapshot.bytes;
    let (chunks, mut sent) = mpsc::channel(AHEAD);
    let closing = api.closing.clone();
    tokio::spawn(async move {
        let pouring = tokio::task::spawn_blocking(move || pour(snapshot, &chunks, &closing)).await;
        let entry = match pouring.unwrap_or_else(|error| Err(Error::other(error))) {
            Ok(()) => entry(EntryState::Done, format!("{bytes} bytes sent")),
            Err(error) => entry(EntryState::Refused, format!("broke off: {error}")),
        };
        if let Err(error) = ops.end_run(&run.id, entry).await {
            tracing::error!(run = run.id, %error, "how a backup ended could not be written down");
        }
    });
    let body = Body::from_stream(futures::stream::poll_fn(move |context| sent.poll_recv(context)));
    let head =
        [(header::CONTENT_TYPE, "application/vnd.sqlite3".to_owned()), (header::CONTENT_LENGTH, bytes.to_string())];
    Ok((NO_STORE, head, body).into_response())
}

/// Blocks until all is handed over. A body that breaks off is shorter than its `Content-Length`, and so never taken for whole.
fn pour(
    mut snapshot: Snapshot,
    chunks: &mpsc::Sender<Result<Bytes, Error>>,
    closing: &watch::Receiver<bool>,
) -> Result<(), Error> {
    let mut left = snapshot.bytes;
    let broken = |error: Error| {
        let kind = error.kind();
        let told = error.to_string();
        // Whoever hung up needn't hear of it.
        chunks.try_send(Err(error)).ok();
        Err(Error::new(kind, told))
    };
    while left > 0 {
        if *closing.borrow() {
            return broken(Error::new(ErrorKind::Interrupted, "the service stops"));
        }
        let size = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = vec![0; size];
        if let Err(error) = snapshot.content.read_exact(&mut chunk) {
            return broken(error);
        }
        let sending = chunks.send_timeout(Ok(chunk.into()), STALL);
        tokio::runtime::Handle::current().block_on(sending).map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => {
                Error::new(ErrorKind::TimedOut, "the client takes nothing more")
            }
            mpsc::error::SendTimeoutError::Closed(_) => Error::new(ErrorKind::BrokenPipe, "the client hung up"),
        })?;
        left -= size as u64;
    }
    Ok(())
}
