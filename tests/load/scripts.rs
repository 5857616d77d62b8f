//! The scripts for other tools, beside this file.

use std::process::Command;

/// No k6 here (it is not on any registry that CI has): a parser of the same language at least.
#[test]
fn the_k6_script_is_javascript() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/load/orders.k6.mjs");
    match Command::new("node").args(["--check", script]).output() {
        Ok(checked) => assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr)),
        Err(error) => assert!(std::env::var_os("CI").is_none(), "CI must have node: {error}"),
    }
}
