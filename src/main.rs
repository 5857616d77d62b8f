//! The `orderflow` command: arguments, configuration, wiring. The pipeline itself is in the crates beside it.

mod args;
mod config;
mod console;
mod cost;
mod demo;
mod graph;
mod http_server;
mod load;
mod logging;
mod man;
mod ops;
mod pipeline;
mod reconciling;
mod retries;
mod serve;
mod shutdown;
mod stripe;
mod triggers;

use std::io::Write;
use std::process::ExitCode;

use args::{Args, Command};
use clap::FromArgMatches;

/// An order is some hundred small allocations on two threads and more: docs/PERFORMANCE.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = args::command().get_matches_from(args::with_default_command(std::env::args_os()));
    let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match args.command {
        Command::Serve(serve) => serve::run(&serve),
        Command::Demo(demo) => demo::run(&demo),
        Command::Load(load) => load::run(&load),
        Command::Console(console) => console::run(&console),
        Command::Graph(graph) => graph::run(&graph),
        Command::Cost(cost) => cost::run(&cost),
        Command::Ops(verb) => ops::run(&verb),
        Command::Man { directory } => man::write(&directory),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut args::command(), "orderflow", &mut script);
            // A reader that has seen enough (`| head`) is no failure.
            std::io::stdout().write_all(&script).ok();
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("orderflow: {error:#}");
        ExitCode::FAILURE
    })
}
