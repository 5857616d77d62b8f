//! `orderflow demo`: the example orders, posted over HTTP to a pipeline of their own, and the fate of each.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comfy_table::{Cell, ContentArrangement, Table, presets};
use orderflow_embedded::Embedded;
use orders::Queue;
use orders::ports::{Outgoing, Queues};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use workers::{Backoff, DEAD_LETTER, DeadLetter};

use crate::args::{DemoArgs, Durability};
use crate::config::{Config, STOP_WITHIN, ensure_loopback_or_keys};
use crate::http_server::Limits;
use crate::output;
use crate::pipeline::Pipeline;
use crate::reconciling::Schedule;
use crate::serve::{listen, runtime};
use crate::shutdown::Shutdown;

/// An example: its file's name, and what is done with it.
enum Example {
    /// Posted once, or more often with the same idempotency key.
    Order { name: &'static str, body: &'static str, times: usize },
    /// Put straight into the `payments` queue.
    Poison { name: &'static str, body: &'static str },
}

macro_rules! example {
    ($name:literal) => {
        ($name, include_str!(concat!("../examples/orders/", $name)))
    };
}

const fn order((name, body): (&'static str, &'static str), times: usize) -> Example {
    Example::Order { name, body, times }
}

const fn poison((name, body): (&'static str, &'static str)) -> Example {
    Example::Poison { name, body }
}

const EXAMPLES: [Example; 7] = [
    order(example!("1-confirmed.json"), 1),
    order(example!("2-card-declined.json"), 1),
    order(example!("3-out-of-stock.json"), 1),
    order(example!("4-price-changed.json"), 1),
    order(example!("5-posted-twice.json"), 2),
    order(example!("6-gateway-fails-twice.json"), 1),
    poison(example!("7-poison-message.txt")),
];

/// Every fate is known well before this.
const PATIENCE: Duration = Duration::from_secs(60);

/// The steps that end an execution.
const CLOSING: [&str; 3] = ["SendConfirmation", "NotifyRejected", "CloseOrder"];

/// Failures come again after a fifth of a second rather than a whole one: nobody likes to wait for a demo.
const BACKOFF: Backoff = Backoff { min: Duration::from_millis(200), max: Duration::from_secs(5) };

/// Runs the demo.
///
/// # Errors
/// If the pipeline can't start or an example is not accepted.
pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    crate::logging::init(&args.log, None)?;
    let directory = tempfile::tempdir().context("no temporary directory can be made for the demo's database")?;
    let config = config(args, directory.path());
    ensure_loopback_or_keys(config.listen, &config.access)?;
    runtime()?.block_on(async {
        let shutdown = Shutdown::on_signal_within(config.stop_within)?;
        let listener = listen(config.listen)?;
        let address = listener.local_addr()?;
        let pipeline = Pipeline::open(&config).await?;
        let embedded = pipeline.embedded.clone();
        let (stop, stopped) = Shutdown::manual();
        let serving = tokio::spawn(pipeline.run(listener, stopped));

        let fates = tokio::select! {
            fates = meet_fates(address, &embedded) => Some(fates?),
            () = shutdown.clone().requested() => None,
        };
        let done = fates.as_ref().is_some_and(|fates| fates.iter().all(Fate::is_known));
        if let Some(fates) = &fates {
            output::say(table(fates));
            if !args.exit {
                output::say(format!(
                    "Still serving: watch it at http://{address}/console (API: /docs). Ctrl-C stops and forgets everything."
                ));
                shutdown.requested().await;
            }
        }
        stop.send_replace(true);
        drop(embedded);
        serving.await.context("the pipeline broke")?;
        Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn config(args: &DemoArgs, data: &Path) -> Config {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
    Config {
        listen: args.listen.unwrap_or(if args.exit { free } else { usual }),
        data: data.to_owned(),
        durability: Durability::Full,
        triggers: orderflow_embedded::Triggers::default(),
        backlog_limit: 1000,
        rate_limit: const { NonZeroU32::new(1000).expect("not zero") },
        access: producer::auth::Access::Open,
        examples: true,
        smtp: None,
        stripe_key: None,
        log_format: None,
        log: args.log.clone(),
        retries: workers::Settings { backoff: BACKOFF, ..workers::Settings::default() },
        reconcile: Schedule::never(),
        http: Limits::default(),
        stop_within: STOP_WITHIN,
    }
}

/// What became of an example.
struct Fate {
    name: &'static str,
    id: String,
    verdict: Option<String>,
    steps: Vec<String>,
}

impl Fate {
    const fn is_known(&self) -> bool {
        self.verdict.is_some()
    }
}

/// What the API says of an order, as far as the table shows it.
#[derive(Deserialize)]
struct OrderView {
    status: String,
    reason: Option<String>,
    total: Option<orders::Money>,
    placed_at: jiff::Timestamp,
    timeline: Vec<StepView>,
}

#[derive(Deserialize)]
struct StepView {
    step: String,
    at: jiff::Timestamp,
    outcome: String,
    attempts: u32,
}

async fn meet_fates(address: SocketAddr, embedded: &Embedded) -> Result<Vec<Fate>> {
    let client = Client::new();
    let url = format!("http://{address}/orders");
    let mut fates = Vec::new();
    for example in &EXAMPLES {
        let (name, id) = match example {
            Example::Order { name, body, times } => (*name, post(&client, &url, name, body, *times).await?),
            Example::Poison { name, body } => {
                let message = Outgoing { body: body.trim().to_string(), ..Outgoing::default() };
                embedded.queues().send(Queue::Payments.into(), message).await?;
                (*name, String::new())
            }
        };
        fates.push(Fate { name, id, verdict: None, steps: Vec::new() });
    }
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && !fates.iter().all(Fate::is_known) {
        for fate in fates.iter_mut().filter(|fate| !fate.is_known()) {
            match fate.id.is_empty() {
                true => look_for_dead_letter(embedded, fate)?,
                false => look_at_order(&client, &url, fate).await?,
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(fates)
}

/// Posts the order; more than once, it must be the same order.
async fn post(client: &Client, url: &str, name: &str, body: &'static str, times: usize) -> Result<String> {
    let mut id = String::new();
    for time in 0..times {
        let request = client.post(url).header("Content-Type", "application/json").header("Idempotency-Key", name);
        let response = request.body(body).send().await.with_context(|| format!("{name} can't be posted"))?;
        let status = response.status();
        let answer: Value = response.json().await?;
        ensure!(status == StatusCode::ACCEPTED, "{name} was not accepted: {status} {answer}");
        let order_id = answer["order_id"].as_str().unwrap_or_default();
        ensure!(time == 0 || id == order_id, "{name} became two orders");
        order_id.clone_into(&mut id);
    }
    Ok(id)
}

async fn look_at_order(client: &Client, url: &str, fate: &mut Fate) -> Result<()> {
    let order: OrderView = client.get(format!("{url}/{}", fate.id)).send().await?.error_for_status()?.json().await?;
    // The status is final before its mail is away; the story ends with the mail.
    let ended = order.timeline.iter().any(|step| CLOSING.contains(&step.step.as_str()));
    fate.verdict = match (order.status.as_str(), &order.reason, order.total) {
        _ if !ended => None,
        ("confirmed", _, Some(total)) => Some(format!("confirmed, {total}")),
        ("rejected", Some(reason), _) => Some(format!("rejected: {reason}")),
        _ => None,
    };
    let step = |step: &StepView| {
        let after = step.at.duration_since(order.placed_at).as_millis();
        let tries = if step.attempts > 1 { format!(", attempt {}", step.attempts) } else { String::new() };
        format!("{after:>5} ms  {} -> {}{tries}", step.step, step.outcome)
    };
    fate.steps = order.timeline.iter().map(step).collect();
    Ok(())
}

fn look_for_dead_letter(embedded: &Embedded, fate: &mut Fate) -> Result<()> {
    if let Some(letter) = embedded.dead_letters(Queue::Payments, None, 1)?.first() {
        let attributes = letter.attributes();
        let cause: DeadLetter =
            serde_json::from_str(attributes.get(DEAD_LETTER).context("a dead letter without a cause")?)?;
        fate.verdict = Some(format!("dead-lettered: {}", cause.error));
        fate.steps = vec![format!("in payments-dlq: {}", cause.cause)];
    }
    Ok(())
}

fn table(fates: &[Fate]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["Example", "Fate", "Steps, and when after the post"]);
    for fate in fates {
        let verdict = fate.verdict.as_deref().unwrap_or("unknown after a minute");
        let steps = fate.steps.join("\n");
        table.add_row([
            Cell::new(format!("{}\n{}", fate.name, fate.id).trim_end()),
            Cell::new(verdict),
            Cell::new(steps),
        ]);
    }
    table
}
