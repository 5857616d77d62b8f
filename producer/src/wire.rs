//! What goes over the wire: the bodies of requests and responses, their rules, and the only place where they become domain
//! types or come from them.
//!
//! The rules are written twice on a field, for `garde` (which enforces them) and for `utoipa` (which documents them);
//! `tests/schema.rs` proves that both say the same. Lengths are in characters, as JSON Schema counts them.

pub(crate) mod order;
pub(crate) mod product;
pub(crate) mod rules;
pub(crate) mod schemas;

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount of money.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": 2598, "currency": "EUR"}))]
pub(crate) struct Money {
    /// In the currency's minor unit: cents for EUR, yen for JPY. No gateway charges nothing.
    #[garde(range(min = 1, max = orders::money::MAX_AMOUNT))]
    #[schema(minimum = 1, maximum = 99_999_999)]
    pub(crate) amount: i64,
    /// ISO 4217 code.
    #[garde(custom(rules::currency))]
    #[schema(value_type = schemas::CurrencyCode)]
    pub(crate) currency: String,
}

impl From<orders::Money> for Money {
    fn from(money: orders::Money) -> Self {
        Self { amount: money.amount, currency: money.currency.code().to_owned() }
    }
}

impl Money {
    /// The domain's money, once the rules were checked.
    fn into_domain(self, pointer: &str) -> Result<orders::Money, crate::problem::Fault> {
        let currency = orders::money::read_currency(&self.currency)
            .map_err(|error| crate::problem::Fault::at(format!("{pointer}/currency"), error))?;
        Ok(orders::Money::new(self.amount, currency))
    }
}
