//! Our own rules for `infra/aws/template.yaml`, which no linter knows: what the code calls against what the roles allow,
//! time-outs against each other, alarms against metrics. `cargo xtask lint` runs the field's linters.
//!
//! Each rule lists what breaks it. [`holds`] checks that the template breaks none, and that each given edit breaks this one.

#![allow(clippy::unwrap_used)] // a test

mod alarms;
mod functions;
mod parameters;
mod policies;
mod queues;
mod storage;
mod template;
mod workflow;

use template::Template;

/// The template as it is deployed.
const TEXT: &str = include_str!("../../infra/aws/template.yaml");

/// A rule: what in the template breaks it.
type Rule = fn(&Template) -> Vec<String>;

/// The template keeps the rule; with any of the edits (this text, once, by that one) it doesn't.
#[track_caller]
fn holds(rule: Rule, edits: &[(&str, &str)]) {
    assert_eq!(rule(&Template::parse(TEXT)), Vec::<String>::new());
    for (from, to) in edits {
        assert!(TEXT.contains(from), "the template has no `{from}` to edit");
        let broken = Template::parse(&TEXT.replacen(from, to, 1));
        assert!(!rule(&broken).is_empty(), "nobody minds `{to}` instead of `{from}`");
    }
}
