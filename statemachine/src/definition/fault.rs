//! What can be wrong with a definition, told so that its author finds the place.

use std::fmt;

/// One fault: where it is and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    state: Option<String>,
    field: Option<String>,
    problem: String,
    unsupported: bool,
}

impl Fault {
    pub(crate) fn new(state: Option<&str>, field: Option<&str>, problem: impl Into<String>) -> Self {
        Self {
            state: state.map(str::to_owned),
            field: field.map(str::to_owned),
            problem: problem.into(),
            unsupported: false,
        }
    }

    pub(crate) fn unsupported(state: Option<&str>, field: Option<&str>, problem: impl Into<String>) -> Self {
        Self { unsupported: true, ..Self::new(state, field, problem) }
    }

    /// The state it is in; `None` at the top level.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The field it is in, with an index for lists (`Retry[0].ErrorEquals`); `None` when it is about the whole.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong, as a sentence without its place.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// Whether the definition may be right but uses what this engine does not do yet.
    pub fn is_unsupported(&self) -> bool {
        self.unsupported
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.state, &self.field) {
            (Some(state), Some(field)) => write!(f, "state `{state}`, `{field}`: {}", self.problem),
            (Some(state), None) => write!(f, "state `{state}`: {}", self.problem),
            (None, Some(field)) => write!(f, "`{field}`: {}", self.problem),
            (None, None) => f.write_str(&self.problem),
        }
    }
}

/// A definition that cannot be run; AWS's `InvalidDefinition`. Its author has to correct every fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidDefinition {
    faults: Vec<Fault>,
    more: usize,
    invalid: bool,
}

impl InvalidDefinition {
    /// `more` faults were found beside these; `invalid` says whether any of all is not just something unsupported.
    pub(crate) fn new(faults: Vec<Fault>, more: usize, invalid: bool) -> Self {
        Self { faults, more, invalid }
    }

    /// The faults that were found, at least one and at most 100.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// How many more there are.
    pub fn more(&self) -> usize {
        self.more
    }

    /// Whether nothing is wrong but that this engine does not do it yet.
    pub fn is_only_unsupported(&self) -> bool {
        !self.invalid
    }
}

impl fmt::Display for InvalidDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid state machine definition")?;
        for fault in &self.faults {
            write!(f, "\n  {fault}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
