//! Output that could not be written is no success.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

/// Verbs that need no service, each with more output than a pipe's buffer takes at once where one has so much.
const VERBS: [&[&str]; 6] =
    [&["cost"], &["cost", "--json"], &["graph"], &["completions", "bash"], &["--help"], &["demo", "--exit"]];

fn orderflow(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderflow"));
    command.args(arguments).stdin(Stdio::null());
    command
}

#[test]
fn a_full_disk_is_exit_code_1_and_says_so() {
    for verb in VERBS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = orderflow(verb).stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {said}");
        assert!(said.contains("standard output can't be written: No space left"), "{verb:?}: {said}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_told_apart_from_success() {
    let mut child = orderflow(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    // 128 + SIGPIPE, as of any program in a shell's pipe; nothing is said, for nobody did anything wrong.
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(141), &b""[..]));
}
