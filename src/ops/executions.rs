//! `executions`.

use std::process::ExitCode;

use anyhow::Result;
use ops::StopRequest;
use orders::ports::ops::{Entry, EntryState, ExecutionStatus, ExecutionSummary};
use serde_json::Value;

use super::args::{ExecutionsArgs, ExecutionsCommand};
use super::{LEFT, pages, show};

pub async fn run(args: &ExecutionsArgs) -> Result<ExitCode> {
    let operations = args.connection.operations().await?;
    let json = args.connection.json;
    match &args.command {
        ExecutionsCommand::Ls { filter, limit } => {
            let filter = filter.into();
            let (executions, more) =
                pages::collect(*limit, async |page| operations.executions(&filter, &page).await).await?;
            if json {
                show::json(&executions)?;
            } else {
                table(&executions);
                if more {
                    show::say("There are more: --limit shows more.");
                }
            }
        }
        ExecutionsCommand::Show { name } => {
            let execution = operations.execution(name).await?;
            if json { show::json(&execution)? } else { table(std::slice::from_ref(&execution)) }
        }
        ExecutionsCommand::History { name } => {
            let events = operations.history(name).await?;
            if json { show::json(&events)? } else { history(&events) }
        }
        ExecutionsCommand::Stop { name, cause, compensate } => {
            let request = StopRequest { cause: cause.clone(), compensate: *compensate };
            return told(&operations.stop(name, &request).await?, json);
        }
        ExecutionsCommand::Redrive { name } => return told(&operations.redrive_execution(name).await?, json),
    }
    Ok(ExitCode::SUCCESS)
}

/// What came of one order; the exit code says whether it is done.
pub fn told(entry: &Entry, json: bool) -> Result<ExitCode> {
    if json {
        show::json(entry)?;
    } else {
        show::say(format!("{}: {}", entry.id, show::or_dash(entry.note.as_ref())));
    }
    Ok(if entry.state == EntryState::Done { ExitCode::SUCCESS } else { LEFT.into() })
}

fn table(executions: &[ExecutionSummary]) {
    let mut table = show::table(["Execution", "Status", "State", "Error", "Started", "Stopped"]);
    for execution in executions {
        let mood = match execution.status {
            ExecutionStatus::Succeeded => show::Mood::Good,
            status if status.is_unsuccessful() => show::Mood::Bad,
            _ => show::Mood::Plain,
        };
        let plain = |text: String| show::cell(text, show::Mood::Plain);
        table.add_row([
            plain(execution.name.to_string()),
            show::cell(execution.status, mood),
            plain(execution.current_states.join(", ")),
            plain(show::or_dash(execution.error.as_ref())),
            plain(show::time(execution.started_at)),
            plain(show::or_dash(execution.stopped_at.map(show::time))),
        ]);
    }
    show::say(table);
}

fn history(events: &[Value]) {
    let mut table = show::table(["Id", "When", "Event", "State", "Details"]);
    for event in events {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let details = event.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("EventDetails"));
        let details = details.map(|(_, details)| details);
        let state = details.and_then(|details| details["name"].as_str()).unwrap_or_default();
        let why = ["error", "cause", "output"].map(|field| details.and_then(|details| details[field].as_str()));
        let why = why.into_iter().flatten().collect::<Vec<_>>().join(": ");
        table.add_row([text(&event["id"]), text(&event["timestamp"]), text(&event["type"]), state.to_owned(), why]);
    }
    show::say(table);
}
