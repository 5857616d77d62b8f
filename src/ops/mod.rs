//! The verbs of ops on the command line. What they do is in the crate `ops`; here is how they are asked for and shown.

pub mod args;
#[cfg(feature = "aws")]
pub mod aws;
mod backup;
mod client;
mod connection;
mod copying;
mod dlq;
mod executions;
mod help;
mod import;
mod orders;
mod pages;
mod purge;
mod reconcile;
mod replay;
mod restore;
mod runs;
pub mod show;
mod status;

use std::process::ExitCode;

use anyhow::Result;

use crate::ops::args::OpsCommand;
use crate::serve::runtime;

/// Something was left undone, and the output says what and why.
pub const LEFT: u8 = 3;
/// Stopped by Ctrl-C, cleanly.
pub const STOPPED: u8 = 130;

/// Runs a verb.
///
/// # Errors
/// With what is wrong and what to do about it.
pub fn run(command: &OpsCommand) -> Result<ExitCode> {
    runtime()?.block_on(async {
        match command {
            OpsCommand::Status(args) => status::status(args).await,
            OpsCommand::Queues(args) => status::queues(args).await,
            OpsCommand::Dlq(args) => dlq::run(args).await,
            OpsCommand::Orders(args) => orders::run(args).await,
            OpsCommand::Executions(args) => executions::run(args).await,
            OpsCommand::Reconcile(args) => reconcile::run(args).await,
            OpsCommand::Audit(args) => runs::run(args).await,
            OpsCommand::Backup(args) => backup::run(args).await,
            OpsCommand::Restore(args) => restore::run(args),
            OpsCommand::Gateway(args) => status::gateway(args).await,
        }
    })
}
