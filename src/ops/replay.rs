//! `dlq replay`: what would be done, doing it, and going on with it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ops::drive::{self, ReplayPlan, Summary};
use ops::{Letter, Operations, Patch, checked};
use orders::Queue;
use orders::ports::ops::{Action, Entry, EntryState, Run};
use producer::misfit;
use serde_json::json;

use super::args::ReplayArgs;
use super::{LEFT, STOPPED, dlq, pages, show};
use crate::shutdown::Shutdown;

/// A dry run shows so many.
const SHOWN: usize = 20;

pub async fn run(operations: &dyn Operations, args: &ReplayArgs, json: bool) -> Result<ExitCode> {
    if let Some(run) = &args.resume {
        return resume(operations, run.as_deref(), json).await;
    }
    let queue = args.queue.context("name a queue, such as `payments`")?;
    let plan = ReplayPlan {
        selection: (&args.filter).into(),
        rate: args.rate,
        max: args.max,
        force: args.force,
        patch: args.patch.as_deref().map(read_patch).transpose()?,
        edited: args.edit.is_some(),
    };
    let foretold = Foretold::of(operations, queue, &plan).await?;
    if !args.yes {
        return foretold.show(queue, json);
    }
    let run = drive::begin_replay(operations, queue, &plan).await?;
    let edit = args.edit.as_deref();
    carry_on(operations, &run, &plan, edit, foretold.letters.len(), json).await
}

fn read_patch(path: &Path) -> Result<Patch> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    serde_json::from_str(&text)
        .map_err(|error| anyhow!(misfit::of_json(&error)))
        .with_context(|| format!("{} is not a JSON Patch (RFC 6902) that can be used", path.display()))
}

/// The dry run.
#[derive(Default)]
struct Foretold {
    /// Those that are meant.
    letters: Vec<Letter>,
    /// Ids of those that would stay, and why.
    refusals: Vec<(String, String)>,
}

impl Foretold {
    async fn of(operations: &dyn Operations, queue: Queue, plan: &ReplayPlan) -> Result<Self> {
        let mut foretold = Self::default();
        let mut judged = |letter: Letter, refusal: Option<String>| {
            foretold.refusals.extend(refusal.map(|why| (letter.message_id.clone(), why)));
            foretold.letters.push(letter);
        };
        drive::foretell(operations, queue, plan, &mut judged).await?;
        Ok(foretold)
    }

    fn show(&self, queue: Queue, json: bool) -> Result<ExitCode> {
        let Self { letters, refusals } = self;
        let (replayed, refused) = (letters.len() - refusals.len(), refusals.len());
        if json {
            let refusals: Vec<_> = refusals.iter().map(|(id, why)| json!({ "message_id": id, "why": why })).collect();
            show::json(&json!({ "dry_run": true, "would_replay": replayed, "would_refuse": refusals }))?;
            return Ok(ExitCode::SUCCESS);
        }
        show::say(dlq::letters_table(&letters[..letters.len().min(SHOWN)]));
        if letters.len() > SHOWN {
            show::say(format!("and {} more", letters.len() - SHOWN));
        }
        show::say(format!("Dry run: {replayed} would go back into {queue}, {refused} would be refused."));
        reasons(refusals.iter().map(|(_, why)| why.clone()));
        show::say("Nothing was done; --yes does it.");
        Ok(ExitCode::SUCCESS)
    }
}

/// How often each of them.
fn reasons(refusals: impl Iterator<Item = String>) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    refusals.for_each(|why| *counts.entry(why).or_default() += 1);
    counts.iter().for_each(|(why, count)| show::say(format!("  {count}: {why}")));
}

/// Replays under a run, with its progress on a terminal.
async fn carry_on(
    operations: &dyn Operations,
    run: &Run,
    plan: &ReplayPlan,
    edit: Option<&str>,
    expected: usize,
    json: bool,
) -> Result<ExitCode> {
    let stop = Shutdown::on_signal().context("Ctrl-C can't be caught")?;
    let queue = run.queue.context("the run names no queue")?;
    let change = |letter: &Letter| match edit {
        None => plan.change(queue, letter),
        Some(command) => {
            let body = edited(command, &letter.body).map_err(|error| format!("{error:#}"))?;
            checked(queue, body).map(Some)
        }
    };
    let mut progress = Progress::new(expected);
    let summary =
        drive::replay(operations, run, plan, &change, &stop.flag(), &mut |entries| progress.count(entries)).await;
    let summary = summary.with_context(|| progress.interrupted(run))?;
    progress.bar.finish_and_clear();
    told(operations, run, plan, &progress, summary, json).await
}

/// A progress bar with the rate, what remains and what was refused; only the counting where there is no terminal.
struct Progress {
    bar: ProgressBar,
    refused: Vec<Entry>,
}

impl Progress {
    fn new(expected: usize) -> Self {
        let bar = ProgressBar::new(expected as u64);
        let template = "{bar:30} {pos}/{len}  {per_sec}  {eta} left  {msg}";
        // The template is ours and valid; without it the bar looks plainer.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, refused: Vec::new() }
    }

    fn count(&mut self, entries: &[Entry]) {
        self.bar.inc(entries.len() as u64);
        self.refused.extend(entries.iter().filter(|entry| entry.state == EntryState::Refused).cloned());
        if !self.refused.is_empty() {
            self.bar.set_message(format!("{} refused", self.refused.len()));
        }
    }

    fn interrupted(&self, run: &Run) -> String {
        self.bar.abandon();
        format!("{} is not finished; go on with `orderflow dlq replay --resume {}`", run.id, run.id)
    }
}

/// What came of it, and what is left.
async fn told(
    operations: &dyn Operations,
    run: &Run,
    plan: &ReplayPlan,
    progress: &Progress,
    summary: Summary,
    json: bool,
) -> Result<ExitCode> {
    let queue = run.queue.context("the run names no queue")?;
    let left = if summary.stopped {
        let count = async |page| operations.letters(queue, &plan.selection, &page).await;
        let (left, _) = pages::collect(usize::MAX, count).await?;
        operations.looked(queue).await?;
        Some(left.len())
    } else {
        None
    };
    if json {
        show::json(
            &json!({ "run": run.id, "replayed": summary.done, "refused": progress.refused, "stopped": summary.stopped, "left": left }),
        )?;
    } else {
        show::say(format!("{} replayed into {queue}, {} refused ({})", summary.done, summary.refused, run.id));
        reasons(progress.refused.iter().map(|entry| show::or_dash(entry.note.as_ref())));
        if let Some(left) = left {
            show::say(format!("Stopped: {left} that were meant are still dead letters; the same command goes on."));
        }
    }
    Ok(match summary {
        Summary { stopped: true, .. } => STOPPED.into(),
        Summary { refused: 0, .. } => ExitCode::SUCCESS,
        Summary { .. } => LEFT.into(),
    })
}

async fn resume(operations: &dyn Operations, run: Option<&str>, json: bool) -> Result<ExitCode> {
    let run = match run {
        Some(run) => operations.run(run).await?,
        None => {
            let (runs, _) = pages::collect(usize::MAX, async |page| operations.runs(&page).await).await?;
            let open = runs.into_iter().find(|run| run.action == Action::Replay && run.finished_at.is_none());
            match open {
                Some(run) => run,
                None => {
                    show::say("No replay was interrupted.");
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
    };
    let plan = ReplayPlan::of(&run)?;
    let queue = run.queue.context("the run names no queue")?;
    if plan.edited {
        let mut progress = Progress::new(0);
        let seen = drive::resume(operations, &run, &mut |entries| progress.count(entries)).await;
        seen.with_context(|| progress.interrupted(&run))?;
        operations.finish(&run.id).await?;
        bail!("{} was edited by hand: what was under way is seen through; replay the rest anew", run.id);
    }
    let foretold = Foretold::of(operations, queue, &plan).await?;
    carry_on(operations, &run, &plan, None, foretold.letters.len(), json).await
}

/// What an editor makes of a body: the command gets a file's name, as `$EDITOR` does.
fn edited(command: &str, body: &str) -> Result<String> {
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().context("no file can be made to edit")?;
    file.write_all(body.as_bytes())?;
    file.flush()?;
    let run = format!("{command} \"$1\"");
    let status = Command::new("sh").args(["-c", &run, "sh"]).arg(file.path()).status();
    let status = status.with_context(|| format!("`{command}` can't be run"))?;
    if !status.success() {
        bail!("the editor gave up ({status})");
    }
    let body = std::fs::read_to_string(file.path()).context("what was edited can't be read")?;
    Ok(body.trim_end().to_owned())
}
