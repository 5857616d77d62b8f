//! Amounts as Stripe counts them: in the smallest unit of the currency, which is not always that of ISO 4217
//! (Stripe, "Supported currencies": zero-decimal, three-decimal, special cases).

use orders::{Currency, Money};

/// The amount in Stripe's unit; `None` where Stripe can't charge it to the last digit.
pub(crate) fn in_stripe_units(money: Money) -> Option<i64> {
    let Money { amount, currency } = money;
    match currency {
        // The ariary has two decimals in ISO 4217 and none here.
        Currency::MGA => (amount % 100 == 0).then_some(amount / 100),
        // These have none in ISO 4217 and, for the sake of older integrations, two here.
        Currency::ISK | Currency::UGX => amount.checked_mul(100),
        // Of three decimals the card networks take two: the last must be zero.
        _ if currency.exponent() == Some(3) => (amount % 10 == 0).then_some(amount),
        _ => Some(amount),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_charged_at_its_worth_or_not_at_all() {
        let units = |amount, currency| in_stripe_units(Money::new(amount, currency));
        assert_eq!(units(2598, Currency::EUR), Some(2598));
        assert_eq!(units(1200, Currency::JPY), Some(1200));
        assert_eq!(units(1045, Currency::HUF), Some(1045));
        assert_eq!(units(5, Currency::ISK), Some(500));
        assert_eq!(units(5, Currency::UGX), Some(500));
        assert_eq!(units(500, Currency::MGA), Some(5), "five ariary, not five hundred");
        assert_eq!(units(520, Currency::MGA), None);
        assert_eq!(units(5120, Currency::KWD), Some(5120));
        assert_eq!(units(5124, Currency::KWD), None);
        assert_eq!(units(i64::MAX, Currency::ISK), None);
    }
}
