//! Ids nobody can guess, from the operating system: two Lambda environments restored from one snapshot must not agree on any.

use orders::{IdempotencyKey, TraceId};

use crate::problem::{self, Problem};

/// The operating system gave no random bytes.
#[derive(Debug)]
pub(crate) struct NoEntropy;

impl From<NoEntropy> for Problem {
    fn from(_: NoEntropy) -> Self {
        Problem::new(problem::INTERNAL, "No random numbers are to be had.")
    }
}

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

fn hex() -> Result<String, NoEntropy> {
    Ok(format!("{:032x}", u128::from_be_bytes(bytes()?)))
}

/// What lets its bearer in.
pub(crate) fn secret() -> Result<String, NoEntropy> {
    Ok(hex()? + &hex()?)
}

/// Begins a trace.
pub(crate) fn trace_id() -> Result<TraceId, NoEntropy> {
    hex()?.try_into().map_err(|_| NoEntropy)
}

/// For an order that came without a key.
pub(crate) fn idempotency_key() -> Result<IdempotencyKey, NoEntropy> {
    hex()?.try_into().map_err(|_| NoEntropy)
}
