//! The executions as ops use them, on Step Functions ([`Executions`]).

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_sfn::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sfn::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::primitives::DateTime;
use futures::StreamExt as _;
use jiff::Timestamp;
use orders::OrderId;
use orders::ports::ops::{ExecutionStatus, ExecutionSummary, Executions, InStates, Redriven, Stopped};
use orders::ports::{ListError, Page, PageRequest, Unavailable};
use serde_json::Value;

use crate::failure::unavailable;

/// The executions of one state machine.
#[derive(Debug, Clone)]
pub struct StepFunctionsExecutions {
    client: Client,
    state_machine: String,
}

impl StepFunctionsExecutions {
    /// Of the state machine with this ARN, which may be an alias's.
    pub fn new(client: Client, state_machine: impl Into<String>) -> Self {
        Self { client, state_machine: state_machine.into() }
    }

    /// `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME`, also for executions that an alias started.
    fn arn(&self, name: &OrderId) -> String {
        format!("{}{name}", self.arn_prefix())
    }

    /// What an execution's name is appended to for its ARN.
    pub fn arn_prefix(&self) -> String {
        format!("{}:", self.machine().replacen(":stateMachine:", ":execution:", 1))
    }

    /// The state that an execution entered last. A state leaves few events behind, so the newest will do.
    async fn state_of(&self, arn: &str) -> Result<Option<String>, Unavailable> {
        let get = self.client.get_execution_history().execution_arn(arn).reverse_order(true).max_results(20);
        let page = get.include_execution_data(false).send().await.map_err(|error| unavailable("Workflow", &error))?;
        let entered = page.events.into_iter().find_map(|event| event.state_entered_event_details);
        Ok(entered.map(|entered| entered.name))
    }

    /// The state machine's own ARN has seven parts; an alias or a version is an eighth.
    fn machine(&self) -> String {
        self.state_machine.split(':').take(7).collect::<Vec<_>>().join(":")
    }
}

fn is<E>(error: &SdkError<E>, code: &str) -> bool
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(code)
}

/// So many running executions are asked for their state: a call for each, of the 20 a second that `GetExecutionHistory` has.
const SAMPLE: i32 = 40;
const AT_ONCE: usize = 8;

const MISSING: &str = "ExecutionDoesNotExist";

fn time(time: &DateTime) -> Timestamp {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).unwrap_or_default()).unwrap_or_default()
}

fn status(status: &aws_sdk_sfn::types::ExecutionStatus) -> Result<ExecutionStatus, Unavailable> {
    status.as_str().parse().map_err(|error| Unavailable::new("Workflow", error))
}

#[async_trait]
impl Executions for StepFunctionsExecutions {
    async fn list(
        &self,
        wanted: Option<ExecutionStatus>,
        page: &PageRequest,
    ) -> Result<Page<ExecutionSummary>, ListError> {
        let list = self.client.list_executions().state_machine_arn(self.machine());
        let list =
            list.set_status_filter(wanted.map(|wanted| wanted.name().into())).set_next_token(page.cursor.clone());
        // API reference: 1,000 at most.
        let limit = i32::try_from(page.limit.get().min(1_000)).unwrap_or(1_000);
        let listed = match list.max_results(limit).send().await {
            Ok(listed) => listed,
            Err(error) if is(&error, "InvalidToken") => return Err(ListError::InvalidCursor),
            Err(error) => return Err(unavailable("Workflow", &error).into()),
        };
        let mut items = Vec::with_capacity(listed.executions.len());
        for execution in &listed.executions {
            // One that somebody started by hand has a name of its own, and is no order's.
            let Ok(name) = execution.name.parse() else { continue };
            items.push(ExecutionSummary {
                name,
                status: status(&execution.status)?,
                started_at: time(&execution.start_date),
                stopped_at: execution.stop_date.as_ref().map(time),
                current_states: Vec::new(),
                error: None,
                next_timer: None,
            });
        }
        Ok(Page { items, next: listed.next_token })
    }

    async fn describe(&self, name: &OrderId) -> Result<Option<ExecutionSummary>, Unavailable> {
        let described = match self.client.describe_execution().execution_arn(self.arn(name)).send().await {
            Ok(described) => described,
            Err(error) if is(&error, MISSING) => return Ok(None),
            Err(error) => return Err(unavailable("Workflow", &error)),
        };
        Ok(Some(ExecutionSummary {
            name: name.clone(),
            status: status(&described.status)?,
            started_at: time(&described.start_date),
            stopped_at: described.stop_date.as_ref().map(time),
            current_states: Vec::new(),
            error: described.error,
            next_timer: None,
        }))
    }

    async fn definition(&self, name: Option<&OrderId>) -> Result<Option<String>, Unavailable> {
        let Some(name) = name else {
            let machine = self.client.describe_state_machine().state_machine_arn(&self.state_machine).send().await;
            return machine.map(|machine| Some(machine.definition)).map_err(|error| unavailable("Workflow", &error));
        };
        let describe = self.client.describe_state_machine_for_execution().execution_arn(self.arn(name));
        match describe.send().await {
            Ok(described) => Ok(Some(described.definition)),
            Err(error) if is(&error, MISSING) => Ok(None),
            Err(error) => Err(unavailable("Workflow", &error)),
        }
    }

    /// Step Functions can't say: only a history tells where its execution is, so a few of the newest are asked.
    async fn in_states(&self) -> Result<InStates, Unavailable> {
        let list = self.client.list_executions().state_machine_arn(self.machine()).max_results(SAMPLE);
        let listed = list.status_filter(ExecutionStatus::Running.name().into()).send().await;
        let listed = listed.map_err(|error| unavailable("Workflow", &error))?;
        let mut counted = InStates { is_sample: listed.next_token.is_some(), ..InStates::default() };
        let arns = listed.executions.into_iter().map(|execution| execution.execution_arn);
        let states = futures::stream::iter(arns).map(async |arn| self.state_of(&arn).await);
        let mut states = std::pin::pin!(states.buffer_unordered(AT_ONCE));
        while let Some(state) = states.next().await {
            counted.looked_at += 1;
            if let Some(state) = state? {
                *counted.states.entry(state).or_default() += 1;
            }
        }
        Ok(counted)
    }

    async fn history(&self, name: &OrderId) -> Result<Option<Vec<Value>>, Unavailable> {
        let (mut events, mut next) = (Vec::new(), None);
        loop {
            let body = Body::default();
            let get = self.client.get_execution_history().execution_arn(self.arn(name)).set_next_token(next);
            let page = match get.max_results(1_000).customize().interceptor(body.clone()).send().await {
                Ok(page) => page,
                Err(error) if is(&error, MISSING) => return Ok(None),
                Err(error) => return Err(unavailable("Workflow", &error)),
            };
            events.extend(body.events()?);
            next = page.next_token;
            if next.is_none() {
                return Ok(Some(events));
            }
        }
    }

    async fn stop(&self, name: &OrderId, cause: &str) -> Result<Stopped, Unavailable> {
        // Step Functions stops one that is over without a word.
        match self.describe(name).await? {
            None => return Ok(Stopped::Missing),
            Some(execution) if execution.status != ExecutionStatus::Running => return Ok(Stopped::NotRunning),
            Some(_) => {}
        }
        let stop = self.client.stop_execution().execution_arn(self.arn(name)).error("StoppedByOps").cause(cause);
        stop.send().await.map(|_| Stopped::Stopped).map_err(|error| unavailable("Workflow", &error))
    }

    async fn redrive(&self, name: &OrderId) -> Result<Redriven, Unavailable> {
        match self.client.redrive_execution().execution_arn(self.arn(name)).send().await {
            Ok(_) => Ok(Redriven::Redriven),
            Err(error) if is(&error, MISSING) => Ok(Redriven::Missing),
            Err(error) if is(&error, "ExecutionNotRedrivable") => {
                let why = error.as_service_error().and_then(ProvideErrorMetadata::message);
                Ok(Redriven::Refused(why.unwrap_or("Step Functions does not say why").to_owned()))
            }
            Err(error) => Err(unavailable("Workflow", &error)),
        }
    }
}

/// Keeps an answer as it came: history events are shown field for field, and the SDK's types can't be rendered again.
#[derive(Debug, Clone, Default)]
struct Body(Arc<Mutex<Vec<u8>>>);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Body {
    fn name(&self) -> &'static str {
        "Body"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.response().body().bytes().unwrap_or_default().to_vec();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        Ok(())
    }
}

impl Body {
    /// The events, their times as text: `GetExecutionHistory` has seconds since 1970.
    fn events(&self) -> Result<Vec<Value>, Unavailable> {
        let unreadable = |error| Unavailable::new("Workflow", error);
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page: Value = serde_json::from_slice(&body).map_err(unreadable)?;
        let mut events: Vec<Value> = serde_json::from_value(page["events"].take()).map_err(unreadable)?;
        for event in &mut events {
            let seconds = event["timestamp"].as_f64().unwrap_or_default();
            // Step Functions' clock has milliseconds.
            let at = Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or_default();
            event["timestamp"] = at.to_string().into();
        }
        Ok(events)
    }
}
