//! E-mail addresses that an order may have: those that every mailer takes, so that nobody is charged who can't be told.
//!
//! The rule is what SMTP (RFC 5321, 4.1.2 and 4.5.3.1) and SES (v2 API reference, "Destination": no SMTPUTF8, the local
//! part in 7-bit ASCII, the domain in Punycode) have in common. Not checked: whether anybody is there, and whether the
//! domain has a dot, which a mail server of one's own may do without.

/// An address that some mailer would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Not two parts around an `@`.
    #[error("not an e-mail address: write it as ada@example.com, without a name or brackets around it")]
    Parts,
    /// More than a path of SMTP holds.
    #[error("an e-mail address has at most {MAX_ADDRESS} characters")]
    TooLong,
    /// The part before the `@`.
    #[error(
        "not an e-mail address: before the `@` are the characters A-Z, a-z, 0-9 and !#$%&'*+/=?^_`{{|}}~-, and single dots between \
         them"
    )]
    LocalPart,
    /// The part before the `@`, in length.
    #[error("an e-mail address has at most {MAX_LOCAL_PART} characters before the `@`")]
    LocalPartTooLong,
    /// The part after the `@`.
    #[error(
        "not an e-mail address: after the `@` is a domain, such as example.com: names of at most 63 of the characters A-Z, a-z, 0-9 \
         and `-`, with single dots between them; the last begins with a letter, and none begins or ends with `-`"
    )]
    Domain,
    /// The part before the `@`, in another alphabet.
    #[error("mail services don't carry other letters than ASCII before the `@`: use another address of this person")]
    InternationalLocalPart,
    /// The part after the `@`, in another alphabet.
    #[error("write the domain in Punycode, such as xn--bcher-kva.example for bücher.example")]
    InternationalDomain,
}

/// RFC 5321, 4.5.3.1.3: a path has 256 octets, two of them brackets.
pub const MAX_ADDRESS: usize = 254;
/// RFC 5321, 4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;
/// RFC 1035, 2.3.4.
const MAX_LABEL: usize = 63;

/// Whether every mailer takes it. Only where an address comes in: what was stored before stays readable.
///
/// # Errors
/// [`InvalidEmail`], with what would be right.
pub fn check(address: &str) -> Result<(), InvalidEmail> {
    let (local, domain) = address.split_once('@').ok_or(InvalidEmail::Parts)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(InvalidEmail::Parts);
    }
    if !local.is_ascii() {
        return Err(InvalidEmail::InternationalLocalPart);
    }
    if !local.split('.').all(is_atom) {
        return Err(InvalidEmail::LocalPart);
    }
    if local.len() > MAX_LOCAL_PART {
        return Err(InvalidEmail::LocalPartTooLong);
    }
    if !domain.is_ascii() {
        return Err(InvalidEmail::InternationalDomain);
    }
    let is_top_level = |label: &str| label.starts_with(|first: char| first.is_ascii_alphabetic());
    if !domain.split('.').all(is_label) || !domain.rsplit('.').next().is_some_and(is_top_level) {
        return Err(InvalidEmail::Domain);
    }
    if address.len() > MAX_ADDRESS { Err(InvalidEmail::TooLong) } else { Ok(()) }
}

/// RFC 5322, 3.2.3.
fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
}

/// A name of a domain (RFC 1123, 2.1).
fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_a_mailer_would_refuse_is_refused_with_what_would_be_right() {
        use InvalidEmail::*;
        let label = "b".repeat(MAX_LABEL);
        let (longest, too_long) =
            (format!("a@{label}.{label}.{label}.{}", "c".repeat(60)), format!("{label}.").repeat(4));
        for (address, expected) in [
            ("ada@example.com", Ok(())),
            ("a.b+tag@sub.example.com", Ok(())),
            ("!#$%&'*+/=?^_`{|}~-@example.com", Ok(())),
            ("a@xn--bcher-kva.example", Ok(())),
            ("root@intranet", Ok(())),
            (&*format!("{}@b", "a".repeat(64)), Ok(())),
            (&longest, Ok(())),
            ("", Err(Parts)),
            ("ada", Err(Parts)),
            ("@b", Err(Parts)),
            ("a@", Err(Parts)),
            ("a@b@c", Err(Parts)),
            ("a..b@x", Err(LocalPart)),
            (".a@x", Err(LocalPart)),
            ("a.@x", Err(LocalPart)),
            ("a b@x", Err(LocalPart)),
            ("\"a b\"@x", Err(LocalPart)),
            ("Ada <ada@x", Err(LocalPart)),
            (&*format!("{}@b", "a".repeat(65)), Err(LocalPartTooLong)),
            ("ädä@example.com", Err(InternationalLocalPart)),
            ("a@bücher.example", Err(InternationalDomain)),
            ("a@x..y", Err(Domain)),
            ("a@x.", Err(Domain)),
            ("a@-x", Err(Domain)),
            ("a@127.0.0.1", Err(Domain)),
            ("a@[127.0.0.1]", Err(Domain)),
            ("a@x y", Err(Domain)),
            ("a@x\n", Err(Domain)),
            (&*format!("a@{label}b"), Err(Domain)),
            (&*format!("a@{too_long}c"), Err(TooLong)),
        ] {
            assert_eq!(check(address), expected, "{address}");
        }
        assert_eq!((longest.len(), format!("a@{too_long}c").len()), (MAX_ADDRESS, 259));
    }
}
