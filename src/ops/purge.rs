//! `dlq purge`: deleting dead letters for good, once their DLQ's name was typed, keeping an export.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use ops::{Exported, Letter, NewRun, Operations, OpsError, Selection, drive};
use orders::ports::ops::{Action, Entry};
use orders::step::QueueName;
use serde_json::json;

use super::args::PurgeArgs;
use super::{STOPPED, dlq, pages, show};
use crate::shutdown::Shutdown;

pub async fn run(operations: &dyn Operations, args: &PurgeArgs, json: bool) -> Result<ExitCode> {
    let (queue, dlq_name) = (args.queue, QueueName::dlq(args.queue).to_string());
    let selection = Selection::from(&args.filter);
    let count = async |page| operations.letters(queue, &selection, &page).await;
    let (letters, _) = pages::collect(usize::MAX, count).await?;
    if !args.yes {
        operations.looked(queue).await?;
        show::say(format!("{} dead letters of {dlq_name} would be deleted for good; --yes does it", letters.len()));
        return Ok(ExitCode::SUCCESS);
    }
    confirm(args.confirm.clone(), &dlq_name, letters.len())?;
    let how = json!({ "selection": selection });
    let run = operations.begin(&NewRun { action: Action::Purge, queue: Some(queue), how }).await?;
    let path = args.export.clone().unwrap_or_else(|| PathBuf::from(format!("purged-{queue}-{}.jsonl", run.id)));
    let mut export = File::create_new(&path).with_context(|| format!("{} can't be made", path.display()))?;
    let mut keep = |letters: &[Letter]| -> Result<(), OpsError> {
        let failed = |error: std::io::Error| OpsError::Unavailable(format!("the export can't be written: {error}"));
        for letter in letters {
            let line = serde_json::to_string(&Exported::of(queue, letter)).map_err(|error| failed(error.into()))?;
            writeln!(export, "{line}").map_err(failed)?;
        }
        // Before anything is gone for good.
        export.sync_all().map_err(failed)
    };
    let stop = Shutdown::on_signal().context("Ctrl-C can't be caught")?;
    let mut entries = Vec::new();
    let mut progress = |handled: &[Entry]| entries.extend_from_slice(handled);
    let summary = drive::purge(operations, &run, &selection, &mut keep, &stop.flag(), &mut progress).await?;
    eprintln!("what was deleted is kept in {}", path.display());
    let code = dlq::done(&entries, json, &format!("deleted from {dlq_name}"))?;
    Ok(if summary.stopped { STOPPED.into() } else { code })
}

fn confirm(typed: Option<String>, name: &str, count: usize) -> Result<()> {
    let typed = match typed {
        Some(typed) => typed,
        None if std::io::stdin().is_terminal() => {
            eprint!("{count} dead letters will be deleted for good. Type the DLQ's name ({name}) to go on: ");
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).context("nothing was typed")?;
            line
        }
        None => bail!("nobody is here to confirm it: add --confirm {name}"),
    };
    ensure!(typed.trim() == name, "that is not {name}: nothing was deleted");
    Ok(())
}
