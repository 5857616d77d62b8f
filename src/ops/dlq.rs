//! `dlq`: looking, exporting, redriving. Replaying, purging and importing have files of their own.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use comfy_table::Table;
use ops::{Breakdown, CauseCount, Exported, Letter, Operations, Selection};
use orders::Queue;
use orders::ports::PageRequest;
use orders::ports::ops::{Entry, EntryState, MoveTask};

use super::args::{DlqArgs, DlqCommand};
use super::{LEFT, import, pages, purge, replay, show};

pub async fn run(args: &DlqArgs) -> Result<ExitCode> {
    let operations = args.connection.operations().await?;
    let (operations, json) = (&*operations, args.connection.json);
    match &args.command {
        DlqCommand::Ls { all } => ls(operations, *all, json).await,
        DlqCommand::Show { queue, filter, limit } => show(operations, *queue, &filter.into(), *limit, json).await,
        DlqCommand::Replay(args) => replay::run(operations, args, json).await,
        DlqCommand::Purge(args) => purge::run(operations, args, json).await,
        DlqCommand::Export { queue, filter, output } => {
            export(operations, *queue, &filter.into(), output.as_deref()).await
        }
        DlqCommand::Import { file, yes } => import::run(operations, file, *yes, json).await,
        DlqCommand::Redrive { queue, rate, status, yes } => {
            redrive(operations, *queue, *rate, *status, *yes, json).await
        }
    }
}

async fn ls(operations: &dyn Operations, all: bool, json: bool) -> Result<ExitCode> {
    let breakdowns = operations.dead_letters(all).await?;
    if json {
        show::json(&breakdowns)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = show::table(["DLQ", "Depth", "Oldest", "Step", "Error", "Count", "First seen", "Last seen"]);
    for Breakdown { depth, looked_at, is_sample, causes, .. } in &breakdowns {
        let oldest = show::or_dash(depth.oldest_sent_at.map(show::age));
        let plain = |text: &str| show::cell(text, show::Mood::Plain);
        if causes.is_empty() {
            let none = [plain("-"), plain("-"), plain("-"), plain("-"), plain("-")];
            let head = [plain(&depth.queue.to_string()), show::count(depth.total()), plain(&oldest)];
            table.add_row(head.into_iter().chain(none));
        }
        for (index, cause) in causes.iter().enumerate() {
            let first = index == 0;
            let name = if first { depth.queue.to_string() } else { String::new() };
            let total = if first { show::count(depth.total()) } else { plain("") };
            let count = if *is_sample {
                format!("{} of a sample of {looked_at}", cause.count)
            } else {
                cause.count.to_string()
            };
            table.add_row([
                plain(&name),
                total,
                plain(if first { &oldest } else { "" }),
                plain(&show::or_dash(cause.step)),
                plain(&cause.error),
                plain(&count),
                plain(&show::time(cause.first_seen)),
                plain(&show::time(cause.last_seen)),
            ]);
        }
    }
    show::say(table);
    Ok(ExitCode::SUCCESS)
}

/// Dead letters by cause, without their queues.
pub fn causes(causes: &[CauseCount]) -> Table {
    let mut table = show::table(["Step", "Error", "Dead letters", "First seen", "Last seen", "For example"]);
    for cause in causes {
        table.add_row([
            show::or_dash(cause.step),
            cause.error.clone(),
            cause.count.to_string(),
            show::time(cause.first_seen),
            show::time(cause.last_seen),
            cause.example.clone(),
        ]);
    }
    table
}

async fn show(
    operations: &dyn Operations,
    queue: Queue,
    selection: &Selection,
    limit: usize,
    json: bool,
) -> Result<ExitCode> {
    let (letters, more) = pages::collect(limit, async |page| operations.letters(queue, selection, &page).await).await?;
    operations.looked(queue).await?;
    if json {
        show::json(&letters)?;
        return Ok(ExitCode::SUCCESS);
    }
    show::say(letters_table(&letters));
    if more {
        show::say(format!("There may be more than these {}: --limit shows more, --json shows bodies.", letters.len()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Dead letters, a row each.
pub fn letters_table(letters: &[Letter]) -> Table {
    let header =
        ["Message", "Dead-lettered", "Step", "Error", "Order", "Its status now", "Effect", "Replayed", "Refused"];
    let mut table = show::table(header);
    for letter in letters {
        let now = letter.order.as_ref();
        table.add_row([
            letter.message_id.clone(),
            show::time(letter.sent_at),
            show::or_dash(letter.cause.step),
            letter.cause.error.clone(),
            show::or_dash(letter.order_id.as_ref()),
            show::or_dash(now.map(|order| order.status)),
            show::or_dash(now.and_then(|order| order.effect.as_ref())),
            letter.replayed.to_string(),
            show::or_dash(letter.refusal.as_ref()),
        ]);
    }
    table
}

async fn export(
    operations: &dyn Operations,
    queue: Queue,
    selection: &Selection,
    output: Option<&Path>,
) -> Result<ExitCode> {
    let mut out: Box<dyn Write> = match output {
        Some(path) => Box::new(File::create(path).with_context(|| format!("{} can't be written", path.display()))?),
        None => Box::new(std::io::stdout()),
    };
    let (mut cursor, mut exported) = (None, 0);
    loop {
        let page = PageRequest { limit: const { std::num::NonZeroU32::new(100).expect("not zero") }, cursor };
        let page = operations.letters(queue, selection, &page).await?;
        for letter in &page.items {
            writeln!(out, "{}", serde_json::to_string(&Exported::of(queue, letter))?)
                .context("the export broke off")?;
        }
        exported += page.items.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    out.flush().context("the export broke off")?;
    operations.looked(queue).await?;
    eprintln!("{exported} dead letters exported");
    Ok(ExitCode::SUCCESS)
}

/// Tells what came of it; the exit code says whether all went well.
pub fn done(entries: &[Entry], json: bool, what: &str) -> Result<ExitCode> {
    let refused: Vec<_> = entries.iter().filter(|entry| entry.state == EntryState::Refused).collect();
    if json {
        show::json(&entries)?;
    } else {
        show::say(format!("{} {what}, {} refused", entries.len() - refused.len(), refused.len()));
        refused.iter().for_each(|entry| show::say(format!("  {}: {}", entry.id, show::or_dash(entry.note.as_ref()))));
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { LEFT.into() })
}

async fn redrive(
    operations: &dyn Operations,
    queue: Queue,
    rate: Option<std::num::NonZeroU32>,
    status: bool,
    yes: bool,
    json: bool,
) -> Result<ExitCode> {
    let task = if status {
        operations.last_move(queue).await?
    } else if yes {
        Some(operations.redrive(queue, rate).await?)
    } else {
        let depths = operations.queues().await?;
        let depth = depths.iter().find(|depth| depth.queue == orders::step::QueueName::dlq(queue));
        let count = depth.map_or(0, |depth| depth.total());
        show::say(format!("all {count} dead letters of {queue} would be moved back, unfiltered; --yes does it"));
        return Ok(ExitCode::SUCCESS);
    };
    match task {
        task if json => show::json(&task)?,
        None => show::say(format!("no move of {queue}'s dead letters was started")),
        Some(MoveTask { status, moved, to_move, failure, .. }) => {
            let of = to_move.map_or(String::new(), |to_move| format!(" of {to_move}"));
            let why = failure.map_or(String::new(), |failure| format!(": {failure}"));
            show::say(format!("{status}: {moved}{of} moved back into {queue}{why}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
