//! The operations of an embedded service, over its HTTP API (`ops/src/http`).

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use ops::http::wire::{Ids, Letters, Listed, OrderRef, Redrive};
use ops::{
    Breakdown, ExecutionFilter, Exported, Letter, NewRun, Operations, OpsError, OrderStory, OrderSummary,
    PipelineStatus, Replay, Selection, StopRequest, Stuck,
};
use orders::ports::ops::{Entry, ExecutionSummary, MoveTask, QueueDepth, Run};
use orders::ports::{OrderFilter, Page, PageRequest};
use orders::{OrderId, Queue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The service answers within ten seconds, or thirty; this is for one that doesn't.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Whoever takes it says when it stalls; this bounds the whole.
const LONGEST_BACKUP: Duration = Duration::from_secs(24 * 3600);

/// A client of one service.
pub struct Client {
    http: reqwest::Client,
    url: Url,
    key: Option<String>,
}

/// A problem as the service answers it, as far as it is shown.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(alias = "pointer", alias = "header")]
    parameter: String,
    detail: String,
}

impl Client {
    /// # Errors
    /// If the URL is none.
    pub fn new(url: &str, key: Option<String>) -> Result<Self> {
        let url = Url::parse(url).with_context(|| format!("`{url}` is not a URL, such as http://127.0.0.1:8080"))?;
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().context("no HTTP client can be made")?;
        Ok(Self { http, url, key })
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, Option<String>)]) -> RequestBuilder {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("ops").extend(path);
        }
        let given: Vec<_> = query.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect();
        if !given.is_empty() {
            url.query_pairs_mut().extend_pairs(given);
        }
        let request = self.http.request(method, url);
        if let Some(key) = &self.key { request.bearer_auth(key) } else { request }
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, OpsError> {
        let body = self.answer(request).await?.bytes().await.map_err(|error| self.unreachable(&error))?;
        let not_ours = |error| OpsError::Unavailable(format!("the answer is not one of this service: {error}"));
        serde_json::from_slice(&body).map_err(not_ours)
    }

    /// One that is no refusal; its body is still to come.
    async fn answer(&self, request: RequestBuilder) -> Result<Response, OpsError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        Err(refusal(status, serde_json::from_slice(&body).ok()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> OpsError {
        let why = if error.is_connect() { "nobody listens there".to_owned() } else { error.to_string() };
        OpsError::Unavailable(format!("the service at {} can't be reached: {why}", self.url))
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, Option<String>)]) -> Result<T, OpsError> {
        self.send(self.request(Method::GET, path, query)).await
    }

    async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<String>)],
        page: &PageRequest,
    ) -> Result<Page<T>, OpsError> {
        let mut query = query.to_vec();
        query.extend([("limit", Some(page.limit.to_string())), ("cursor", page.cursor.clone())]);
        Ok(self.get::<Listed<T>>(path, &query).await?.into())
    }

    async fn post<T: DeserializeOwned>(&self, path: &[&str], body: &(impl Serialize + Sync)) -> Result<T, OpsError> {
        self.send(self.request(Method::POST, path, &[]).json(body)).await
    }

    async fn ask<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, OpsError> {
        self.send(self.request(Method::POST, path, &[])).await
    }

    /// The database's bytes, as they are at one moment. Its length is their number.
    ///
    /// # Errors
    /// As every operation's.
    pub async fn backup(&self) -> Result<Response, OpsError> {
        self.answer(self.request(Method::POST, &["backup"], &[]).timeout(LONGEST_BACKUP)).await
    }

    /// Whether the simulated gateway is down, after it was switched, if so asked.
    ///
    /// # Errors
    /// As every operation's.
    pub async fn gateway(&self, down: Option<bool>) -> Result<Value, OpsError> {
        match down {
            None => self.get(&["gateway"], &[]).await,
            Some(down) => {
                let body = serde_json::json!({ "down": down });
                self.send(self.request(Method::PUT, &["gateway"], &[]).json(&body)).await
            }
        }
    }
}

/// What the service refused, as the operation would have.
fn refusal(status: StatusCode, problem: Option<Problem>) -> OpsError {
    let Some(Problem { detail, errors }) = problem else {
        return OpsError::Unavailable(format!("the service answered {status}, and not as this one does"));
    };
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => OpsError::NotAllowed(format!(
            "{detail} Put a key with the scope `ops` into ORDERFLOW_KEY, or into orderflow.toml."
        )),
        StatusCode::NOT_FOUND => {
            OpsError::NotFound(detail.strip_prefix("there is no ").unwrap_or("such thing here").to_owned())
        }
        StatusCode::CONFLICT => OpsError::Refused(detail),
        StatusCode::BAD_REQUEST => {
            let faults = errors.iter().map(|fault| format!("{}: {}", fault.parameter, fault.detail));
            OpsError::Invalid { what: "the request", why: faults.collect::<Vec<_>>().join("; ") }
        }
        _ => OpsError::Unavailable(format!("{status}: {detail}")),
    }
}

#[async_trait]
impl Operations for Client {
    async fn queues(&self) -> Result<Vec<QueueDepth>, OpsError> {
        self.get(&["queues"], &[]).await
    }

    async fn status(&self) -> Result<PipelineStatus, OpsError> {
        self.get(&["status"], &[]).await
    }

    async fn dead_letters(&self, all: bool) -> Result<Vec<Breakdown>, OpsError> {
        self.get(&["dead-letters"], &[("all", Some(all.to_string()))]).await
    }

    async fn letters(&self, queue: Queue, selection: &Selection, page: &PageRequest) -> Result<Page<Letter>, OpsError> {
        let Selection { cause, order, since, before, expression } = selection;
        let query = [
            ("cause", cause.clone()),
            ("order", order.as_ref().map(ToString::to_string)),
            ("since", since.map(|at| at.to_string())),
            ("before", before.map(|at| at.to_string())),
            ("where", expression.clone()),
        ];
        self.list(&["dead-letters", queue.name()], &query, page).await
    }

    async fn looked(&self, _: Queue) -> Result<(), OpsError> {
        Ok(())
    }

    async fn begin(&self, new: &NewRun) -> Result<Run, OpsError> {
        self.post(&["runs"], new).await
    }

    async fn replay(&self, run: &str, replay: &Replay) -> Result<Vec<Entry>, OpsError> {
        self.post(&["runs", run, "replay"], replay).await
    }

    async fn resume(&self, run: &str) -> Result<Vec<Entry>, OpsError> {
        self.ask(&["runs", run, "resume"]).await
    }

    async fn purge(&self, run: &str, ids: &[String]) -> Result<Vec<Entry>, OpsError> {
        self.post(&["runs", run, "purge"], &Ids { ids: ids.to_vec() }).await
    }

    async fn import(&self, run: &str, letters: &[Exported]) -> Result<Vec<Entry>, OpsError> {
        self.post(&["runs", run, "import"], &Letters { letters: letters.to_vec() }).await
    }

    async fn repair(&self, run: &str, order: &OrderId) -> Result<Entry, OpsError> {
        self.post(&["runs", run, "repair"], &OrderRef { order_id: order.clone() }).await
    }

    async fn finish(&self, run: &str) -> Result<Run, OpsError> {
        self.ask(&["runs", run, "finish"]).await
    }

    async fn runs(&self, page: &PageRequest) -> Result<Page<Run>, OpsError> {
        self.list(&["runs"], &[], page).await
    }

    async fn run(&self, id: &str) -> Result<Run, OpsError> {
        self.get(&["runs", id], &[]).await
    }

    async fn entries(&self, run: &str, page: &PageRequest) -> Result<Page<Entry>, OpsError> {
        self.list(&["runs", run, "entries"], &[], page).await
    }

    async fn redrive(&self, queue: Queue, per_second: Option<NonZeroU32>) -> Result<MoveTask, OpsError> {
        self.post(&["dead-letters", queue.name(), "redrive"], &Redrive { per_second }).await
    }

    async fn last_move(&self, queue: Queue) -> Result<Option<MoveTask>, OpsError> {
        match self.get(&["dead-letters", queue.name(), "redrive"], &[]).await {
            Err(OpsError::NotFound(_)) => Ok(None),
            found => found.map(Some),
        }
    }

    async fn orders(&self, filter: &OrderFilter, page: &PageRequest) -> Result<Page<OrderSummary>, OpsError> {
        let query = [
            ("storefront", filter.storefront.as_ref().map(ToString::to_string)),
            ("status", filter.status.map(|status| status.to_string())),
            ("customer", filter.customer.as_ref().map(ToString::to_string)),
        ];
        self.list(&["orders"], &query, page).await
    }

    async fn order(&self, id: &OrderId) -> Result<OrderStory, OpsError> {
        self.get(&["orders", id.as_str()], &[]).await
    }

    async fn cancel(&self, id: &OrderId) -> Result<OrderSummary, OpsError> {
        self.ask(&["orders", id.as_str(), "cancel"]).await
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, OpsError> {
        let ExecutionFilter { status, state, error, since, before } = filter;
        let query = [
            ("status", status.map(|status| status.to_string())),
            ("state", state.clone()),
            ("error", error.clone()),
            ("since", since.map(|at| at.to_string())),
            ("before", before.map(|at| at.to_string())),
        ];
        self.list(&["executions"], &query, page).await
    }

    async fn execution(&self, name: &OrderId) -> Result<ExecutionSummary, OpsError> {
        self.get(&["executions", name.as_str()], &[]).await
    }

    async fn history(&self, name: &OrderId) -> Result<Vec<Value>, OpsError> {
        self.get(&["executions", name.as_str(), "history"], &[]).await
    }

    async fn stop(&self, name: &OrderId, request: &StopRequest) -> Result<Entry, OpsError> {
        self.post(&["executions", name.as_str(), "stop"], request).await
    }

    async fn redrive_execution(&self, name: &OrderId) -> Result<Entry, OpsError> {
        self.ask(&["executions", name.as_str(), "redrive"]).await
    }

    async fn stuck(&self, age: Duration, page: &PageRequest) -> Result<Page<Stuck>, OpsError> {
        self.list(&["stuck"], &[("age_seconds", Some(age.as_secs().to_string()))], page).await
    }
}
