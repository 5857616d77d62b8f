//! The `orderflow` command: arguments, configuration, wiring. The pipeline itself is in the crates beside it.

mod args;
mod config;
mod demo;
mod logging;
mod pipeline;
mod serve;
mod shutdown;
mod triggers;

use std::process::ExitCode;

use args::{Args, Command};
use clap::{CommandFactory, Parser};

fn main() -> ExitCode {
    let args = Args::parse_from(args::with_default_command(std::env::args_os()));
    let done = match args.command {
        Command::Serve(serve) => serve::run(&serve),
        Command::Demo(demo) => demo::run(&demo),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "orderflow", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("orderflow: {error:#}");
        ExitCode::FAILURE
    })
}
