//! Entity tags and the conditions on them (RFC 9110, 8.8.3 and 13.1). Not for what follows from a condition (see `products.rs`).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::problem::{Fault, Problem};

/// The strong entity tag of a version.
pub(crate) fn etag(version: u64) -> HeaderValue {
    // A quoted `v` and digits: always a header value.
    HeaderValue::try_from(format!("\"v{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"v\""))
}

/// What `If-Match` or `If-None-Match` names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tags {
    /// `*`.
    Any,
    /// These.
    Of(Vec<Tag>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    weak: bool,
    quoted: Vec<u8>,
}

impl Tags {
    /// `If-Match`, if it was sent.
    pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        Self::read(headers, &header::IF_MATCH, "If-Match")
    }

    /// `If-None-Match`, if it was sent.
    pub(crate) fn if_none_match(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        Self::read(headers, &header::IF_NONE_MATCH, "If-None-Match")
    }

    fn read(headers: &HeaderMap, name: &HeaderName, shown: &'static str) -> Result<Option<Self>, Problem> {
        let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let fault = || Fault::in_header(shown, "neither `*` nor a list of entity tags such as `\"v7\"`").into();
        parse(&lines.join(&b","[..])).map(Some).ok_or_else(fault)
    }

    /// The strong comparison, for `If-Match`: a weak tag matches nothing.
    pub(crate) fn match_strongly(&self, version: u64) -> bool {
        self.any(|tag| !tag.weak && tag.quoted == etag(version).as_bytes())
    }

    /// The weak comparison, for `If-None-Match`.
    pub(crate) fn match_weakly(&self, version: u64) -> bool {
        self.any(|tag| tag.quoted == etag(version).as_bytes())
    }

    fn any(&self, matches: impl Fn(&Tag) -> bool) -> bool {
        match self {
            Tags::Any => true,
            Tags::Of(tags) => tags.iter().any(matches),
        }
    }
}

fn parse(text: &[u8]) -> Option<Tags> {
    if text.trim_ascii() == b"*" {
        return Some(Tags::Any);
    }
    let mut rest = skip(text);
    let mut tags = Vec::new();
    while !rest.is_empty() {
        let (weak, quoted) = rest.strip_prefix(b"W/").map_or((false, rest), |rest| (true, rest));
        let inside = quoted.strip_prefix(b"\"")?;
        let length = inside.iter().position(|byte| *byte == b'"')?;
        if inside[..length].iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            return None;
        }
        let (tag, after) = quoted.split_at(length + 2);
        tags.push(Tag { weak, quoted: tag.to_vec() });
        rest = after.trim_ascii_start();
        if !rest.is_empty() {
            rest = skip(rest.strip_prefix(b",")?);
        }
    }
    (!tags.is_empty()).then_some(Tags::Of(tags))
}

/// Skips empty list elements and white space (RFC 9110, 5.6.1.2).
fn skip(mut text: &[u8]) -> &[u8] {
    while let [b',' | b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_the_rfc_writes_them() {
        assert_eq!(parse(b"*"), Some(Tags::Any));
        let tags = parse(br#" , "v1", W/"v2","a,b" "#).unwrap();
        assert!(tags.match_strongly(1) && !tags.match_strongly(2) && tags.match_weakly(2) && !tags.match_weakly(3));
        assert!(matches!(tags, Tags::Of(tags) if tags.len() == 3 && tags[2].quoted == b"\"a,b\""));
    }

    #[test]
    fn what_is_not_a_list_of_tags_is_refused() {
        for text in ["", ",", "v1", "\"v1", "\"v1\" \"v2\"", "w/\"v1\"", "*, \"v1\"", "\"a b\"", "W/", "\""] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
