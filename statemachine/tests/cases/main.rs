//! The engine's own cases: for each part of the language small definitions, what they are given, and how they must end.
//!
//! `README.md` beside this file says how a case is written. Each file is a test, which names every case that fails.
//! `coverage` sees to it that whatever the engine knows has a case. Not for what AWS itself was seen to do: that is
//! `tests/recordings`.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

mod case;
mod coverage;
mod run;

use case::File;

/// A test for each file.
macro_rules! topics {
    ($($topic:ident)*) => {
        /// The files beside this one, without `.json`.
        pub(crate) const TOPICS: &[&str] = &[$(stringify!($topic)),*];
        $(#[test]
        fn $topic() {
            hold(stringify!($topic));
        })*
    };
}

topics! {
    pass succeed_and_fail choice_operators choice wait task retry catch parallel input_and_output paths context_object
    integrations whole_executions errors redrive refused unsupported limits
}

fn hold(topic: &str) {
    let file = File::read(topic);
    let failed: Vec<String> = file
        .cases
        .iter()
        .filter_map(|case| Some(format!("{topic}.json: {}\n    {}", case.name, run::check(case).err()?)))
        .collect();
    assert!(failed.is_empty(), "{} of {} cases fail:\n{}", failed.len(), file.cases.len(), failed.join("\n"));
}
