//! The connection to Stripe: TLS, the headers of a request, its time-out. Sends each request once.
//!
//! The crypto provider is named, and not taken from the process, because a process may hold several.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use orders::ports::{GatewayError, Unavailable};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stripe_client_core::{RequestBuilder, StripeMethod, VERSION};

use crate::refusal::{ApiError, Refusal};

const API_BASE: &str = "https://api.stripe.com";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For one call. A charge makes two, within a function's thirty seconds.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A frozen Lambda environment thaws with connections that nobody holds any more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The key is not one that can charge.
    #[error("the Stripe key is not a secret or restricted key: use one that begins with sk_ or rk_")]
    Key,
    /// The key would be sent to somebody else, or in the clear.
    #[error("the Stripe API base is not valid: use https://host, or http://127.0.0.1:port in tests")]
    ApiBase,
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why there is no answer to work with.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody knows whether it was done.
    Unavailable(Unavailable),
    /// Stripe said no.
    Refused(Refusal),
}

impl From<Failure> for GatewayError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(unavailable) => unavailable.into(),
            Failure::Refused(refusal) => refusal.into(),
        }
    }
}

/// The connections to one Stripe account.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<bytes::Bytes>>,
    base: String,
    /// Marked sensitive: nothing prints it.
    authorization: HeaderValue,
    pub(crate) timeout: Duration,
}

impl Http {
    pub(crate) fn new(key: &SecretString, base: Option<&str>) -> Result<Self, ConfigError> {
        let key = key.expose_secret().trim();
        if !(key.starts_with("sk_") || key.starts_with("rk_")) {
            return Err(ConfigError::Key);
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| ConfigError::Key)?;
        authorization.set_sensitive(true);
        let base = base.unwrap_or(API_BASE).trim_end_matches('/');
        if !is_safe(base) {
            return Err(ConfigError::ApiBase);
        }
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(tls.https_or_http().enable_http1().wrap_connector(tcp));
        Ok(Self { client, base: base.to_owned(), authorization, timeout: TIMEOUT })
    }

    /// Sends `request`, once, and reads the answer. A POST needs a `key`; on a GET it would have no effect.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        key: Option<&str>,
    ) -> Result<T, Failure> {
        let unavailable = |cause: &str| Failure::Unavailable(Unavailable::new("Gateway", cause));
        let request = self.request(request, key).map_err(|_| unavailable("the request can't be built"))?;
        let exchange = async {
            let (head, body) = self.client.request(request).await.map_err(|error| reasons(&error))?.into_parts();
            let body = body.collect().await.map_err(|error| reasons(&error))?;
            Ok((head, body.to_bytes()))
        };
        let (head, body) = match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer.map_err(|error: String| unavailable(&format!("Stripe can't be reached: {error}")))?,
            Err(_) => return Err(unavailable("Stripe did not answer in time")),
        };
        if head.status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| unavailable("Stripe's answer is not understood"));
        }
        let refusal = refusal(head.status, &body);
        // Stripe's support asks for the request's id.
        let id = head.headers.get("request-id").and_then(|id| id.to_str().ok());
        tracing::info!(status = head.status.as_u16(), error = ?refusal.error, stripe_request = id, "Stripe refused");
        Err(Failure::Refused(refusal))
    }

    fn request(&self, request: RequestBuilder, key: Option<&str>) -> hyper::http::Result<Request<Full<bytes::Bytes>>> {
        let RequestBuilder { query, body, path, method } = request;
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let mut builder = Request::builder()
            .method(match method {
                StripeMethod::Get => Method::GET,
                StripeMethod::Post => Method::POST,
                StripeMethod::Delete => Method::DELETE,
            })
            .uri(format!("{}/v1{path}{query}", self.base))
            .header(AUTHORIZATION, self.authorization.clone())
            .header("stripe-version", VERSION.as_str());
        if let Some(key) = key {
            builder = builder.header("idempotency-key", key);
        }
        if body.is_some() {
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        builder.body(Full::from(body.unwrap_or_default()))
    }
}

/// What an error's body says; nothing, if it comes from a proxy on the way.
fn refusal(status: StatusCode, body: &[u8]) -> Refusal {
    #[derive(Deserialize)]
    struct Body {
        error: ApiError,
    }
    let error = serde_json::from_slice(body).map(|Body { error }| error).unwrap_or_default();
    Refusal { status, error }
}

/// An error of the connection with what is behind it: `client error (Connect): tcp connect error: Connection refused`.
fn reasons(error: &(dyn Error + 'static)) -> String {
    let all = std::iter::successors(Some(error), |error| (*error).source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether the key may be sent there: encrypted, or no further than this machine.
fn is_safe(base: &str) -> bool {
    let Ok(uri) = base.parse::<Uri>() else { return false };
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}
