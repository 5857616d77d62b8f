//! Standard output. All that goes there goes through here, because output that could not be written must not look like success.
//! Not for how things look: that is `ops::show`.

use std::fmt::Display;
use std::io::{Error, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

/// What a shell says of a program that a closed pipe ended (128 + SIGPIPE).
const CLOSED_PIPE: u8 = 141;

static FAILURE: OnceLock<Error> = OnceLock::new();

/// Writes a line.
pub fn say(line: impl Display) {
    write(format!("{line}\n").as_bytes());
}

/// Writes this as it is. After a failure nothing more is written, and [`exit_code`] tells.
pub fn write(text: &[u8]) {
    if FAILURE.get().is_none() {
        let mut stdout = std::io::stdout().lock();
        note(stdout.write_all(text).and_then(|()| stdout.flush()));
    }
}

/// The exit code of a command that did what it should, unless what it had to say was not written: 1 if it could not be (a full
/// disk), 141 if its reader had seen enough (`| head`), as of any program that ends by SIGPIPE.
pub fn exit_code(done: ExitCode) -> ExitCode {
    match FAILURE.get() {
        None => done,
        Some(error) if error.kind() == ErrorKind::BrokenPipe => CLOSED_PIPE.into(),
        Some(error) => {
            eprintln!("orderflow: standard output can't be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Remembers what came of a write that somebody else did.
pub fn note(written: std::io::Result<()>) {
    if let Err(error) = written {
        // Only the first says why.
        FAILURE.set(error).ok();
    }
}
