//! What this crate's metrics mean. Not for recording them: that is where it happens.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Before a recorder is installed this does nothing.
pub(crate) fn describe() {
    describe_histogram!("orderflow_commit_jobs", "How many writes shared a commit, and its sync.");
    describe_counter!("orderflow_commit_failures_total", "Commits that failed, with all their writes.");
    describe_histogram!(
        "orderflow_commit_seconds",
        Unit::Seconds,
        "How long a commit took, from its first job's turn."
    );
    describe_counter!(
        "orderflow_checkpoints_total",
        "Times that the WAL was moved into the database file, by outcome."
    );
    describe_gauge!(
        "orderflow_checkpoint_complete_timestamp_seconds",
        Unit::Seconds,
        "When all of the WAL was last moved into the database file."
    );
    describe_gauge!("orderflow_wal_bytes", Unit::Bytes, "How long the WAL is.");
    describe_counter!(
        "orderflow_redriven_to_dlq_total",
        "Messages that the redrive policy moved to a DLQ, without a cause."
    );
    describe_counter!("orderflow_function_failures_total", "Batches whose function failed as a whole, by queue.");
    describe_counter!("orderflow_executions_total", "Executions that ended, by how.");
    describe_counter!(
        "orderflow_execution_conflicts_total",
        "Answers to an execution that another had changed meanwhile; they were tried again."
    );
}
