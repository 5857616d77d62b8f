//! `orderflow graph`: the workflow as an SVG file, alone or with what became of one execution. The drawing itself is the
//! crate `asl-graph`'s, as in the console.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use asl_graph::{Faces, Layout, Overlay, events, statuses, svg};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use ops::OpsError;
use orders::OrderId;
use serde_json::json;
use statemachine::{Definition, HistoryEvent};

use crate::ops::args::Connection;
use crate::ops::show;
use crate::pipeline::DEFINITION;
use crate::serve::runtime;

pub const HELP: &str = "\
Examples:
  orderflow graph > order.svg                                     what the pipeline does
  orderflow graph --execution ord_… --out order.svg               what became of an order
  orderflow graph --execution ord_… --aws --stack orderflow-prod > order.svg
  orderflow graph other.asl.json --theme dark --out other.svg     any definition that the engine runs

The file needs nothing else: a browser shows it, a page can embed it. It holds the names of states and errors, no personal data.
With --json: where everything is, and what is shown on it.";

/// What to draw, and where to.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// A definition in the Amazon States Language [default: the one of orders]
    #[arg(value_name = "FILE")]
    pub definition: Option<PathBuf>,
    /// Draw what became of this execution; its name is its order's id
    #[arg(long, value_name = "ORDER")]
    pub execution: Option<OrderId>,
    /// Into this file [default: standard output]
    #[arg(long, short, visible_alias = "output", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The colours; auto is what the reader's system prefers
    #[arg(long, value_enum, default_value_t = Theme::Auto)]
    pub theme: Theme,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    Auto,
    Light,
    Dark,
}

impl From<Theme> for asl_graph::Theme {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::Auto => Self::Auto,
            Theme::Light => Self::Light,
            Theme::Dark => Self::Dark,
        }
    }
}

/// Draws it.
///
/// # Errors
/// If the definition can't be drawn, the execution can't be read or the file can't be written.
pub fn run(args: &GraphArgs) -> Result<ExitCode> {
    let definition = definition(args.definition.as_deref())?;
    let execution = match &args.execution {
        Some(name) => Some(statuses(&definition, &history(args, name, &definition)?, Timestamp::now())),
        None => None,
    };
    let overlay = execution.as_ref().map_or(Overlay::Definition, Overlay::Execution);
    let layout = Layout::of(&definition);
    let drawn = if args.connection.json {
        serde_json::to_string_pretty(&json!({ "layout": layout, "faces": Faces::of(&layout, overlay) }))?
    } else {
        svg(&layout, overlay, args.theme.into())
    };
    match &args.out {
        Some(path) => {
            fs::write(path, drawn + "\n").with_context(|| format!("{} can't be written", path.display()))?;
        }
        None => show::say(drawn),
    }
    Ok(ExitCode::SUCCESS)
}

fn definition(path: Option<&Path>) -> Result<Definition> {
    let Some(path) = path else { return Ok(Definition::parse(DEFINITION)?) };
    let file = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("{file} can't be read"))?;
    Definition::parse(&text).map_err(|invalid| {
        let what_to_do = if invalid.is_only_unsupported() {
            "It may be right: this is what the engine doesn't run yet, and so can't be drawn."
        } else {
            "Correct these and draw it again."
        };
        anyhow::anyhow!("{file} can't be drawn: {invalid}\n{what_to_do}")
    })
}

/// The history of an execution of this definition.
fn history(args: &GraphArgs, name: &OrderId, definition: &Definition) -> Result<Vec<HistoryEvent>> {
    let history = runtime()?.block_on(async {
        let operations = args.connection.operations().await?;
        match operations.history(name).await {
            Err(error @ OpsError::NotFound(_)) => bail!("{error}; `orderflow executions ls` shows those there are"),
            history => Ok(history?),
        }
    })?;
    let events = events(history);
    let stranger =
        events.iter().filter_map(HistoryEvent::state_name).find(|name| definition.state_named(name).is_none());
    if let Some(stranger) = stranger {
        bail!(
            "the execution {name} was in `{stranger}`, which this definition doesn't have: it was started with another \
             one; give the file of that"
        );
    }
    Ok(events)
}
