//! `audit`: what ops did.

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use orders::ports::ops::{Entry, EntryState, Run};
use serde_json::json;

use super::args::{AuditArgs, AuditCommand};
use super::{pages, show};

pub async fn run(args: &AuditArgs) -> Result<ExitCode> {
    let operations = args.connection.operations().await?;
    let json = args.connection.json;
    match &args.command {
        AuditCommand::Ls { limit } => {
            let (runs, _) = pages::collect(*limit, async |page| operations.runs(&page).await).await?;
            if json { show::json(&runs)? } else { table(&runs) }
        }
        AuditCommand::Show { run } => {
            let run = operations.run(run).await?;
            let list = async |page| operations.entries(&run.id, &page).await;
            let (entries, _) = pages::collect(usize::MAX, list).await?;
            if json {
                show::json(&json!({ "run": run, "entries": entries }))?;
            } else {
                table(std::slice::from_ref(&run));
                each(&entries);
            }
        }
        AuditCommand::Export { output } => {
            let mut out: Box<dyn Write> = match output {
                Some(path) => {
                    Box::new(File::create(path).with_context(|| format!("{} can't be written", path.display()))?)
                }
                None => Box::new(std::io::stdout()),
            };
            let (runs, _) = pages::collect(usize::MAX, async |page| operations.runs(&page).await).await?;
            for run in runs {
                let list = async |page| operations.entries(&run.id, &page).await;
                let (entries, _) = pages::collect(usize::MAX, list).await?;
                writeln!(out, "{}", json!({ "run": run, "entries": entries })).context("the export broke off")?;
            }
            out.flush().context("the export broke off")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(runs: &[Run]) {
    let mut table = show::table(["Run", "When", "Who", "What", "Queue", "Done", "Refused", "Open", "How"]);
    for run in runs {
        let count = |state: EntryState| run.counts.get(&state).copied().unwrap_or_default();
        let open = count(EntryState::Intended) + count(EntryState::Sent);
        let what = format!("{}{}", run.action, if run.finished_at.is_none() { " (not finished)" } else { "" });
        let plain = |text: String| show::cell(text, show::Mood::Plain);
        table.add_row([
            plain(run.id.clone()),
            plain(show::time(run.at)),
            plain(run.by.clone()),
            plain(what),
            plain(show::or_dash(run.queue)),
            plain(count(EntryState::Done).to_string()),
            plain(count(EntryState::Refused).to_string()),
            show::count(open),
            plain(run.how.to_string()),
        ]);
    }
    show::say(table);
}

fn each(entries: &[Entry]) {
    let mut table = show::table(["Id", "Order", "State", "Note"]);
    for Entry { id, order_id, state, note, .. } in entries {
        table.add_row([id.clone(), show::or_dash(order_id.as_ref()), state.to_string(), show::or_dash(note.as_ref())]);
    }
    show::say(table);
}
