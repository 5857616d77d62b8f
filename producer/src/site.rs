//! Whose page made a browser send a request. A browser says so in headers that no page can forge: on TLS and on loopback in
//! `Sec-Fetch-Site` (W3C, Fetch Metadata Request Headers), else in `Origin`, else in `Referer`. Not for what follows from it:
//! see [`crate::auth`] and [`crate::session`].

use axum::http::{HeaderMap, HeaderName, Uri, header};

/// Whose page sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A page of this very service: the same host and port.
    OwnPage,
    /// A person at a browser: typed, or a bookmark.
    Person,
    /// A page of another site, or of another port of this host.
    ForeignPage,
    /// Nothing says so: a program, or an old browser that was told to be silent.
    Unsaid,
}

impl Sender {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut sites = headers.get_all("sec-fetch-site").iter();
        match (sites.next().map(|site| site.as_bytes()), sites.next()) {
            (Some(b"same-origin"), None) => return Self::OwnPage,
            (Some(b"none"), None) => return Self::Person,
            (Some(_), _) => return Self::ForeignPage,
            (None, _) => {}
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_ours = |name: HeaderName| {
            let page = headers.get(name)?.to_str().ok().and_then(|page| page.parse::<Uri>().ok());
            let authority = page.as_ref().and_then(Uri::authority);
            Some(authority.is_some_and(|page| host.is_some_and(|host| page.as_str().eq_ignore_ascii_case(host))))
        };
        match is_ours(header::ORIGIN).or_else(|| is_ours(header::REFERER)) {
            Some(true) => Self::OwnPage,
            Some(false) => Self::ForeignPage,
            None => Self::Unsaid,
        }
    }
}

/// Whether a page of this very service sent the request.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    Sender::of(headers) == Sender::OwnPage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(headers: &[(&'static str, &'static str)]) -> Sender {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Sender::of(&HeaderMap::from_iter(headers))
    }

    #[test]
    fn the_browsers_own_word_counts_before_what_it_says_of_the_page() {
        let host = ("host", "localhost:8080");
        let own = ("origin", "http://localhost:8080");
        for (headers, expected) in [
            (&[][..], Sender::Unsaid),
            (&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:3000")], Sender::OwnPage),
            (&[("sec-fetch-site", "none")], Sender::Person),
            (&[("sec-fetch-site", "same-site"), own], Sender::ForeignPage),
            (&[("sec-fetch-site", "cross-site"), own], Sender::ForeignPage),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], Sender::ForeignPage),
            (&[("sec-fetch-site", "")], Sender::ForeignPage),
            (&[own], Sender::OwnPage),
            (&[("origin", "HTTPS://LOCALHOST:8080")], Sender::OwnPage),
            (&[("origin", "http://localhost:3000")], Sender::ForeignPage),
            (&[("origin", "http://localhost")], Sender::ForeignPage),
            (&[("origin", "null")], Sender::ForeignPage),
            (&[("origin", "null"), ("referer", "http://localhost:8080/console")], Sender::ForeignPage),
            (&[("referer", "http://localhost:8080/console?a=b")], Sender::OwnPage),
            (&[("referer", "https://shop.example/")], Sender::ForeignPage),
            (&[("referer", "https://shop.example/?http://localhost:8080/")], Sender::ForeignPage),
            (&[("referer", "about:blank")], Sender::ForeignPage),
        ] {
            assert_eq!(sender(&[&[host], headers].concat()), expected, "{headers:?}");
        }
        assert_eq!(sender(&[own]), Sender::ForeignPage, "without a Host nothing is ours");
    }
}
