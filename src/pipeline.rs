//! The wiring: the embedded platform, the workers behind its queues, and the HTTP API in front of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use orderflow_embedded::{Embedded, Function, SmtpMailer};
use orders::ports::{Catalogue, Mailer, SystemClock};
use orders::{Product, Queue};
use producer::admission::{Admission, BacklogLimit, RateLimit};
use serde::Deserialize;
use tokio::net::TcpListener;
use workers::{BatchCore, DispatchWorker, EmailWorker, InventoryWorker, PaymentWorker, Worker};

use crate::config::Config;
use crate::shutdown::Shutdown;

const DEFINITION: &str = include_str!("../statemachine/order.asl.json");
const EXAMPLE_PRODUCTS: &str = include_str!("../examples/products.json");

/// So long may requests in hand take after a stop was asked for.
const GRACE: Duration = Duration::from_secs(30);

/// A pipeline that is open and not yet running.
pub struct Pipeline {
    pub embedded: Embedded,
    functions: BTreeMap<Queue, Function>,
    router: axum::Router,
    metrics: PrometheusHandle,
}

impl Pipeline {
    /// Opens the database, and puts the example products into a fresh one.
    ///
    /// # Errors
    /// With what to do about it: the database is in use, or newer, or not ours.
    pub async fn open(config: &Config, settings: workers::Settings) -> Result<Self> {
        std::fs::create_dir_all(&config.data)
            .with_context(|| format!("the data directory {} can't be made", config.data.display()))?;
        let path = config.data.join("orderflow.db");
        let fresh = !path.exists();
        let embedded = Embedded::open(platform(config, path), DEFINITION, Arc::new(SystemClock))?;
        if fresh {
            add_example_products(&*embedded.catalogue()).await?;
        }
        let mailer: Arc<dyn Mailer> = match &config.smtp {
            Some(smtp) => Arc::new(SmtpMailer::new(&smtp.url, &smtp.from).context("the SMTP settings are wrong")?),
            None => embedded.mailbox(),
        };
        let metrics = PrometheusBuilder::new().install_recorder().context("the metrics recorder can't be installed")?;
        let router = producer::router(
            producer::Ports {
                orders: embedded.orders(),
                catalogue: embedded.catalogue(),
                clock: Arc::new(SystemClock),
            },
            producer::Settings {
                access: config.access.clone(),
                admission: vec![Arc::new(backlog_limit(config, &embedded)), Arc::new(rate_limit(config))],
                metrics: Some(exposition(metrics.clone(), embedded.clone())),
                ..producer::Settings::default()
            },
        )
        .merge(orderflow_embedded::http::router(embedded.mailbox(), config.access.clone()));
        Ok(Self { functions: functions(&embedded, mailer, settings), embedded, router, metrics })
    }

    /// Runs until the shutdown: then takes nothing new, finishes what is in hand, and closes the database.
    ///
    /// # Errors
    /// If the listener breaks.
    pub async fn run(self, listener: TcpListener, shutdown: Shutdown) -> Result<()> {
        let metrics = self.metrics;
        let upkeep = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                metrics.run_upkeep();
            }
        });
        let http = axum::serve(listener, self.router).with_graceful_shutdown(shutdown.clone().requested());
        let impatience = async {
            shutdown.clone().requested().await;
            tokio::time::sleep(GRACE).await;
        };
        let http = async {
            tokio::select! { served = http.into_future() => served, () = impatience => Ok(()) }
        };
        let (served, ()) = tokio::join!(http, self.embedded.run(self.functions, shutdown.clone().requested()));
        upkeep.abort();
        self.embedded.close();
        served.context("the HTTP listener broke")
    }
}

fn platform(config: &Config, path: PathBuf) -> orderflow_embedded::Config {
    let durability = match config.durability {
        crate::args::Durability::Full => orderflow_embedded::Durability::Full,
        crate::args::Durability::Normal => orderflow_embedded::Durability::Normal,
    };
    let triggers = config.triggers.clone();
    orderflow_embedded::Config { path, durability, triggers, ..orderflow_embedded::Config::default() }
}

/// A function per queue: its worker behind the batch core, as a Lambda function would have it.
fn functions(embedded: &Embedded, mailer: Arc<dyn Mailer>, settings: workers::Settings) -> BTreeMap<Queue, Function> {
    let (orders, catalogue, workflow) = (embedded.orders(), embedded.catalogue(), embedded.workflow());
    let core = Arc::new(BatchCore::new(embedded.queues(), workflow.clone(), Arc::new(SystemClock), settings));
    BTreeMap::from([
        function(&core, DispatchWorker { orders: orders.clone(), workflow }),
        function(&core, InventoryWorker { orders: orders.clone(), catalogue: catalogue.clone() }),
        function(&core, PaymentWorker { orders: orders.clone(), gateway: embedded.gateway() }),
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

async fn add_example_products(catalogue: &dyn Catalogue) -> Result<()> {
    let products: Vec<ExampleProduct> = serde_json::from_str(EXAMPLE_PRODUCTS).context("in examples/products.json")?;
    for ExampleProduct { sku, name, description, price, stock } in products {
        catalogue.create(&Product { sku, name, description, price, stock, reserved: 0, version: 0 }).await?;
    }
    Ok(())
}
