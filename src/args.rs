//! The command line. What a flag means is in its help; what it falls back to is in [`crate::config`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::Resettable;
use clap::{Arg, CommandFactory, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use orders::Queue;
use serde::{Deserialize, Deserializer};

use crate::console::ConsoleArgs;
use crate::graph::{GraphArgs, HELP as GRAPH_HELP};
use crate::http_server::Http;
use crate::load::args::{HELP as LOAD_HELP, LoadArgs};
use crate::ops::args::OpsCommand;
use crate::reconciling::Reconciling;
use crate::retries::Retries;
use crate::triggers::Trigger;

/// The order pipeline: HTTP to queues to workers, orchestrated by a Step Functions definition, in one durable binary.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  orderflow                      serve on http://127.0.0.1:8080, data in ./data
  orderflow demo                 post the example orders, show what became of each, go on serving
  orderflow demo --exit          the same, and leave
  orderflow serve --listen 127.0.0.1:9000 --data /var/lib/orderflow
  orderflow status                                   how the pipeline is, on one screen
  orderflow dlq ls                                   dead letters, by cause
  orderflow load --rate 200/s --duration 1m          how fast it is, and whether the books balance
  orderflow graph --execution ord_… --out order.svg  what became of an order, as a picture
  orderflow console --aws --stack orderflow-prod     the web console of a stack on AWS
  orderflow cost --orders 50000                      what they cost on AWS
  orderflow completions bash > /etc/bash_completion.d/orderflow
  orderflow man /usr/local/share/man/man1            a man page per command

Exit codes: 0 done, 1 failed (the message says why and what to do), 2 wrong usage, 3 something was refused or is left (the
output says what), 130 stopped by a signal.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the pipeline: the HTTP API, the queues, the workers and the workflow.
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    /// Run the pipeline on a temporary database, post the example orders and show the fate of each.
    Demo(DemoArgs),
    #[command(flatten)]
    Ops(OpsCommand),
    /// Serve the web console of a pipeline on AWS (`--aws`), for this machine only.
    Console(ConsoleArgs),
    /// Load an embedded service, say how it held, and whether the books balance.
    #[command(after_help = LOAD_HELP)]
    Load(LoadArgs),
    /// Draw the workflow, or what became of one order in it, as an SVG file.
    #[command(after_help = GRAPH_HELP)]
    Graph(GraphArgs),
    /// Say what happy orders cost on AWS, here and in other designs.
    Cost(CostArgs),
    /// Print a shell's completion script.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write a man page for each command.
    Man {
        /// Into this directory.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

const SERVE_HELP: &str = "\
Each setting is taken from its flag, else its environment variable, else orderflow.toml, else its default.
Secrets have no flag: API keys come from [[api_keys]] in orderflow.toml or ORDERFLOW_API_KEYS=name:scope:secret,...,
an SMTP server from smtp_url or ORDERFLOW_SMTP_URL=smtps://user:password@host (without one, mail is captured: GET /mailbox),
Stripe's secret key from stripe_key or ORDERFLOW_STRIPE_KEY (without one, payments are simulated).
Tuning (triggers, retries, reconcile, http) is in the file only: see orderflow.example.toml.

Ctrl-C or SIGTERM stops cleanly, within 15 seconds (stop_within, and 5 for the database); a second one stops at once.
Nothing is lost either way.";

#[derive(Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// Configuration file [default: ./orderflow.toml, if there is one]
    #[arg(long, env = "ORDERFLOW_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
}

/// What flags, environment and file have in common.
#[derive(Debug, Default, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "ORDERFLOW_LISTEN", value_name = "ADDRESS", value_parser = address)]
    #[serde(default, deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,
    /// Where the database is [default: ./data]
    #[arg(long, env = "ORDERFLOW_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// What a 202 survives [default: full]
    #[arg(long, env = "ORDERFLOW_DURABILITY", value_enum)]
    pub durability: Option<Durability>,
    /// Refuse orders (503) while this many messages wait in the queues, or more [default: 100000]
    #[arg(long, env = "ORDERFLOW_BACKLOG_LIMIT", value_name = "MESSAGES", value_parser = whole::<usize>)]
    pub backlog_limit: Option<usize>,
    /// Refuse orders (429) over this many per API key and second [default: 10000]
    #[arg(long, env = "ORDERFLOW_RATE_LIMIT", value_name = "ORDERS", value_parser = at_least_one::<NonZeroU32>)]
    pub rate_limit: Option<NonZeroU32>,
    /// Put the example products into a new database [default: true]
    #[arg(long, env = "ORDERFLOW_EXAMPLES", value_name = "BOOL")]
    pub examples: Option<bool>,
    /// The sender of mails that go out over SMTP [default: orders@localhost]
    #[arg(long, env = "ORDERFLOW_MAIL_FROM", value_name = "MAILBOX")]
    pub mail_from: Option<String>,
    /// How logs look [default: text on a terminal, else json]
    #[arg(long, env = "ORDERFLOW_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// What is logged, as a tracing filter [default: info]
    #[arg(long, env = "ORDERFLOW_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Finish what is in hand within this after the first signal [default: 10s]
    #[arg(long, env = "ORDERFLOW_STOP_WITHIN", value_name = "DURATION", value_parser = duration)]
    pub stop_within: Option<SignedDuration>,
    /// Secrets: from the file or `ORDERFLOW_API_KEYS`, never from a flag.
    #[arg(skip)]
    #[serde(default)]
    pub api_keys: Vec<KeyEntry>,
    /// It may hold a password: from the file or `ORDERFLOW_SMTP_URL`, never from a flag.
    #[arg(skip)]
    pub smtp_url: Option<String>,
    /// From the file or `ORDERFLOW_STRIPE_KEY`, never from a flag.
    #[arg(skip)]
    pub stripe_key: Option<String>,
    /// Tuning, a table per queue: from the file only.
    #[arg(skip)]
    #[serde(default)]
    pub triggers: BTreeMap<Queue, Trigger>,
    /// Tuning: from the file only.
    #[arg(skip)]
    pub retries: Option<Retries>,
    /// From the file only.
    #[arg(skip)]
    pub reconcile: Option<Reconciling>,
    /// Tuning: from the file only.
    #[arg(skip)]
    pub http: Option<Http>,
}

/// An API key, as it is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    pub name: String,
    pub scope: String,
    pub key: String,
}

impl Settings {
    /// These, and `other`'s where these say nothing.
    pub fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            data: self.data.or(other.data),
            durability: self.durability.or(other.durability),
            backlog_limit: self.backlog_limit.or(other.backlog_limit),
            rate_limit: self.rate_limit.or(other.rate_limit),
            examples: self.examples.or(other.examples),
            mail_from: self.mail_from.or(other.mail_from),
            log_format: self.log_format.or(other.log_format),
            log: self.log.or(other.log),
            stop_within: self.stop_within.or(other.stop_within),
            api_keys: if self.api_keys.is_empty() { other.api_keys } else { self.api_keys },
            smtp_url: self.smtp_url.or(other.smtp_url),
            stripe_key: self.stripe_key.or(other.stripe_key),
            triggers: if self.triggers.is_empty() { other.triggers } else { self.triggers },
            retries: self.retries.or(other.retries),
            reconcile: self.reconcile.or(other.reconcile),
            http: self.http.or(other.http),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Power loss (one fsync per group of writes).
    Full,
    /// A crash of the process, not of the machine.
    Normal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Leave once every order has met its fate; exit code 1 if one has not within a minute.
    #[arg(long)]
    pub exit: bool,
    /// Address and port to listen on [default: 127.0.0.1:8080, or a free port with --exit]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// What is logged, as a tracing filter.
    #[arg(long, env = "ORDERFLOW_LOG", default_value = "off", value_name = "FILTER")]
    pub log: String,
}

#[derive(Debug, clap::Args)]
pub struct CostArgs {
    /// How many orders.
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = whole::<u64>)]
    pub orders: u64,
    /// Print JSON, line by line.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print docs/COST.md, which is for a million orders.
    #[arg(long, conflicts_with = "orders")]
    pub markdown: bool,
}

pub fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "it is an IP address and a port, such as 127.0.0.1:9000 or [::1]:9000")
}

fn duration(text: &str) -> Result<SignedDuration, &'static str> {
    text.parse().map_err(|_| "it is a duration, such as 10s or 1m30s")
}

pub fn at_least_one<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "it is a whole number of 1 or more")
}

pub fn whole<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "it is a whole number")
}

/// From the file, by the flag's rule.
fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    address(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}

/// The command, to which an empty environment variable is one that isn't set.
pub fn command() -> clap::Command {
    let unset = |arg: Arg| match arg.get_env() {
        Some(name) if std::env::var_os(name).is_some_and(|value| value.is_empty()) => arg.env(Resettable::Reset),
        _ => arg,
    };
    fn each(command: clap::Command, unset: fn(Arg) -> Arg) -> clap::Command {
        command.mut_args(unset).mut_subcommands(move |command| each(command, unset))
    }
    each(Args::command(), unset)
}

/// `orderflow` alone means `orderflow serve`.
pub fn with_default_command(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    if args.len() == 1 {
        args.push("serve".into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    /// Every flag and argument that takes a value, with the command's words before it.
    fn arguments(command: &clap::Command, words: &[String], all: &mut Vec<Vec<String>>) {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let value = "\u{bd}".to_owned();
            let given = arg.get_long().map_or(vec![value.clone()], |long| vec![format!("--{long}"), value]);
            all.push([words, &given].concat());
        }
        for command in command.get_subcommands() {
            arguments(command, &[words, &[command.get_name().to_owned()]].concat(), all);
        }
    }

    #[test]
    fn no_value_is_refused_in_the_words_of_rust() {
        let mut all = Vec::new();
        arguments(&Args::command(), &["orderflow".to_owned()], &mut all);
        assert!(all.len() > 40, "{all:?}");
        for words in all {
            let Err(error) = Args::command().try_get_matches_from(&words) else { continue };
            let said = error.to_string();
            for theirs in ["digit found", "non-zero", "float literal", "socket address syntax", "parse", "u64", "usize"]
            {
                assert!(!said.contains(theirs), "{words:?}: {said}");
            }
        }
    }

    #[test]
    fn without_a_command_it_serves() {
        let args = Args::try_parse_from(with_default_command(["orderflow".into()].into_iter())).unwrap();
        assert!(matches!(args.command, Command::Serve(_)));
    }
}
