//! `backup`: a copy of the database in a file, of a running service or of a directory that nobody serves.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use orderflow_embedded::backup;
use orders::ports::ops::Snapshot;
use serde_json::json;
use tokio::sync::watch;

use super::args::BackupArgs;
use super::copying::Copying;
use super::{STOPPED, show};
use crate::shutdown::Shutdown;

/// A service that sends nothing for this long is given up.
const STALL: Duration = Duration::from_secs(60);
/// In bytes.
const CHUNK: usize = 1 << 20;

pub async fn run(args: &BackupArgs) -> Result<ExitCode> {
    let BackupArgs { file, data, connection } = args;
    ensure!(!connection.aws, "a stack on AWS keeps its own: point-in-time recovery of its tables (docs/OPERATIONS.md)");
    ensure!(!file.exists(), "{} is there already: a backup replaces nothing", file.display());
    let began = Instant::now();
    let stop = Shutdown::on_signal().context("Ctrl-C can't be caught")?;
    let copied = match data {
        Some(data) => copy(offline(data)?, file, &stop.flag())?,
        None => receive(args, file, &stop).await?,
    };
    let Some(copying) = copied else {
        eprintln!("stopped: there is no backup");
        return Ok(STOPPED.into());
    };
    backup::finish(copying.whole()?).context("the copy is no backup")?;
    copying.keep()?;
    let (bytes, seconds) = (std::fs::metadata(file)?.len(), began.elapsed().as_secs_f64());
    if connection.json {
        show::json(&json!({ "file": file, "bytes": bytes, "seconds": seconds }))?;
    } else {
        show::say(format!("{}: {bytes} bytes, checked, in {seconds:.1} s", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn offline(data: &Path) -> Result<Snapshot> {
    let database = data.join("orderflow.db");
    let place = || format!("{} can't be copied; while a service runs there, ask it: leave out --data", data.display());
    backup::offline(&database).with_context(place)
}

/// `None`: it was told to stop.
fn copy(mut snapshot: Snapshot, file: &Path, stop: &watch::Receiver<bool>) -> Result<Option<Copying>> {
    let mut copying = Copying::begin(file, snapshot.bytes)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        if *stop.borrow() {
            return Ok(None);
        }
        match snapshot.content.read(&mut chunk).context("the database can't be read")? {
            0 => return Ok(Some(copying)),
            read => copying.write(&chunk[..read])?,
        }
    }
}

/// `None`: it was told to stop.
async fn receive(args: &BackupArgs, file: &Path, stop: &Shutdown) -> Result<Option<Copying>> {
    let receive = async {
        let mut answer = args.connection.client()?.backup().await?;
        let bytes = answer.content_length().context("the answer is not one of this service: it has no length")?;
        let mut copying = Copying::begin(file, bytes)?;
        loop {
            let Ok(chunk) = tokio::time::timeout(STALL, answer.chunk()).await else {
                bail!("the service has sent nothing for {} s", STALL.as_secs());
            };
            match chunk.context("the service broke off (its log, and `orderflow audit ls`, say why)")? {
                Some(chunk) => copying.write(&chunk)?,
                None => return Ok(Some(copying)),
            }
        }
    };
    tokio::select! {
        received = receive => received,
        () = stop.clone().requested() => Ok(None),
    }
}
