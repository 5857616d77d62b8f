//! How many file descriptors the process may have, and so how many connections.

/// What the rest of the process needs at most: 2 for each of 16 readers of the database, 8 for its writer and checkpoints,
/// 10 for the runtime and logs, and 64 for connections to a mail server and a gateway.
#[cfg(unix)]
const OTHERS: u64 = 128;
/// With less than this a service is none.
#[cfg(unix)]
const LEAST: usize = 16;

/// Raises the soft limit to the hard one; how many connections that leaves room for.
#[cfg(unix)]
pub(super) fn raise() -> usize {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => usize::try_from(limit.saturating_sub(OTHERS)).unwrap_or(usize::MAX).max(LEAST),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is not known, and was left as it is");
            usize::MAX
        }
    }
}

/// No such limit is known here.
#[cfg(not(unix))]
pub(super) fn raise() -> usize {
    usize::MAX
}
