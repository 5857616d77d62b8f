//! The execution's own randomness: all of it follows from the seed the caller gave at the start.
//!
//! ChaCha, because a task token is a capability: who has seen one token must not be able to compute the next. The
//! generator is made anew for each draw from the seed and a position, so a snapshot holds two integers and no generator.
//! Not for anything that must be unpredictable to somebody who knows the seed.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// Stream 0 is for jitter; a task's nonce comes from the stream with the task's number, and those start at 1.
const JITTER_STREAM: u64 = 0;

/// Where the execution's randomness stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Randomness {
    /// What the caller gave.
    #[serde(rename = "s")]
    seed: u64,
    /// How many jitter values have been drawn.
    #[serde(rename = "d")]
    drawn: u64,
}

impl Randomness {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    fn at(&self, stream: u64, word: u128) -> ChaCha12Rng {
        let mut rng = ChaCha12Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        rng.set_word_pos(word);
        rng
    }

    /// The next number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        let word = u128::from(self.drawn) * 2;
        self.drawn += 1;
        // The upper 53 bits are all that an f64 in 0..1 can hold.
        (self.at(JITTER_STREAM, word).next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The secret part of the token of one task.
    pub(crate) fn nonce(&self, task: u64) -> [u8; 16] {
        let mut nonce = [0; 16];
        self.at(task, 0).fill_bytes(&mut nonce);
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_nonces() {
        let (mut one, mut two) = (Randomness::new(7), Randomness::new(7));
        for _ in 0..10 {
            assert_eq!(one.unit(), two.unit());
        }
        assert_eq!(one.nonce(3), two.nonce(3));
    }

    #[test]
    fn numbers_stay_in_range_and_differ() {
        let mut rng = Randomness::new(1);
        let drawn: Vec<f64> = (0..1000).map(|_| rng.unit()).collect();
        assert!(drawn.iter().all(|n| (0.0..1.0).contains(n)));
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "mean {mean}");
    }

    #[test]
    fn each_task_and_each_seed_has_its_own_nonce() {
        let rng = Randomness::new(1);
        assert_ne!(rng.nonce(1), rng.nonce(2));
        assert_ne!(rng.nonce(1), Randomness::new(2).nonce(1));
    }
}
