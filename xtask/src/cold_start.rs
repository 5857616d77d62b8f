//! How long a function takes from the start of its process to its first response, and what it weighs: each compiled
//! bootstrap against [`RuntimeApi`], beside a function that does nothing, in turns, because the machine is never quiet.
//!
//! Two ways, each in a process of its own: to the response to an event that needs no AWS (all that init does), and to the
//! first call to AWS, when its TLS greeting leaves. Not in here: what Lambda takes before (fetching the zip, the sandbox), and
//! the network. docs/PERFORMANCE.md has the figures.

mod events;
mod runtime_api;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::package::{Target, build, build_nothing, megabytes, zips};
use crate::process::{first_number, memory_mb};
use crate::statistics::{median, percentile};
use events::{environment, events};
use runtime_api::{RuntimeApi, Sign};

const RUNS: usize = 30;
/// For a function that never says anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every function shall keep to.
const MOST_TIMES_NOTHING: f64 = 3.0;
const MOST_MEMORY_MB: f64 = 12.0;
const MOST_ZIP_MB: f64 = 5.0;

const USAGE: &str = "\
usage: cargo xtask cold-start [--json] [--runs N] [FUNCTION=BINARY ...]

Without binaries: builds all functions for x86-64 and compares them with one that does nothing. Fails if one is over its target.
With binaries: compares those as they are with the first, such as two builds: payment=old/payment payment=new/payment";

/// A function and its binary.
struct Function {
    name: String,
    binary: PathBuf,
    zip: Option<PathBuf>,
    response: Vec<Run>,
    call: Vec<Run>,
}

/// One process's start.
struct Run {
    milliseconds: f64,
    /// Of all its threads.
    cpu_milliseconds: f64,
    /// Resident, and at most so far.
    memory_mb: f64,
    peak_mb: f64,
}

/// `cargo xtask cold-start`
pub(crate) fn measure(arguments: &[String]) -> Result<(), String> {
    let (mut runs, mut is_json, mut functions) = (RUNS, false, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), argument.split_once('=')) {
            ("--json", _) => is_json = true,
            ("--runs", _) => runs = arguments.next().and_then(|n| n.parse().ok()).ok_or(USAGE)?,
            (_, Some((name, binary))) => functions.push(Function::new(name, Path::new(binary), None)),
            _ => return Err(USAGE.to_owned()),
        }
    }
    let is_ours = functions.is_empty();
    if is_ours {
        functions = built()?;
    }
    // The first round is for the page cache.
    for round in 0..=runs {
        eprint!("\r{round}/{runs} ");
        // Each is the first as often as any other: who comes after whom makes a difference.
        for turn in 0..functions.len() {
            let at = (round + turn) % functions.len();
            let function = &mut functions[at];
            let (response, call) = function.start_twice()?;
            if round > 0 {
                function.response.push(response);
                function.call.extend(call);
            }
        }
    }
    eprintln!();
    let Some(base) = functions.first().map(|base| median(&times(&base.response))) else { return Err(USAGE.to_owned()) };
    println!("{}", if is_json { json(&functions, base)? } else { table(&functions, base)? });
    if is_ours { within_targets(&functions, base) } else { Ok(()) }
}

fn built() -> Result<Vec<Function>, String> {
    let packages = build(Target::X86_64, &zips()?)?;
    let mut functions = vec![Function::new("nothing", &build_nothing(Target::X86_64)?, None)];
    functions
        .extend(packages.into_iter().map(|package| Function::new(&package.name, &package.binary, Some(package.zip))));
    Ok(functions)
}

impl Function {
    fn new(name: &str, binary: &Path, zip: Option<PathBuf>) -> Self {
        Self { name: name.to_owned(), binary: binary.to_owned(), zip, response: Vec::new(), call: Vec::new() }
    }

    /// To its first response, and to its first call if it makes any.
    fn start_twice(&self) -> Result<(Run, Option<Run>), String> {
        let (quiet, calling) = events(&self.name);
        let response = self.start(&quiet, |sign| matches!(sign, Sign::Response(_)))?;
        let call = calling.map(|event| self.start(&event, |sign| *sign == Sign::Call)).transpose()?;
        Ok((response, call))
    }

    /// Starts a process, waits for the sign, and ends it.
    fn start(&self, event: &str, is_awaited: impl Fn(&Sign) -> bool) -> Result<Run, String> {
        let problem = |what: String| format!("{}: {what}", self.binary.display());
        let api = RuntimeApi::start(event).map_err(|error| problem(error.to_string()))?;
        let mut command = Command::new(&self.binary);
        command.env_clear().envs(environment(api.address())).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().map_err(|error| problem(error.to_string()))?;
        let run = match api.next(PATIENCE) {
            Some((at, sign)) if is_awaited(&sign) => Run::of(&child, at - started),
            other => Err(format!("{:?} instead of what its event should lead to", other.map(|(_, sign)| sign))),
        };
        let output =
            child.kill().and_then(|()| child.wait_with_output()).map_err(|error| problem(error.to_string()))?;
        let said = || String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        run.map_err(|what| problem(format!("{what}\n{}", said())))
    }
}

impl Run {
    fn of(child: &Child, took: Duration) -> Result<Self, String> {
        let process = PathBuf::from(format!("/proc/{}", child.id()));
        let read =
            |path: PathBuf| std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()));
        let [memory_mb, peak_mb] = memory_mb(child.id(), ["VmRSS:", "VmHWM:"])?;
        let threads = std::fs::read_dir(process.join("task")).map_err(|error| error.to_string())?;
        let schedule: Result<Vec<_>, _> =
            threads.flatten().map(|thread| read(thread.path().join("schedstat"))).collect();
        Ok(Self {
            milliseconds: took.as_secs_f64() * 1e3,
            cpu_milliseconds: schedule?.iter().map(|schedule| first_number(schedule)).sum::<f64>() / 1e6,
            memory_mb,
            peak_mb,
        })
    }
}

fn times(runs: &[Run]) -> Vec<f64> {
    runs.iter().map(|run| run.milliseconds).collect()
}

/// What is shown of a function: its name in JSON, above the column, the unit, and the decimals.
const COLUMNS: [(&str, &str, &str, usize); 9] = [
    ("response_ms", "response", "ms", 2),
    ("response_p95_ms", "p95", "ms", 2),
    ("ratio", "ratio", "", 2),
    ("cpu_ms", "CPU", "ms", 2),
    ("rss_mb", "RSS", "MB", 1),
    ("rss_peak_mb", "peak", "MB", 1),
    ("aws_call_ms", "AWS call", "ms", 2),
    ("binary_mb", "binary", "MB", 2),
    ("zip_mb", "zip", "MB", 2),
];

impl Function {
    /// A value for each column; what isn't known is not a number.
    fn row(&self, base: f64) -> Result<[f64; COLUMNS.len()], String> {
        let of = |value: fn(&Run) -> f64| median(&self.response.iter().map(value).collect::<Vec<_>>());
        let response = times(&self.response);
        let zip = self.zip.as_deref().map_or(Ok(f64::NAN), megabytes)?;
        Ok([
            median(&response),
            percentile(&response, 95),
            median(&response) / base,
            of(|run| run.cpu_milliseconds),
            of(|run| run.memory_mb),
            of(|run| run.peak_mb),
            median(&times(&self.call)),
            megabytes(&self.binary)?,
            zip,
        ])
    }
}

fn table(functions: &[Function], base: f64) -> Result<String, String> {
    let heading = |of: fn(&(&'static str, &'static str, &'static str, usize)) -> &'static str| {
        COLUMNS.iter().map(|column| format!("{:>9}", of(column))).collect::<String>()
    };
    let mut table = format!("{:10}{}\n{:10}{}", "", heading(|column| column.1), "", heading(|column| column.2));
    for function in functions {
        table += &format!("\n{:10}", function.name);
        for (value, (.., decimals)) in function.row(base)?.into_iter().zip(COLUMNS) {
            table += &if value.is_nan() { format!("{:>9}", "-") } else { format!("{value:9.decimals$}") };
        }
        table += &format!("  {}", function.binary.display());
    }
    Ok(table)
}

fn json(functions: &[Function], base: f64) -> Result<String, String> {
    let mut objects = Vec::new();
    for function in functions {
        let mut object =
            format!("{{\"function\":{:?},\"binary\":{:?}", function.name, function.binary.display().to_string());
        for (value, (name, ..)) in function.row(base)?.into_iter().zip(COLUMNS) {
            object += &if value.is_nan() { format!(",\"{name}\":null") } else { format!(",\"{name}\":{value:.3}") };
        }
        objects.push(object + "}");
    }
    Ok(format!("[{}]", objects.join(",\n ")))
}

fn within_targets(functions: &[Function], base: f64) -> Result<(), String> {
    let mut over = Vec::new();
    for function in functions {
        let [_, _, ratio, _, _, peak, .., zip] = function.row(base)?;
        let targets = [
            ("times nothing", ratio, MOST_TIMES_NOTHING),
            ("MB of memory", peak, MOST_MEMORY_MB),
            ("MB of zip", zip, MOST_ZIP_MB),
        ];
        for (unit, is, most) in targets {
            if is > most {
                over.push(format!("{}: {is:.2} {unit}, over the target of {most}", function.name));
            }
        }
    }
    if over.is_empty() { Ok(()) } else { Err(over.join("\n")) }
}
