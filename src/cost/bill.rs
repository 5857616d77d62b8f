//! What is billed for a happy order and for a month, line by line, for the design we have and for those we could have.
//!
//! What the designs share is the HTTP API, the tables, the mail, the `orders` queue and the work itself; they differ in what
//! carries an order from step to step.

use serde::Serialize;

use super::data::Data;
use super::dynamodb;

const GIB: f64 = (1 << 30) as f64;
/// SQS bills a request for each 64 KiB of a message.
const SQS_CHUNK: u64 = 64 * 1024;
/// 30 days.
const MONTH_SECONDS: f64 = 30.0 * 86400.0;
/// The functions that do the steps.
const STEPS: [&str; 3] = ["inventory", "payment", "email"];

/// A design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Ours: a Standard workflow that puts each step into a queue.
    Standard,
    /// An Express workflow that invokes each step's function.
    Express,
    /// One Lambda durable function, a checkpoint after each step.
    DurableFunction,
    /// One function that does all steps in one invocation, and keeps its progress only in the order.
    SingleFunction,
}

/// Where a line's quantity is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// From counts of the emulator's run alone.
    Counted,
    /// Also from an assumption.
    Assumed,
}

/// A line of the bill.
#[derive(Debug, Serialize)]
pub struct Line {
    pub service: &'static str,
    pub what: &'static str,
    /// The name of its price.
    pub price: &'static str,
    /// In the price's units.
    pub quantity: f64,
    pub basis: Basis,
}

impl Line {
    pub fn usd(&self, data: &Data) -> f64 {
        let price = data.price(self.price);
        self.quantity * price.usd / price.per
    }
}

impl Design {
    pub const ALL: [Self; 4] = [Self::Standard, Self::Express, Self::DurableFunction, Self::SingleFunction];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard workflow, steps behind queues (ours)",
            Self::Express => "Express workflow, steps invoked",
            Self::DurableFunction => "Lambda durable function",
            Self::SingleFunction => "single Lambda function",
        }
    }

    /// Whether it has a queue for each step, and not only `orders`.
    const fn queues_steps(self) -> bool {
        matches!(self, Self::Standard)
    }

    /// Invocations of an order that no queue triggers: the POST, and what a workflow invokes.
    const fn direct_invocations(self) -> f64 {
        match self {
            Self::Express => 1.0 + STEPS.len() as f64,
            Self::Standard | Self::DurableFunction | Self::SingleFunction => 1.0,
        }
    }

    /// The bytes of an order's message in each queue.
    fn messages(self, data: &Data) -> Vec<u64> {
        let queues = data.calls.message_bytes.iter().filter(|(name, _)| self.queues_steps() || *name == "OrdersQueue");
        queues.map(|(_, bytes)| *bytes).collect()
    }

    /// What an order costs.
    pub fn per_order(self, data: &Data) -> Vec<Line> {
        let calls = &data.calls;
        let messages = self.messages(data);
        let sent = messages.iter().map(|bytes| bytes.div_ceil(SQS_CHUNK)).sum::<u64>() as f64;
        let batches = messages.len() as f64 / data.assumed("records_per_batch");
        let invocations = self.direct_invocations() + batches;
        let seconds = milliseconds(data, calls.count("")) / 1000.0;
        let logged: u64 = calls.functions.values().map(|function| function.log_bytes).sum();
        let logged = logged as f64 + invocations * data.assumed("lambda_log_bytes");
        let order = calls.functions["email"].order_bytes as f64 + 100.0;
        let stored = order + data.assumed("index_writes") * data.assumed("index_bytes");
        let traces = data.assumed("traces_per_order") * data.assumed("traces_sampled");
        let writes = dynamodb::write_units(calls, data.assumed("index_writes"));

        let mut lines = vec![
            counted("API Gateway", "the POST", "api_gateway.http_request", 1.0),
            counted("SES", "the mail", "ses.mail", calls.count("SESv2.SendEmail").into()),
            counted("DynamoDB", "writes", "dynamodb.write", writes),
            counted("DynamoDB", "reads", "dynamodb.read", dynamodb::read_units(calls)),
            assumed("DynamoDB", "an order kept for a month", "dynamodb.storage_gb_month", stored / GIB),
            assumed("DynamoDB", "its backup", "dynamodb.backup_gb_month", order / GIB),
            counted("SQS", "messages sent", "sqs.request", sent),
            assumed("SQS", "receives and deletes of Lambda", "sqs.request", 2.0 * batches),
            assumed("Lambda", "invocations", "lambda.request", invocations),
            assumed("Lambda", "time", "lambda.arm_gb_second", seconds * data.assumed("memory_mb") / 1024.0),
            assumed("CloudWatch", "the functions' logs", "cloudwatch.log_gb", logged / GIB),
            assumed("CloudWatch", "the access log", "cloudwatch.log_gb", data.assumed("access_log_bytes") / GIB),
            assumed("X-Ray", "traces", "xray.trace", traces),
        ];
        lines.extend(self.orchestration(data));
        lines
    }

    fn orchestration(self, data: &Data) -> Vec<Line> {
        let states = data.calls.states_entered.len() as f64;
        let events = states * data.assumed("execution_events_per_state") + 2.0;
        let log_gb = events * data.assumed("execution_event_bytes") / GIB;
        let log = assumed("CloudWatch", "the executions' log", "cloudwatch.log_gb", log_gb);
        let operations = data.assumed("durable_operations");
        let written_gb = operations * data.assumed("durable_bytes") / GIB;
        let gb_months = written_gb * data.assumed("durable_months");
        match self {
            Self::Standard => {
                vec![counted("Step Functions", "state transitions", "step_functions.transition", states), log]
            }
            Self::Express => vec![
                counted("Step Functions", "the execution", "step_functions.express_request", 1.0),
                assumed("Step Functions", "its time", "step_functions.express_gb_second", express_gb_seconds(data)),
                log,
            ],
            Self::DurableFunction => vec![
                assumed("Lambda", "durable operations", "lambda.durable_operation", operations),
                assumed("Lambda", "checkpoints written", "lambda.durable_gb_written", written_gb),
                assumed("Lambda", "checkpoints kept", "lambda.durable_gb_month", gb_months),
            ],
            Self::SingleFunction => Vec::new(),
        }
    }

    /// What a month costs, however many orders there are.
    pub fn per_month(self, data: &Data) -> Vec<Line> {
        let pollers = self.messages(data).len() as f64 * data.assumed("pollers_per_queue");
        let polls = pollers * MONTH_SECONDS / data.assumed("poll_seconds");
        let metrics = data.calls.metrics.len() as f64;
        vec![
            counted("CloudWatch", "custom metrics of happy orders", "cloudwatch.metric", metrics),
            counted("CloudWatch", "alarms", "cloudwatch.alarm", data.calls.alarms.into()),
            counted("CloudWatch", "the dashboard", "cloudwatch.dashboard", 1.0),
            assumed("SQS", "receives of idle pollers, at most", "sqs.request", polls),
            assumed("X-Ray", "a trace a second, at most", "xray.trace", MONTH_SECONDS),
        ]
    }
}

/// How long functions run that make so many calls to AWS, the payment's among them.
fn milliseconds(data: &Data, calls: u32) -> f64 {
    f64::from(calls) * data.assumed("milliseconds_per_call") + data.assumed("gateway_milliseconds")
}

/// An Express execution's time is that of its functions and its states, rounded up to 100 ms.
fn express_gb_seconds(data: &Data) -> f64 {
    let calls = |name: &str| -> u32 { data.calls.functions[name].calls.values().sum() };
    let states = STEPS.len() as f64 * data.assumed("express_milliseconds_per_state");
    let time = milliseconds(data, STEPS.map(calls).iter().sum()) + states;
    (time / 100.0).ceil() / 10.0 * data.assumed("express_mb") / 1024.0
}

const fn counted(service: &'static str, what: &'static str, price: &'static str, quantity: f64) -> Line {
    Line { service, what, price, quantity, basis: Basis::Counted }
}

const fn assumed(service: &'static str, what: &'static str, price: &'static str, quantity: f64) -> Line {
    Line { service, what, price, quantity, basis: Basis::Assumed }
}

/// What lines cost together.
pub fn total(lines: &[Line], data: &Data) -> f64 {
    lines.iter().map(|line| line.usd(data)).sum()
}

/// What lines cost by service, the dearest first.
pub fn by_service(lines: &[Line], data: &Data) -> Vec<(&'static str, f64)> {
    let mut services = Vec::<(&'static str, f64)>::new();
    for line in lines {
        match services.iter_mut().find(|(service, _)| *service == line.service) {
            Some((_, usd)) => *usd += line.usd(data),
            None => services.push((line.service, line.usd(data))),
        }
    }
    services.sort_by(|one, other| other.1.total_cmp(&one.1));
    services
}
