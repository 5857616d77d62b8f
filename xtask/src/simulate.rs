//! Deliveries that race: all interleavings of pairs, then seeded runs (`tests/simulation`), in a profile that is built in a
//! tenth of `release`'s time and runs nearly as fast.

use crate::cargo;

/// `cargo xtask simulate`
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    cargo(format!("run --package simulation --profile simulation --locked -- {}", arguments.join(" ")).trim_end())
}
