//! The rules of single fields that `garde` has no word for.

use std::str::FromStr;

use garde::Error;
use orders::money::read_currency;
use orders::{CustomerId, Sku};

fn rule(holds: bool, says: &str) -> garde::Result {
    if holds { Ok(()) } else { Err(Error::new(says)) }
}

fn is_token(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

fn identifier<T: FromStr<Err: std::fmt::Display>>(text: &str) -> garde::Result {
    text.parse::<T>().map(drop).map_err(Error::new)
}

pub(crate) fn sku(text: &str, _: &()) -> garde::Result {
    let sku = text.parse::<Sku>().map_err(Error::new)?;
    rule(
        sku.is_reachable(),
        "not a valid SKU: an address can't carry `.` or `..`, so nobody could reach it; add another character",
    )
}

pub(crate) fn customer_id(text: &str, _: &()) -> garde::Result {
    identifier::<CustomerId>(text)
}

/// Text for people: mails and consoles show it, so nothing in it may steer them.
pub(crate) fn text(text: &str, _: &()) -> garde::Result {
    orders::text::check(text).map_err(Error::new)
}

/// A reference such as `pm_card_visa`. It starts with a letter, so that no card number gets in.
pub(crate) fn payment_method(text: &str, _: &()) -> garde::Result {
    rule(
        text.starts_with(|first: char| first.is_ascii_alphabetic()) && is_token(text),
        "not a payment method: a letter, then any of the characters A-Z, a-z, 0-9, `-`, `_`, `.` and `:`",
    )
}

pub(crate) fn country(text: &str, _: &()) -> garde::Result {
    rule(
        text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()),
        "not an ISO 3166-1 alpha-2 code: two capital letters",
    )
}

pub(crate) fn currency(text: &str, _: &()) -> garde::Result {
    read_currency(text).map(drop).map_err(Error::new)
}

pub(crate) fn email(text: &str, _: &()) -> garde::Result {
    orders::email::check(text).map_err(Error::new)
}
