//! A connection to the service, kept alive: one request at a time, as cheap as it can be, because the driver often shares the
//! machine with what it drives.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::LoadError;

/// The service gives up after ten seconds; this is for one that doesn't.
const TIMEOUT: Duration = Duration::from_secs(15);

/// `EMFILE` and `ENFILE` (errno(3)): this process, or this machine, has as many files open as it may.
const TOO_MANY_FILES: [i32; 2] = [24, 23];

/// Where the service is, and who asks.
#[derive(Debug, Clone)]
pub struct Target {
    authority: String,
    port: u16,
    host: HeaderValue,
    bearer: Option<HeaderValue>,
}

impl Target {
    /// The service at this URL, asked with this API key.
    ///
    /// # Errors
    /// If the URL is none of an embedded service.
    pub fn new(url: &str, key: Option<&str>) -> Result<Self, LoadError> {
        let invalid = || LoadError::Target(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri.authority().filter(|_| plain).ok_or_else(invalid)?;
        let bearer = key.map(|key| HeaderValue::try_from(format!("Bearer {key}"))).transpose();
        let mut bearer = bearer.map_err(|_| LoadError::Key)?;
        if let Some(bearer) = &mut bearer {
            bearer.set_sensitive(true);
        }
        Ok(Self {
            authority: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            host: HeaderValue::try_from(authority.as_str()).map_err(|_| invalid())?,
            bearer,
        })
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        match &self.bearer {
            Some(bearer) => request.header(AUTHORIZATION, bearer),
            None => request,
        }
    }
}

/// Why a request has no answer; the text is what it is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// It was not sent.
    #[error("no connection")]
    Unsent,
    /// It was not sent: this machine gives the driver no further connection.
    #[error("no file descriptor left on this machine (see `ulimit -n`)")]
    NoDescriptor,
    /// The connection broke, or what came is not HTTP.
    #[error("broken off")]
    Broken,
    /// Nothing came.
    #[error("no answer in time")]
    Late,
}

/// An answer that is none of the good ones, in a line.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> String {
    format!("{status} {}", String::from_utf8_lossy(body)).trim_end().to_owned()
}

/// One connection; opened when it is first needed, and anew when it broke.
pub(super) struct Connection<'t> {
    target: &'t Target,
    open: Option<SendRequest<Full<Bytes>>>,
    /// How long an answer may take.
    patience: Duration,
}

impl<'t> Connection<'t> {
    pub(super) fn to(target: &'t Target) -> Self {
        Self { target, open: None, patience: TIMEOUT }
    }

    /// The same, for somebody who won't wait longer than this for an answer.
    pub(super) fn patient(self, patience: Duration) -> Self {
        Self { patience: self.patience.min(patience), ..self }
    }

    /// Posts or puts JSON under an idempotency key, if there is one.
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: String,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let request = self.target.request(method, path).header(CONTENT_TYPE, "application/json");
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        self.whole(request, body).await
    }

    /// Reads JSON.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, LoadError> {
        let asked = self.whole(self.target.request(Method::GET, path), String::new()).await;
        let failed = |why: String| LoadError::Service { what: format!("GET {path}"), why };
        let (status, body) = asked.map_err(|failure| failed(failure.to_string()))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| failed(error.to_string()));
        }
        Err(failed(refusal(status, &body)))
    }

    /// Begins to read a stream of server-sent events: its body, or why there is none.
    pub(super) async fn events(&mut self, path: &str, last: Option<&str>) -> Result<Incoming, String> {
        let request = self.target.request(Method::GET, path);
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let response = self.answer(request, String::new()).await.map_err(|failure| failure.to_string())?;
        let (status, body) = (response.status(), response.into_body());
        if status.is_success() {
            return Ok(body);
        }
        Err(refusal(status, &body.collect().await.map_err(|_| Failure::Broken.to_string())?.to_bytes()))
    }

    async fn whole(&mut self, request: Builder, body: String) -> Result<(StatusCode, Bytes), Failure> {
        let patience = self.patience;
        let exchange = async {
            let response = self.answer(request, body).await?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|_| Failure::Broken)?;
            Ok((status, body.to_bytes()))
        };
        let exchanged = tokio::time::timeout(patience, exchange).await.unwrap_or(Err(Failure::Late));
        if exchanged.is_err() {
            self.open = None;
        }
        exchanged
    }

    async fn answer(&mut self, request: Builder, body: String) -> Result<Response<Incoming>, Failure> {
        let request = request.body(Full::from(body)).map_err(|_| Failure::Unsent)?;
        let mut sender = match self.open.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await.map_err(|_| Failure::Broken)?;
        let response = sender.send_request(request).await.map_err(|_| Failure::Broken)?;
        self.open = Some(sender);
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let address = (self.target.authority.as_str(), self.target.port);
        let stream = TcpStream::connect(address).await.map_err(|error| match error.raw_os_error() {
            Some(code) if TOO_MANY_FILES.contains(&code) => Failure::NoDescriptor,
            _ => Failure::Unsent,
        })?;
        stream.set_nodelay(true).map_err(|_| Failure::Unsent)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Unsent)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_plain_http_url_without_a_path() {
        assert!(Target::new("http://127.0.0.1:8080", None).is_ok());
        assert!(Target::new("http://[::1]:8080/", Some("0123456789abcdef")).is_ok());
        for wrong in ["https://shop.example", "127.0.0.1:8080", "http://127.0.0.1/orders", "ftp://x"] {
            assert!(Target::new(wrong, None).is_err(), "{wrong}");
        }
        assert!(matches!(Target::new("http://x", Some("a\nb")), Err(LoadError::Key)));
    }
}
