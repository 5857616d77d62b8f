//! What the functions have in common: their logs, their metrics, and the loop that hands batches to a worker.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use metrics_cloudwatch_embedded::Collector;
use orderflow_stripe::{SecretString, StripeGateway};
use orders::ports::{Clock, PaymentGateway, SystemClock};
use orders::step::QueueName;
use tokio::time::Instant;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;
use workers::{BatchCore, Worker};

use crate::stock::Tables;
use crate::{
    Clients, DynamoCatalogue, DynamoCursorKey, DynamoOrders, MissingVariable, Settings, SimulatedGateway, SqsQueues,
    StepFunctions,
};

/// The process's logs (JSON lines, filtered by `ORDERFLOW_LOG`) and metrics (Embedded Metric Format, on standard output).
///
/// # Errors
/// If the filter is not one, or something was installed before.
pub fn init() -> Result<&'static Collector, Error> {
    let filter: Targets = Settings.find("ORDERFLOW_LOG").as_deref().unwrap_or("info").parse()?;
    // Lambda stamps each line with its time.
    let logs =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    tracing_subscriber::registry().with(logs.without_time().with_filter(filter)).init();
    // Stages of one account are told apart by it.
    let namespace = Settings.find("METRICS_NAMESPACE").unwrap_or_else(|| "Orderflow".to_owned());
    metrics_cloudwatch_embedded::Builder::new().cloudwatch_namespace(namespace).init()
}

/// Writes what was counted since the last time. A log line that got lost is not worth a failed invocation.
pub fn flush(metrics: &Collector) {
    if let Err(error) = metrics.flush(std::io::stdout()) {
        tracing::warn!(%error, "the metrics could not be written");
    }
}

/// What every worker's function is made of.
pub struct Function {
    /// Makes the clients that only one function needs.
    pub clients: Clients,
    /// Its environment.
    pub settings: Settings,
    /// The queues that it may send to.
    pub queues: Arc<SqsQueues>,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    dynamodb: aws_sdk_dynamodb::Client,
    workflow: OnceLock<Arc<StepFunctions>>,
    metrics: &'static Collector,
}

impl Function {
    /// Everything that is made once, before the first invocation.
    ///
    /// # Errors
    /// If logs or metrics can't be installed.
    pub async fn init() -> Result<Self, Error> {
        let (metrics, clients, settings) = (init()?, Clients::of_function().await, Settings);
        let queues = Arc::new(SqsQueues::new(clients.sqs(), settings.queue_urls()));
        let (dynamodb, workflow) = (clients.dynamodb(), OnceLock::new());
        Ok(Self { clients, settings, queues, clock: Arc::new(SystemClock), dynamodb, workflow, metrics })
    }

    /// The orders. Accepting them needs the `orders` queue.
    ///
    /// # Errors
    /// [`MissingVariable`].
    pub fn orders(&self) -> Result<DynamoOrders, MissingVariable> {
        let tables =
            Tables { orders: self.settings.get("ORDERS_TABLE")?, products: self.settings.get("PRODUCTS_TABLE")? };
        Ok(DynamoOrders::new(self.dynamodb.clone(), tables, self.queues.clone(), self.clock.clone()))
    }

    /// The product catalogue.
    ///
    /// # Errors
    /// [`MissingVariable`].
    pub fn catalogue(&self) -> Result<DynamoCatalogue, MissingVariable> {
        Ok(DynamoCatalogue::new(self.dynamodb.clone(), self.settings.get("PRODUCTS_TABLE")?))
    }

    /// What the cursors of listings are sealed with.
    ///
    /// # Errors
    /// [`MissingVariable`].
    pub fn cursor_key(&self) -> Result<DynamoCursorKey, MissingVariable> {
        Ok(DynamoCursorKey::new(self.dynamodb.clone(), self.settings.get("ORDERS_TABLE")?))
    }

    /// The gateway that `PAYMENT_GATEWAY` names.
    ///
    /// # Errors
    /// If a variable is missing or names no gateway, or Stripe's secret can't be read.
    pub async fn gateway(&self) -> Result<Arc<dyn PaymentGateway>, Error> {
        match self.settings.get("PAYMENT_GATEWAY")?.as_str() {
            "simulated" => {
                let table = self.settings.get("PAYMENTS_TABLE")?;
                Ok(Arc::new(SimulatedGateway::new(self.dynamodb.clone(), table, self.clock.clone())))
            }
            "stripe" => {
                let secret = self.secret(&self.settings.get("STRIPE_SECRET_ID")?).await?;
                let base = self.settings.find("STRIPE_API_BASE");
                Ok(Arc::new(StripeGateway::new(&secret, base.as_deref())?))
            }
            other => Err(format!("PAYMENT_GATEWAY is `{other}`; it is `simulated` or `stripe`").into()),
        }
    }

    /// Read once per environment: a rotated secret is seen by the environments that start after it.
    async fn secret(&self, id: &str) -> Result<SecretString, Error> {
        let found = self.clients.secrets_manager().get_secret_value().secret_id(id).send().await?;
        let secret = found.secret_string.ok_or_else(|| format!("the secret {id} is not text"))?;
        Ok(SecretString::from(secret))
    }

    /// What is counted while this function runs.
    pub const fn metrics(&self) -> &'static Collector {
        self.metrics
    }

    /// The workflow. Only `dispatch` starts executions; the others answer their tasks, for which no state machine is named.
    pub fn workflow(&self) -> Arc<StepFunctions> {
        let make = || {
            let state_machine = self.settings.find("STATE_MACHINE_ARN").unwrap_or_default();
            Arc::new(StepFunctions::new(self.clients.step_functions(), state_machine))
        };
        self.workflow.get_or_init(make).clone()
    }

    /// Hands the function's batches to `worker`, for ever.
    ///
    /// # Errors
    /// If a queue is not in the environment, or the runtime API can't be reached.
    pub async fn run<W: Worker>(self, worker: W) -> Result<(), Error> {
        for name in [QueueName::from(W::QUEUE), QueueName::dlq(W::QUEUE)] {
            self.settings.queue_url(name)?;
        }
        let core =
            BatchCore::new(self.queues.clone(), self.workflow(), self.clock.clone(), workers::Settings::default());
        let (core, worker, metrics) = (&core, &worker, self.metrics);
        lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
            let response = handle(core, worker, event).await;
            flush(metrics);
            response
        }))
        .await
    }
}

async fn handle<W: Worker>(
    core: &BatchCore,
    worker: &W,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
    Ok(core.run(worker, event.payload, Instant::now() + left).await?)
}
