//! Where a run's choices come from: which delivery goes on, what fails, when time passes. A run is a function of its
//! choices, so it can be repeated, searched and shrunk by them. 0 is always the uneventful choice.

/// The choices of one run: drawn by a seed, or given.
pub struct Choices {
    source: Source,
    taken: Vec<Taken>,
}

enum Source {
    Seeded(fastrand::Rng),
    Given(Vec<u16>),
}

/// A choice that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub index: u16,
    /// Of how many.
    pub of: u16,
}

impl Choices {
    /// Drawn by a generator.
    pub const fn seeded(rng: fastrand::Rng) -> Self {
        Self { source: Source::Seeded(rng), taken: Vec::new() }
    }

    /// These, and then the uneventful ones.
    pub const fn given(indices: Vec<u16>) -> Self {
        Self { source: Source::Given(indices), taken: Vec::new() }
    }

    /// One of `weights`, by its index. Where there is nothing to choose, nothing is noted.
    pub fn pick(&mut self, weights: &[u32]) -> usize {
        if weights.len() < 2 {
            return 0;
        }
        let index = match &mut self.source {
            Source::Seeded(rng) => {
                let mut left = rng.u32(0..weights.iter().sum::<u32>().max(1));
                let mut passed = |weight: &u32| {
                    let here = left < *weight;
                    left = left.saturating_sub(*weight);
                    here
                };
                weights.iter().position(&mut passed).unwrap_or(0)
            }
            Source::Given(indices) => {
                let given = indices.get(self.taken.len()).copied().unwrap_or(0);
                usize::from(given).min(weights.len() - 1)
            }
        };
        self.taken.push(Taken { index: index as u16, of: weights.len() as u16 });
        index
    }

    /// What was chosen so far.
    pub fn taken(&self) -> &[Taken] {
        &self.taken
    }
}
