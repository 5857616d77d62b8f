//! What stays of many runs: a middle and a bad case.

/// The value that half of them don't exceed.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value that `percent` per cent of them don't exceed (nearest rank). Not a number if there is none.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values_and_that_many_do_not_exceed_it() {
        let values: Vec<f64> = (1..=30).rev().map(f64::from).collect();
        assert_eq!((median(&values), percentile(&values, 95), percentile(&values, 100)), (15.0, 29.0, 30.0));
        assert_eq!((median(&[7.0]), percentile(&[7.0], 1)), (7.0, 7.0));
        assert!(median(&[]).is_nan());
    }
}
