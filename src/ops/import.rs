//! `dlq import`: putting exported dead letters back into their DLQ, all or none, and none twice.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use ops::{Exported, NewRun, Operations, Selection};
use orders::Queue;
use orders::ports::ops::{Action, Entry, EntryState};
use producer::misfit;
use serde_json::json;

use super::{dlq, pages, show};

/// An import's calls stay well under what the service takes.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
const BATCH: usize = 100;
/// This many faults of a file are told.
const FAULTS: usize = 10;

pub async fn run(operations: &dyn Operations, file: &Path, yes: bool, json: bool) -> Result<ExitCode> {
    let input: Box<dyn BufRead> = match file.to_str() {
        Some("-") => Box::new(BufReader::new(std::io::stdin())),
        _ => Box::new(BufReader::new(File::open(file).with_context(|| format!("{} can't be read", file.display()))?)),
    };
    let letters = read(input).with_context(|| format!("{} is not imported, nothing of it", file.display()))?;
    let Some(queue) = letters.first().map(|letter| letter.queue) else {
        return dlq::done(&[], json, "put back: the file is empty");
    };
    let mut known = known(operations, queue).await?;
    let (new, there): (Vec<_>, Vec<_>) =
        letters.into_iter().partition(|letter| known.insert(letter.identity().to_owned()));
    if !yes {
        show::say(format!(
            "{} dead letters would go back into {queue}-dlq, {} are there already; --yes does it",
            new.len(),
            there.len()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let how = json!({ "file": file, "letters": new.len(), "there_already": there.len() });
    let run = operations.begin(&NewRun { action: Action::Import, queue: Some(queue), how }).await?;
    let mut entries = Vec::new();
    for batch in batches(&new) {
        match operations.import(&run.id, batch).await {
            Ok(imported) => entries.extend(imported),
            Err(error) => {
                operations.finish(&run.id).await?;
                let (done, all) = (entries.len(), new.len());
                return Err(error).context(format!(
                    "{done} of {all} were imported ({}); import the file again to complete it",
                    run.id
                ));
            }
        }
    }
    operations.finish(&run.id).await?;
    if json {
        entries.extend(there.into_iter().map(untouched));
    } else if !there.is_empty() {
        show::say(format!("{} were in {queue}-dlq already", there.len()));
    }
    dlq::done(&entries, json, &format!("put back into {queue}-dlq"))
}

/// Every line, if all of them can be imported; else what is wrong with which.
fn read(input: impl BufRead) -> Result<Vec<Exported>> {
    let (mut letters, mut faults) = (Vec::<Exported>::new(), Vec::new());
    for (line, number) in input.lines().zip(1..) {
        let line = line.with_context(|| format!("line {number} can't be read"))?;
        if line.trim().is_empty() {
            continue;
        }
        match fault(&line, letters.first().map(|first| first.queue)) {
            Ok(letter) => letters.push(letter),
            Err(why) => faults.push(format!("line {number}: {why}")),
        }
    }
    if faults.is_empty() {
        return Ok(letters);
    }
    if faults.len() > FAULTS {
        let more = faults.len() - FAULTS;
        faults.truncate(FAULTS);
        faults.push(format!("and {more} lines more"));
    }
    bail!(faults.join("\n"))
}

fn fault(line: &str, queue: Option<Queue>) -> Result<Exported, String> {
    let letter: Exported = serde_json::from_str(line).map_err(|error| {
        format!("it is not a dead letter as `dlq export` writes them, a line of JSON each: {}", misfit::of_json(&error))
    })?;
    match queue {
        Some(queue) if letter.queue != queue => Err(format!(
            "it is a dead letter of {}, and those before it are of {queue}: import each queue's lines as a file of \
             their own",
            letter.queue
        )),
        _ => letter.check().map(|()| letter).map_err(|why| format!("{why}: mend the line, or leave it out")),
    }
}

/// What lies in the DLQ, by what it was when it was first exported.
async fn known(operations: &dyn Operations, queue: Queue) -> Result<BTreeSet<String>> {
    let list = async |page| operations.letters(queue, &Selection::default(), &page).await;
    let (letters, _) = pages::collect(usize::MAX, list).await?;
    operations.looked(queue).await?;
    Ok(letters.iter().flat_map(|letter| letter.identities()).collect())
}

fn untouched(letter: Exported) -> Entry {
    Entry {
        id: letter.message_id,
        order_id: None,
        state: EntryState::Done,
        note: Some("it was there already".to_owned()),
        message: None,
    }
}

/// No batch too long, and none too heavy.
fn batches(mut letters: &[Exported]) -> Vec<&[Exported]> {
    let mut batches = Vec::new();
    while !letters.is_empty() {
        let mut bytes = 0;
        let fits = letters.iter().take(BATCH).take_while(|letter| {
            bytes += 2 * letter.body.len();
            bytes <= BATCH_BYTES
        });
        let (batch, rest) = letters.split_at(fits.count().max(1));
        batches.push(batch);
        letters = rest;
    }
    batches
}
