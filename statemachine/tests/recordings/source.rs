//! Where recorded executions come from: a folder outside of the repository, since nobody here wrote them.
//!
//! `ORDERFLOW_ASL_RECORDINGS` names it; without that it is `../shared/asl-conformance`, seen from the workspace. Where it
//! isn't, its rows are left out, which is told on stderr; with `ORDERFLOW_REQUIRE_RECORDINGS=1`, as in CI, that is a failure.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// How many rows each file has: a row can't get lost in silence, nor be left out uncounted.
const FILES: [(&str, usize); 4] = [
    ("executions.jsonl", 359),
    ("choice_operators.jsonl", 297),
    ("test_state.jsonl", 121),
    ("definition_validation.jsonl", 72),
];

/// The rows of a file, or `None` when they are left out.
pub(crate) fn rows(file: &str) -> Option<Vec<Value>> {
    let (_, count) = FILES.iter().find(|(name, _)| *name == file).unwrap();
    let folder = folder();
    if !folder.is_dir() {
        let why = format!("{} is not there; ORDERFLOW_ASL_RECORDINGS says where the recordings are", folder.display());
        assert!(std::env::var_os("ORDERFLOW_REQUIRE_RECORDINGS").is_none(), "recordings are required, and {why}");
        #[expect(clippy::explicit_write, reason = "what `eprintln!` says of a test that passes is never seen")]
        writeln!(std::io::stderr(), "left out: {count} rows of {file}, because {why}").unwrap();
        return None;
    }
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), *count, "rows of {}", path.display());
    Some(rows)
}

fn folder() -> PathBuf {
    // The lock file stands only in the workspace's root, of which each crate with such tests is somewhere below.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|at| at.join("Cargo.lock").is_file());
    std::env::var_os("ORDERFLOW_ASL_RECORDINGS")
        .map_or_else(|| workspace.unwrap().join("../shared/asl-conformance"), PathBuf::from)
}
