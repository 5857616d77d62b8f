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
mod output;
mod pipeline;
mod reconciling;
mod retries;
mod serve;
mod shutdown;
mod stripe;
mod triggers;

use std::process::ExitCode;

use args::{Args, Command};
use clap::FromArgMatches;

/// An order is some hundred small allocations on two threads and more: docs/PERFORMANCE.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let parsed = args::command()
        .try_get_matches_from(args::with_default_command(std::env::args_os()))
        .and_then(|matches| Args::from_arg_matches(&matches));
    let args = match parsed {
        Ok(args) => args,
        Err(error) if error.use_stderr() => error.exit(),
        Err(help) => {
            output::note(help.print());
            return output::exit_code(ExitCode::SUCCESS);
        }
    };
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
            output::write(&script);
            Ok(ExitCode::SUCCESS)
        }
    };
    match done {
        Ok(code) => output::exit_code(code),
        Err(error) => {
            eprintln!("orderflow: {error:#}");
            ExitCode::FAILURE
        }
    }
}
