//! The wiring: the embedded platform, the workers behind its queues, and the HTTP API in front of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use ops::Ops;
use orderflow_console::Platform;
use orderflow_embedded::{Embedded, Function, SmtpMailer};
use orders::ports::{Mailer, PaymentGateway, Unavailable};
use orders::{Product, Queue};
use producer::Readiness;
use producer::admission::{Admission, BacklogLimit, RateLimit};
use producer::cursor::Cursors;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use workers::{BatchCore, DispatchWorker, EmailWorker, InventoryWorker, PaymentWorker, Worker};

use crate::config::Config;
use crate::http_server::{self, Limits};
use crate::reconciling::{RECONCILER, Schedule};
use crate::shutdown::Shutdown;
use crate::stripe;

/// The workflow of orders, in the Amazon States Language.
pub const DEFINITION: &str = include_str!("../statemachine/order.asl.json");
const EXAMPLE_PRODUCTS: &str = include_str!("../examples/products.json");

/// A pipeline that is open and not yet running.
pub struct Pipeline {
    pub embedded: Embedded,
    functions: BTreeMap<Queue, Function>,
    router: axum::Router,
    metrics: PrometheusHandle,
    ops: Ops,
    reconcile: Schedule,
    limits: Limits,
    /// How long what is in hand may take after a stop was asked for.
    stop_within: Duration,
    /// Turns true when the process stops: then event streams end.
    closing: watch::Sender<bool>,
}

impl Pipeline {
    /// Opens the database, and puts the example products into a fresh one.
    ///
    /// # Errors
    /// With what to do about it: the database is in use, or newer, or not ours.
    pub async fn open(config: &Config) -> Result<Self> {
        let settings = config.retries;
        let smtp = config.smtp.as_ref().map(|smtp| SmtpMailer::new(&smtp.url, &smtp.from));
        let smtp = smtp.transpose().context("the SMTP settings are wrong")?;
        let stripe = config.stripe_key.as_deref().map(stripe::gateway).transpose()?;
        make_private(&config.data)
            .with_context(|| format!("the data directory {} can't be made", config.data.display()))?;
        let metrics = recorder()?;
        let path = config.data.join("orderflow.db");
        let embedded = Embedded::open(platform(config, &settings, path), DEFINITION)?;
        if config.examples {
            embedded.catalogue().seed(example_products()?).await.context("the example products can't be added")?;
        }
        let mailer: Arc<dyn Mailer> = match smtp {
            Some(smtp) => Arc::new(smtp),
            None => embedded.mailbox(),
        };
        let closing = watch::Sender::new(false);
        let ops = Ops::new(ops_ports(&embedded), RECONCILER);
        let access = &config.access;
        let cursors = Cursors::new(embedded.cursor_key().context("the key of cursors can't be read")?);
        let more = orderflow_embedded::http::router(
            embedded.mailbox(),
            config.smtp.is_none(),
            access.clone(),
            cursors.clone(),
        )
        .merge(orderflow_embedded::http::queue_router(embedded.queues(), access.clone()))
        .merge(ops::http::router(ops.clone(), access.clone(), cursors.clone(), closing.subscribe()))
        .merge(orderflow_console::router(ops.clone(), access.clone(), here(config)))
        .merge(producer::swagger_ui::router());
        let (gateway, more): (Arc<dyn PaymentGateway>, _) = match stripe {
            Some(stripe) => (stripe, more),
            None => {
                let simulated = embedded.gateway();
                let ledger =
                    orderflow_embedded::http::gateway_router(simulated.clone(), access.clone(), cursors.clone());
                (simulated, more.merge(ledger))
            }
        };
        let router = producer::router(
            producer::Ports {
                orders: embedded.orders(),
                catalogue: embedded.catalogue(),
                clock: embedded.clock(),
                cursors,
            },
            producer::Settings {
                access: config.access.clone(),
                admission: vec![Arc::new(backlog_limit(config, &embedded)), Arc::new(rate_limit(config))],
                metrics: Some(exposition(metrics.clone(), embedded.clone())),
                readiness: Some(Arc::new(Ready(embedded.clone()))),
                more,
                ..producer::Settings::default()
            },
        );
        let functions = functions(&embedded, gateway, mailer, settings);
        let (reconcile, limits, stop_within) = (config.reconcile, config.http, config.stop_within);
        Ok(Self { functions, embedded, router, metrics, ops, reconcile, limits, stop_within, closing })
    }

    /// Runs until the shutdown: then takes nothing new, finishes what is in hand within its time, and closes the database.
    pub async fn run(self, listener: TcpListener, shutdown: Shutdown) {
        let metrics = self.metrics;
        let upkeep = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                metrics.run_upkeep();
            }
        });
        let reconciler = tokio::spawn(self.reconcile.run(self.ops));
        let closing = async {
            shutdown.clone().requested().await;
            self.closing.send_replace(true);
        };
        let http = http_server::serve(listener, self.router, self.limits, shutdown.clone());
        let work = async {
            tokio::join!(http, closing, self.embedded.run(self.functions, shutdown.clone().requested()));
        };
        shutdown.clone().bound(self.stop_within, work).await;
        upkeep.abort();
        reconciler.abort();
        self.embedded.close();
    }
}

/// What ops work on.
fn ops_ports(embedded: &Embedded) -> ops::Ports {
    ops::Ports {
        queues: embedded.ops_queues(),
        orders: embedded.orders(),
        executions: embedded.workflow(),
        journal: embedded.journal(),
        changes: Some(embedded.changes()),
        backups: Some(Arc::new(embedded.db().clone())),
        clock: embedded.clock(),
    }
}

/// What the console has to know of this platform.
fn here(config: &Config) -> Platform {
    Platform {
        name: "embedded".to_owned(),
        execution_arn: orderflow_embedded::ARN_PREFIX.to_owned(),
        api: true,
        mailbox: config.smtp.is_none(),
        events: true,
    }
}

/// Durations, in seconds: from a commit to a call that is given up.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// Writes of one commit.
const JOBS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 128.0, 512.0];

/// Keeps the numbers from now on, as histograms, which can be added up over processes. First, so that what comes after can
/// describe its own.
fn recorder() -> Result<PrometheusHandle> {
    let installed = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full("orderflow_commit_jobs".to_owned()), &JOBS))
        .and_then(PrometheusBuilder::install_recorder);
    metrics::describe_gauge!("orderflow_queue_messages", "Messages in a queue or DLQ, by state.");
    installed.context("the metrics recorder can't be installed")
}

/// The data has customers' addresses in it: a directory that is made here is its owner's alone.
///
/// # Errors
/// If the system refuses.
pub fn make_private(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory)
}

/// Ready is who can store an order.
struct Ready(Embedded);

#[async_trait]
impl Readiness for Ready {
    async fn check(&self) -> Result<(), Unavailable> {
        self.0.db().check().await
    }
}

/// The redrive policy and the batch core agree on the last receive.
fn platform(config: &Config, settings: &workers::Settings, path: PathBuf) -> orderflow_embedded::Config {
    let durability = match config.durability {
        crate::args::Durability::Full => orderflow_embedded::Durability::Full,
        crate::args::Durability::Normal => orderflow_embedded::Durability::Normal,
    };
    let triggers = config.triggers.clone();
    let max_receive_count = settings.max_receive_count;
    orderflow_embedded::Config {
        path,
        durability,
        triggers,
        max_receive_count,
        ..orderflow_embedded::Config::default()
    }
}

/// A function per queue: its worker behind the batch core, as a Lambda function would have it.
fn functions(
    embedded: &Embedded,
    gateway: Arc<dyn PaymentGateway>,
    mailer: Arc<dyn Mailer>,
    settings: workers::Settings,
) -> BTreeMap<Queue, Function> {
    let (orders, catalogue, workflow) = (embedded.orders(), embedded.catalogue(), embedded.workflow());
    let core = Arc::new(BatchCore::new(embedded.queues(), workflow.clone(), embedded.clock(), settings));
    BTreeMap::from([
        function(&core, DispatchWorker { orders: orders.clone(), workflow }),
        function(&core, InventoryWorker { orders: orders.clone(), catalogue: catalogue.clone() }),
        function(&core, PaymentWorker { orders: orders.clone(), gateway }),
        function(&core, EmailWorker { orders, catalogue, mailer }),
    ])
}

fn function<W: Worker + 'static>(core: &Arc<BatchCore>, worker: W) -> (Queue, Function) {
    let (core, worker) = (core.clone(), Arc::new(worker));
    let function: Function = Arc::new(move |event, deadline| {
        let (core, worker) = (core.clone(), worker.clone());
        Box::pin(async move { Ok(core.run(&*worker, event, deadline).await?) })
    });
    (W::QUEUE, function)
}

fn backlog_limit(config: &Config, embedded: &Embedded) -> impl Admission + use<> {
    let embedded = embedded.clone();
    BacklogLimit::new(config.backlog_limit, Duration::from_secs(5), move || embedded.backlog())
}

fn rate_limit(config: &Config) -> RateLimit {
    RateLimit::per_second(config.rate_limit, config.rate_limit)
}

/// The Prometheus text, with the queues' depths as they are now.
fn exposition(metrics: PrometheusHandle, embedded: Embedded) -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(move || {
        for (queue, depth) in embedded.queue_status() {
            for (state, messages) in
                [("visible", depth.visible), ("in_flight", depth.in_flight), ("delayed", depth.delayed)]
            {
                let labels = [("queue", queue.to_string()), ("state", state.to_owned())];
                metrics::gauge!("orderflow_queue_messages", &labels).set(messages as f64);
            }
        }
        metrics.render()
    })
}

/// A product of `examples/products.json`.
#[derive(Deserialize)]
struct ExampleProduct {
    sku: orders::Sku,
    name: String,
    description: Option<String>,
    price: orders::Money,
    stock: u32,
}

fn example_products() -> Result<Vec<Product>> {
    let products: Vec<ExampleProduct> = serde_json::from_str(EXAMPLE_PRODUCTS).context("in examples/products.json")?;
    let product = |ExampleProduct { sku, name, description, price, stock }| Product {
        sku,
        name,
        description,
        price,
        stock,
        reserved: 0,
        version: 0,
    };
    Ok(products.into_iter().map(product).collect())
}
