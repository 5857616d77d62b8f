//! AWS as a list of answers: what the adapters send is kept, and they get what AWS documents.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::config::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use orderflow_aws::Clients;
use serde_json::Value;

/// An answer of AWS.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    error: Option<&'static str>,
    body: String,
}

/// `200` with this body.
pub fn ok(body: Value) -> Answer {
    Answer { status: 200, error: None, body: body.to_string() }
}

/// A service error: in the header, as REST services and SQS say it, and in the body, as the JSON protocols do.
pub fn error(code: &'static str, mut body: Value) -> Answer {
    body["__type"] = code.into();
    Answer { status: 400, error: Some(code), body: body.to_string() }
}

/// Answers in their order, the last one for ever.
#[derive(Debug, Clone)]
pub struct Wire(Arc<Mutex<(VecDeque<Answer>, Vec<Value>)>>);

impl Wire {
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self(Arc::new(Mutex::new((answers.into_iter().collect(), Vec::new()))))
    }

    /// The bodies that were sent.
    pub fn sent(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Clients that talk to this. They don't retry: what one answer means is what is tested.
    pub async fn clients(&self) -> Clients {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled());
        Clients::with(config.load().await)
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent = request.body().bytes().unwrap_or_default();
        let mut wire = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wire.1.push(serde_json::from_slice(sent).unwrap_or_default());
        let answer = if wire.0.len() > 1 { wire.0.pop_front() } else { wire.0.front().cloned() };
        let answer = answer.expect("an answer");
        let mut response = HttpResponse::new(answer.status.try_into().expect("a status"), SdkBody::from(answer.body));
        if let Some(code) = answer.error {
            response.headers_mut().insert("x-amzn-errortype", code);
            response.headers_mut().insert("x-amzn-query-error", format!("{code};Sender"));
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}
