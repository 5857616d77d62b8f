//! Identifiers as types, so that a SKU can't be passed for a customer. Each is checked once, when it is made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Text that is not the identifier it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: {rule}")]
pub struct InvalidId {
    what: &'static str,
    rule: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(InvalidId { what: $what, rule: $rule }) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn token(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

identifier!(
    /// `ord_` and 26 characters of base 32: what the API, the queues, the execution and the logs call the order.
    OrderId, "order id", "it is `ord_` and 26 of the characters 0-9 and a-z without i, l, o, u",
    |text| text.strip_prefix("ord_").is_some_and(|rest| rest.len() == 26 && rest.bytes().all(|b| BASE32.contains(&b)))
);
identifier!(
    /// A stock keeping unit: names a product.
    Sku, "SKU", "1 to 64 of the characters A-Z, a-z, 0-9, `-`, `_`, `.` and `:`",
    |text| token(text, 64)
);
identifier!(
    /// The storefront's own name for its customer.
    CustomerId, "customer id", "1 to 64 of the characters A-Z, a-z, 0-9, `-`, `_`, `.` and `:`",
    |text| token(text, 64)
);
identifier!(
    /// Who posts orders: the name of its API key. Idempotency keys are scoped to it.
    Storefront, "storefront name", "1 to 64 of the characters A-Z, a-z, 0-9, `-`, `_`, `.` and `:`",
    |text| token(text, 64)
);
identifier!(
    /// The storefront's name for one attempt to place an order; repeating it repeats nothing.
    IdempotencyKey, "idempotency key", "1 to 255 printable ASCII characters",
    |text| (1..=255).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
);
identifier!(
    /// A W3C trace id (32 hex digits): the one id that finds an order in every log.
    TraceId, "trace id", "32 lower-case hex digits, not all zero",
    |text| text.len() == 32
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && text.bytes().any(|b| b != b'0')
);

impl Sku {
    /// Whether a path can have it as a segment. `.` and `..` are taken out of every address on its way, percent-encoded
    /// or not (RFC 3986, 5.2.4; WHATWG URL, "single-dot URL path segment"). Asked where a SKU comes in: what was stored
    /// before stays readable.
    pub fn is_reachable(&self) -> bool {
        !matches!(self.as_str(), "." | "..")
    }
}

impl TraceId {
    /// As X-Ray's tracing header, which SQS and Step Functions carry: the id's first 8 digits are its time
    /// (AWS X-Ray, "Tracing header" and "Sending trace data", W3C ids).
    pub fn to_trace_header(&self) -> String {
        let (time, rest) = self.0.split_at(8);
        format!("Root=1-{time}-{rest}")
    }
}

/// Crockford's alphabet, in lower case: no letter that reads like a digit.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl OrderId {
    /// The id that belongs to this storefront's key: the same pair gives the same id, for ever.
    ///
    /// 128 bits of SHA-256, so that one conditional write on the id both creates the order and detects a replay
    /// (docs/decisions/0004-derived-order-ids.md).
    pub fn derive(storefront: &Storefront, key: &IdempotencyKey) -> Self {
        let digest =
            Sha256::new().chain_update(storefront.as_str()).chain_update([0]).chain_update(key.as_str()).finalize();
        let bits = digest.iter().take(16).fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut text = String::with_capacity(30);
        text.push_str("ord_");
        for place in (0..26).rev() {
            text.push(char::from(BASE32[(bits >> (place * 5)) as usize & 31]));
        }
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_depends_on_storefront_and_key_and_nothing_else() {
        let id = |shop: &str, key: &str| OrderId::derive(&shop.parse().unwrap(), &key.parse().unwrap());
        assert_eq!(id("shop", "k1"), id("shop", "k1"));
        assert_ne!(id("shop", "k1"), id("shop", "k2"));
        assert_ne!(id("shop", "k1"), id("shopk", "1"));
        assert_eq!(id("shop", "k1").as_str().parse::<OrderId>().unwrap(), id("shop", "k1"));
    }

    #[test]
    fn a_sku_that_no_address_can_carry_is_told_apart() {
        let reachable = |sku: &str| sku.parse::<Sku>().unwrap().is_reachable();
        assert_eq!([".", ".."].map(reachable), [false; 2]);
        assert_eq!(["...", ".a", "a.", "a..b", ".-", ":", "-", "_"].map(reachable), [true; 8]);
    }

    #[test]
    fn what_is_not_an_identifier_is_refused_with_its_rule() {
        assert!("".parse::<Sku>().is_err());
        assert!("A".repeat(65).parse::<Sku>().is_err());
        assert!("key\n".parse::<IdempotencyKey>().is_err());
        assert!("0".repeat(32).parse::<TraceId>().is_err());
        let refused = "ord_short".parse::<OrderId>().unwrap_err().to_string();
        assert!(refused.starts_with("not a valid order id: it is `ord_` and 26"), "{refused}");
    }
}
