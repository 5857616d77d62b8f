//! A failure on its way to a retrier, a catcher or the end of the execution, and which error names mean it.
//!
//! Source: AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows", "Error names"; where that
//! page and recorded histories differ, the recordings hold.

use crate::document::Excess;
use crate::language::{
    ALL, DATA_LIMIT_EXCEEDED, HEARTBEAT_TIMEOUT, NO_CHOICE_MATCHED, RESULT_PATH_MATCH_FAILURE, RUNTIME, TASK_FAILED,
    TIMEOUT,
};
use crate::limits::{MAX_BRANCHES_BYTES, MAX_PAYLOAD_DEPTH, MAX_TURN_BYTES};

/// Error and cause, as `SendTaskFailure` or the engine itself gave them. Both may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    nature: Nature,
}

/// What a failure is beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    Plain,
    /// Its name is `States.Timeout`, and `States.HeartbeatTimeout` means it too.
    MissedHeartbeat,
    /// No retrier and no catcher sees it.
    Terminal,
}

impl Failure {
    pub(crate) fn new(error: Option<String>, cause: Option<String>) -> Self {
        Self { error, cause, nature: Nature::Plain }
    }

    fn named(error: &str, cause: Option<String>, nature: Nature) -> Self {
        Self { error: Some(error.to_owned()), cause, nature }
    }

    pub(crate) fn timeout() -> Self {
        Self::named(TIMEOUT, None, Nature::Plain)
    }

    pub(crate) fn missed_heartbeat() -> Self {
        Self::named(TIMEOUT, None, Nature::MissedHeartbeat)
    }

    /// The workflow itself is at fault: "isn't retriable, and will always cause the execution to fail".
    pub(crate) fn runtime(cause: String) -> Self {
        Self::named(RUNTIME, Some(cause), Nature::Terminal)
    }

    /// A task answered with too much. Recorded executions catch this one, also by `States.ALL`.
    pub(crate) fn result_too_large(task: &str, excess: Excess) -> Self {
        Self::named(DATA_LIMIT_EXCEEDED, Some(too_large(task, excess)), Nature::Plain)
    }

    /// A state's output (or input, after `Parameters`) is too large: "a terminal error".
    pub(crate) fn payload_too_large(state: &str, excess: Excess) -> Self {
        Self::named(DATA_LIMIT_EXCEEDED, Some(too_large(state, excess)), Nature::Terminal)
    }

    /// More than a turn may do: [`crate::budget`].
    pub(crate) fn too_much_at_once() -> Self {
        let most = MAX_TURN_BYTES / 1024 / 1024;
        Self::runtime(format!("The execution went through more than {most} MiB of data without waiting for anything."))
    }

    pub(crate) fn no_choice_matched(cause: String) -> Self {
        Self::named(NO_CHOICE_MATCHED, Some(cause), Nature::Plain)
    }

    pub(crate) fn result_path_match(cause: String) -> Self {
        Self::named(RESULT_PATH_MATCH_FAILURE, Some(cause), Nature::Plain)
    }

    /// Whether the name in an `ErrorEquals` means this failure.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let is_timeout = self.error.as_deref() == Some(TIMEOUT);
        match (self.nature, name) {
            (Nature::Terminal, _) => false,
            (_, ALL) => true,
            (_, TASK_FAILED) => !is_timeout,
            (Nature::MissedHeartbeat, HEARTBEAT_TIMEOUT) => true,
            _ => self.error.as_deref() == Some(name),
        }
    }
}

fn too_large(of: &str, excess: Excess) -> String {
    match excess {
        Excess::Bytes => {
            format!(
                "The state/task '{of}' returned a result with a size exceeding the maximum number of bytes service limit."
            )
        }
        Excess::Depth => {
            format!("The state/task '{of}' returned a result that is nested deeper than {MAX_PAYLOAD_DEPTH} levels.")
        }
        Excess::Branches => {
            let most = MAX_BRANCHES_BYTES / 1024 / 1024;
            format!("With the state '{of}' the branches that run at once would hold more than {most} MiB of data.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_mean_what_the_guide_says() {
        let declined = Failure::new(Some("Declined".to_owned()), None);
        let nameless = Failure::new(None, None);
        for (failure, name, expected) in [
            (&declined, "States.ALL", true),
            (&declined, "States.TaskFailed", true),
            (&declined, "Declined", true),
            (&declined, "States.Timeout", false),
            (&nameless, "States.ALL", true),
            (&nameless, "States.TaskFailed", true),
            (&Failure::timeout(), "States.TaskFailed", false),
            (&Failure::timeout(), "States.Timeout", true),
            (&Failure::timeout(), "States.HeartbeatTimeout", false),
            (&Failure::missed_heartbeat(), "States.HeartbeatTimeout", true),
            (&Failure::missed_heartbeat(), "States.Timeout", true),
            (&Failure::missed_heartbeat(), "States.TaskFailed", false),
            (&Failure::runtime(String::new()), "States.ALL", false),
            (&Failure::runtime(String::new()), "States.Runtime", false),
            (&Failure::payload_too_large("x", Excess::Bytes), "States.ALL", false),
            (&Failure::result_too_large("x", Excess::Bytes), "States.ALL", true),
        ] {
            assert_eq!(failure.is_called(name), expected, "{failure:?} {name}");
        }
    }
}
