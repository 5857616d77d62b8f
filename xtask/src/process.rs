//! What a process holds in memory, from its `/proc/PID/status` (proc_pid_status(5)).

/// The named lines, such as `VmRSS:`, in MB of 10^6 bytes; not a number where there is no such line.
///
/// # Errors
/// If there is no such process.
pub(crate) fn memory_mb<const N: usize>(process: u32, names: [&str; N]) -> Result<[f64; N], String> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // They are called kB there, and are KiB.
    let kibibytes = |name| status.lines().find_map(|line| line.strip_prefix(name)).map_or(f64::NAN, first_number);
    Ok(names.map(|name| kibibytes(name) * 1024.0 / 1e6))
}

/// The first number of a line; not a number if it begins with none.
pub(crate) fn first_number(text: &str) -> f64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}
