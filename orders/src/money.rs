//! Money: integer minor units and an ISO 4217 code. Never a float, and never two currencies in one sum.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency; it knows how many digits its minor unit has.
pub use iso_currency::Currency;

/// The largest single amount: 8 digits of minor units, as the card networks behind Stripe allow
/// (Stripe, "Supported currencies", minimum and maximum charge amounts).
pub const MAX_AMOUNT: i64 = 99_999_999;

/// An amount of one currency, in its minor unit (cents for EUR, yen for JPY).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// `quantity` times this, or `None` where that doesn't fit.
    pub fn times(self, quantity: u32) -> Option<Self> {
        Some(Self { amount: self.amount.checked_mul(i64::from(quantity))?, ..self })
    }

    /// The sum, or `None` if the currencies differ or it doesn't fit.
    pub fn plus(self, other: Self) -> Option<Self> {
        (self.currency == other.currency).then_some(())?;
        Some(Self { amount: self.amount.checked_add(other.amount)?, ..self })
    }
}

/// As people read it: `25.98 EUR`, `1200 JPY`, `1.234 BHD`. The code and not the symbol: `$` names twenty currencies.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = u32::from(self.currency.exponent().unwrap_or(0));
        let unit = 10u64.pow(digits);
        let (amount, sign) = (self.amount.unsigned_abs(), if self.amount < 0 { "-" } else { "" });
        match digits {
            0 => write!(f, "{sign}{amount} {}", self.currency.code()),
            _ => {
                let (whole, part) = (amount / unit, amount % unit);
                write!(f, "{sign}{whole}.{part:0width$} {}", self.currency.code(), width = digits as usize)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_with_the_digits_of_its_currency() {
        let text = |amount, currency| Money::new(amount, currency).to_string();
        assert_eq!(text(2598, Currency::EUR), "25.98 EUR");
        assert_eq!(text(-5, Currency::EUR), "-0.05 EUR");
        assert_eq!(text(1200, Currency::JPY), "1200 JPY");
        assert_eq!(text(1234, Currency::BHD), "1.234 BHD");
        assert_eq!(text(i64::MIN, Currency::JPY), "-9223372036854775808 JPY");
    }

    #[test]
    fn sums_never_mix_currencies_nor_wrap() {
        let euro = |amount| Money::new(amount, Currency::EUR);
        assert_eq!(euro(1).plus(euro(2)), Some(euro(3)));
        assert_eq!(euro(1).plus(Money::new(2, Currency::USD)), None);
        assert_eq!(euro(i64::MAX).plus(euro(1)), None);
        assert_eq!(euro(i64::MAX).times(2), None);
    }
}
