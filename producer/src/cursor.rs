//! Sealed cursors: what a client holds of a listing that goes on. Every listing over HTTP gives and takes them ([`crate::params::Query::listing`]).
//!
//! An adapter's own cursor is a place among everybody's rows. It would tell how many there are, and any text of its shape would
//! do. So it leaves encrypted, and bound to the question that it answers: the path, the filter, and whose rows are shown
//! (XChaCha20-Poly1305, with the question as associated data). What comes back altered, or with another question, is refused.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Uri;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use orders::Storefront;
use orders::ports::{Page, PageRequest, Unavailable};

use crate::params::{BAD_CURSOR, CURSOR, LIMIT};
use crate::problem::{self, Fault, Problem};
use crate::random;

/// The key that cursors are sealed with.
#[async_trait]
pub trait CursorKey: Send + Sync {
    /// The same for all who serve the same rows, now and after a restart.
    async fn cursor_key(&self) -> Result<[u8; 32], Unavailable>;
}

#[async_trait]
impl CursorKey for [u8; 32] {
    async fn cursor_key(&self) -> Result<[u8; 32], Unavailable> {
        Ok(*self)
    }
}

/// Seals cursors, and opens them.
#[derive(Clone)]
pub struct Cursors(Arc<dyn CursorKey>);

/// A random number before each cursor: so many bytes need no memory of those that were used.
const NONCE: usize = 24;
/// A cursor is filled up to a multiple of so many bytes, so that its length tells nothing.
const BLOCK: usize = 32;

impl Cursors {
    /// With this key.
    pub fn new(key: impl CursorKey + 'static) -> Self {
        Self(Arc::new(key))
    }

    /// For a process whose cursors need not outlive it.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn of_this_process() -> Result<Self, Unavailable> {
        let no_entropy = |_| Unavailable::new("Cursors", "no random numbers are to be had");
        Ok(Self::new(random::bytes::<32>().map_err(no_entropy)?))
    }

    pub(crate) async fn seal(&self, uri: &Uri, only: Option<&Storefront>) -> Result<Seal, Problem> {
        let key = self.0.cursor_key().await?;
        Ok(Seal { cipher: XChaCha20Poly1305::new(&key.into()), question: question(uri, only)? })
    }
}

/// What a page answers, however its parameters are ordered or encoded.
fn question(uri: &Uri, only: Option<&Storefront>) -> Result<Vec<u8>, Problem> {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut filter: Vec<_> = query.filter(|(name, _)| name != LIMIT && name != CURSOR).collect();
    filter.sort();
    let question = (uri.path(), only.map(Storefront::as_str), filter);
    serde_json::to_vec(&question).map_err(|error| Problem::new(problem::INTERNAL, error))
}

/// Seals and opens the cursors of one question.
pub(crate) struct Seal {
    cipher: XChaCha20Poly1305,
    question: Vec<u8>,
}

impl Seal {
    fn close(&self, cursor: &str) -> Result<String, Problem> {
        let nonce = random::bytes::<NONCE>()?;
        let mut place = cursor.as_bytes().to_vec();
        place.resize(place.len().next_multiple_of(BLOCK), 0);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: &place, aad: &self.question })
            .map_err(|error| Problem::new(problem::INTERNAL, error))?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    pub(crate) fn open(&self, cursor: &str) -> Result<String, Problem> {
        self.opened(cursor).ok_or_else(|| Fault::in_parameter(CURSOR, BAD_CURSOR).into())
    }

    fn opened(&self, cursor: &str) -> Option<String> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: &self.question };
        let place = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        Some(String::from_utf8(place).ok()?.trim_end_matches('\0').to_owned())
    }
}

/// A listing, as it was asked for.
pub struct Listing {
    /// The page, in the adapter's words.
    pub page: PageRequest,
    pub(crate) seal: Seal,
}

impl Listing {
    /// The page that was found, with a cursor for the client.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn sealed<T>(&self, page: Page<T>) -> Result<Page<T>, Problem> {
        let next = page.next.map(|next| self.seal.close(&next)).transpose()?;
        Ok(Page { items: page.items, next })
    }
}
