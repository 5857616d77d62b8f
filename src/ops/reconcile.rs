//! `reconcile`.

use std::process::ExitCode;

use anyhow::Result;
use ops::{NewRun, Remedy, Stuck};
use orders::ports::ops::{Action, EntryState};
use serde_json::json;

use super::args::ReconcileArgs;
use super::{LEFT, pages, show};

pub async fn run(args: &ReconcileArgs) -> Result<ExitCode> {
    let operations = args.connection.operations().await?;
    let json = args.connection.json;
    let list = async |page| operations.stuck(args.older_than, &page).await;
    let (stuck, _) = pages::collect(usize::MAX, list).await?;
    let open: Vec<&Stuck> = stuck.iter().filter(|stuck| stuck.remedy != Remedy::Nothing).collect();
    if !args.yes {
        if json {
            show::json(&stuck)?
        } else {
            table(&stuck, open.len())
        }
        return Ok(if open.is_empty() { ExitCode::SUCCESS } else { LEFT.into() });
    }
    let how = json!({ "older_than_seconds": args.older_than.as_secs() });
    let run = operations.begin(&NewRun { action: Action::Reconcile, queue: None, how }).await?;
    let mut entries = Vec::new();
    for stuck in open {
        let entry = operations.repair(&run.id, &stuck.order.order_id).await?;
        if !json {
            show::say(format!("{}: {}", entry.id, show::or_dash(entry.note.as_ref())));
        }
        entries.push(entry);
    }
    operations.finish(&run.id).await?;
    if json {
        show::json(&entries)?;
    }
    let left = entries.iter().any(|entry| entry.state != EntryState::Done);
    Ok(if left { LEFT.into() } else { ExitCode::SUCCESS })
}

fn table(stuck: &[Stuck], open: usize) {
    if stuck.is_empty() {
        show::say("Nothing is stuck.");
        return;
    }
    let mut table = show::table(["Order", "Status", "Execution", "Since", "Remedy"]);
    for Stuck { order, execution, since, remedy } in stuck {
        let remedy = match remedy {
            Remedy::Dispatch => "send its dispatch again".to_owned(),
            Remedy::Resend { step } => format!("send {step} again"),
            Remedy::Compensate => "run the compensations".to_owned(),
            Remedy::Nothing => "none needed: the order is final".to_owned(),
        };
        let (execution, since) = (show::or_dash(*execution), show::time(*since));
        table.add_row([order.order_id.to_string(), order.status.to_string(), execution, since, remedy]);
    }
    show::say(table);
    show::say(format!("{open} could be moved; --yes does it."));
}
