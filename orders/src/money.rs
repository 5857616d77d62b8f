//! Money: integer minor units and an ISO 4217 code. Never a float, and never two currencies in one sum.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// An ISO 4217 code. Not every one is money that somebody pays with: see [`read_currency`].
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

/// A code that no order and no product may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCurrency {
    /// No such code, or not written as one.
    #[error("not an ISO 4217 code: three capital letters, such as EUR")]
    Unknown,
    /// It is no longer used.
    #[error("{} was withdrawn: use its successor, {}", .0.code(), .1.code())]
    Withdrawn(Currency, Currency),
    /// A fund, a metal, a unit of account, or a code for tests.
    #[error(
        "{} ({}) is not money that anybody pays with: use a currency that circulates, such as EUR",
        .0.code(), .0.name()
    )]
    NotMoney(Currency),
}

/// The currency of an order or a product. Only where one comes in: what was stored before stays readable, also in a
/// currency that was withdrawn since.
///
/// # Errors
/// [`InvalidCurrency`], with what would be right.
pub fn read_currency(code: &str) -> Result<Currency, InvalidCurrency> {
    let currency = Currency::from_code(code).filter(|currency| currency.code() == code);
    let currency = currency.ok_or(InvalidCurrency::Unknown)?;
    match currency.is_superseded() {
        // ISO 4217's list one has both bolívares; the crate takes one for the other's successor.
        Some(_) if currency == Currency::VES => Ok(currency),
        Some(successor) => Err(InvalidCurrency::Withdrawn(currency, successor)),
        None if currency.is_special() || currency.is_fund() => Err(InvalidCurrency::NotMoney(currency)),
        None => Ok(currency),
    }
}

/// How many digits of an amount follow the point (ISO 4217, "minor unit"). The one place that knows: CLDR, and so every
/// browser, has other digits for HUF, COP, IQD and a dozen more.
pub fn decimals(currency: Currency) -> u16 {
    currency.exponent().unwrap_or(0)
}

/// Every code there is, in alphabetical order, those that [`read_currency`] refuses among them. The crate can list them
/// only with another dependency, so every three letters are asked, once.
pub static CODES: LazyLock<Vec<Currency>> = LazyLock::new(|| {
    let letters = || b'A'..=b'Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    codes.filter_map(|code| std::str::from_utf8(&code).ok().and_then(Currency::from_code)).collect()
});

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
        let digits = u32::from(decimals(self.currency));
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
        assert_eq!(text(129_900, Currency::HUF), "1299.00 HUF");
        assert_eq!(text(5, Currency::KWD), "0.005 KWD");
        assert_eq!(text(i64::MIN, Currency::JPY), "-9223372036854775808 JPY");
    }

    /// ISO 4217's list one as of 2026, by the digits of the minor unit; all other currencies on it have two.
    const NONE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
    const THREE: &str = "BHD IQD JOD KWD LYD OMR TND";
    const TWO: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP \
        CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS \
        INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN \
        MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE \
        SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR \
        ZMW ZWG";
    const NOT_MONEY: &str =
        "BOV CHE CHW CLF COU MXV USN UYI UYW XAD XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX";
    const WITHDRAWN: [(&str, &str); 5] =
        [("BGN", "EUR"), ("CUC", "CUP"), ("HRK", "EUR"), ("SLL", "SLE"), ("ZWL", "ZWG")];

    fn codes(text: &str) -> impl Iterator<Item = &str> {
        text.split_whitespace()
    }

    #[test]
    fn every_currency_has_the_digits_that_iso_4217_gives_it_and_no_other_code_is_accepted() {
        let mut known = Vec::new();
        for (digits, table) in [(0, NONE), (2, TWO), (3, THREE)] {
            for code in codes(table) {
                let currency = read_currency(code).unwrap_or_else(|error| panic!("{code}: {error}"));
                assert_eq!((currency.code(), decimals(currency)), (code, digits));
                known.push(code);
            }
        }
        for code in codes(NOT_MONEY) {
            assert_eq!(read_currency(code).map_err(|e| e.to_string().contains("not money")), Err(true), "{code}");
            known.push(code);
        }
        for (code, successor) in WITHDRAWN {
            let says = format!("{code} was withdrawn: use its successor, {successor}");
            assert_eq!(read_currency(code).unwrap_err().to_string(), says);
            known.push(code);
        }
        for code in ["", "eur", "EURO", "ANG", "DEM", "ÄÖÜ"] {
            assert_eq!(read_currency(code), Err(InvalidCurrency::Unknown), "{code}");
        }
        known.sort_unstable();
        assert_eq!(CODES.iter().map(|currency| currency.code()).collect::<Vec<_>>(), known);
    }

    #[test]
    fn what_is_no_longer_accepted_can_still_be_read_and_shown() {
        let stored = r#"[{"amount":1299,"currency":"BGN"},{"amount":2,"currency":"XAU"}]"#;
        let shown =
            serde_json::from_str::<Vec<Money>>(stored).unwrap().iter().map(Money::to_string).collect::<Vec<_>>();
        assert_eq!(shown, ["12.99 BGN", "2 XAU"]);
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
