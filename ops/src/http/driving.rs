//! A replay that the service drives for a client, as `orderflow dlq replay` drives one for itself ([`crate::drive`]).
//!
//! The answer has a line of JSON ([`Line`]) for each step, as it is done. Who hangs up stops the replay as Ctrl-C stops the
//! command: what is under way is seen through, the run is finished, and what is left stays a dead letter.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use orders::Queue;
use orders::ports::ops::{Entry, Run};
use producer::body;
use producer::params::Id;
use producer::problem::Problem;
use tokio::sync::{mpsc, watch};

use super::caller::Caller;
use super::wire::{DryRun, Line};
use super::{Api, NO_STORE, in_body};
use crate::drive::{self, ReplayPlan};
use crate::replay::queue_of;
use crate::{Letter, Operations as _, Ops, OpsError};

/// A client that is so many lines behind has hung up.
const LINES: usize = 256;

pub(super) async fn dry_run(
    Caller(ops): Caller,
    Id(queue): Id<Queue>,
    body::Json(plan): body::Json<ReplayPlan>,
) -> Result<Response, Problem> {
    let mut dry = DryRun::default();
    let mut count = |_, refusal| match refusal {
        None => dry.would_replay += 1,
        Some(why) => *dry.would_refuse.entry(why).or_default() += 1,
    };
    drive::foretell(&ops, queue, &plan, &mut count).await.map_err(in_body)?;
    Ok((NO_STORE, Json(dry)).into_response())
}

pub(super) async fn drive(
    State(api): State<Api>,
    Caller(ops): Caller,
    Id(run): Id<String>,
) -> Result<Response, Problem> {
    let run = ops.run(&run).await?;
    let plan = ReplayPlan::of(&run)?;
    if plan.edited {
        return Err(
            OpsError::Refused("its messages go through an editor: only the command can do that".to_owned()).into()
        );
    }
    let queue = queue_of(&run)?;
    let (lines, told) = mpsc::channel(LINES);
    let closing = api.closing.clone();
    tokio::spawn(drive_on(ops, run, queue, plan, lines, closing));
    let told = futures::stream::unfold(told, async |mut told| Some((told.recv().await?, told)));
    let body = Body::from_stream(
        told.map(|line| serde_json::to_vec(&line).map(|json| Bytes::from([&json, b"\n".as_slice()].concat()))),
    );
    Ok((NO_STORE, [(header::CONTENT_TYPE, "application/jsonl")], body).into_response())
}

/// To the end, or until the client hangs up or the service stops.
async fn drive_on(
    ops: Ops,
    run: Run,
    queue: Queue,
    plan: ReplayPlan,
    lines: mpsc::Sender<Line>,
    mut closing: watch::Receiver<bool>,
) {
    let (stop, stopped) = watch::channel(false);
    let mut progress = |entries: &[Entry]| {
        if lines.try_send(Line::Entries(entries.to_vec())).is_err() {
            stop.send_replace(true);
        }
    };
    let change = |letter: &Letter| plan.change(queue, letter);
    let replay = drive::replay(&ops, &run, &plan, &change, &stopped, &mut progress);
    let hung_up = async {
        tokio::select! {
            () = lines.closed() => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
        stop.send_replace(true);
        std::future::pending().await
    };
    let last = tokio::select! {
        summary = replay => summary.map_or_else(|error| Line::Failed(error.to_string()), Line::Over),
        last = hung_up => last,
    };
    // Whoever hung up reads the run instead.
    lines.try_send(last).ok();
}
