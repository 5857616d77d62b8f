//! The kinds of orders and their weights.

use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A kind of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Ends confirmed.
    Good,
    /// The card is declined: ends rejected.
    Declined,
    /// There is nothing left of it: ends rejected.
    OutOfStock,
    /// The gateway answers at the third try only: ends confirmed, later.
    Flaky,
    /// Posted twice with one key: one order, confirmed.
    Duplicate,
    /// No order: a message in the `payments` queue that nobody can read. Ends as a dead letter.
    Poison,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Good, Self::Declined, Self::OutOfStock, Self::Flaky, Self::Duplicate, Self::Poison];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Declined => "declined",
            Self::OutOfStock => "out_of_stock",
            Self::Flaky => "flaky",
            Self::Duplicate => "duplicate",
            Self::Poison => "poison",
        }
    }

    /// Whether orders of it end confirmed, if all goes well.
    pub const fn confirms(self) -> bool {
        matches!(self, Self::Good | Self::Flaky | Self::Duplicate)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Weights together may not be more than this: it is the length of a round.
const HEAVIEST: u32 = 10_000;

/// In which proportions, and in which order: each kind as evenly spread as it can be, the same every time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    round: Vec<Kind>,
}

impl Mix {
    /// The kind of the `n`th.
    pub fn kind(&self, n: u64) -> Kind {
        // A round is never empty and never longer than a `u32` can say.
        self.round[(n % self.round.len() as u64) as usize]
    }

    /// Whoever is most behind its share comes next (smooth weighted round robin, as nginx balances).
    fn of(weights: &[(Kind, u32)]) -> Self {
        let total: i64 = weights.iter().map(|(_, weight)| i64::from(*weight)).sum();
        let mut behind = vec![0_i64; weights.len()];
        let next = |_| {
            behind.iter_mut().zip(weights).for_each(|(behind, (_, weight))| *behind += i64::from(*weight));
            let most = (0..weights.len()).max_by_key(|index| (behind[*index], std::cmp::Reverse(*index)))?;
            behind[most] -= total;
            Some(weights[most].0)
        };
        Self { round: (0..total).filter_map(next).collect() }
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights: Vec<(Kind, u32)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or_else(|| format!("`{part}` is not kind=weight"))?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name.trim());
            let kind = kind.ok_or_else(|| format!("`{name}` is none of {}", Kind::ALL.map(Kind::name).join(", ")))?;
            let weight = weight.trim().parse().map_err(|_| format!("the weight of {name} is no whole number"))?;
            if weights.iter().any(|(other, _)| *other == kind) {
                return Err(format!("{name} is there twice"));
            }
            weights.push((kind, weight));
        }
        match weights.iter().try_fold(0_u32, |sum, (_, weight)| sum.checked_add(*weight)) {
            Some(1..=HEAVIEST) => Ok(Self::of(&weights)),
            _ => Err(format!("the weights together are 1 to {HEAVIEST}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_has_each_kind_by_its_weight_and_spreads_it() {
        let mix: Mix = "good=6,declined=3,poison=1".parse().unwrap();
        let round: Vec<Kind> = (0..10).map(|n| mix.kind(n)).collect();
        let count = |kind| round.iter().filter(|other| **other == kind).count();
        assert_eq!((count(Kind::Good), count(Kind::Declined), count(Kind::Poison)), (6, 3, 1));
        assert!(round.windows(3).all(|three| three != [Kind::Good; 3]), "{round:?}");
        assert_eq!(mix.kind(10), round[0]);
    }

    #[test]
    fn what_is_no_mix_is_refused_with_the_reason() {
        let refusal = |text: &str| text.parse::<Mix>().unwrap_err();
        assert!(refusal("good").contains("kind=weight"));
        assert!(refusal("fine=1").contains("`fine` is none of good"));
        assert!(refusal("good=many").contains("no whole number"));
        assert!(refusal("good=1,good=2").contains("twice"));
        assert!(refusal("good=0").contains("1 to"));
    }
}
