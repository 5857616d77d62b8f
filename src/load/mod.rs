//! `orderflow load`: what was asked for, how it goes, what came of it. The load itself is in `ops::load`.

pub mod args;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use ops::load::{self, Latency, Load, LoadError, Pace, Plan, Progress, Report, Target, Until};

use crate::config::ops_key;
use crate::load::args::LoadArgs;
use crate::ops::show::{self, Mood};
use crate::ops::{LEFT, STOPPED};
use crate::shutdown::Shutdown;

/// Runs a load, shows the report, and says by the exit code whether it held.
///
/// # Errors
/// If it can't be run; nothing is known of the service then.
pub fn run(args: &LoadArgs) -> Result<ExitCode> {
    // One thread: the driver shares the machine with what it drives.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let load = args.load();
    let plan = Plan {
        target: Target::new(&args.url, ops_key(args.config.as_deref())?.as_deref())?,
        load,
        mix: args.mix.clone(),
        assertions: args.assertions.clone(),
        patience: args.patience,
        description: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
    };
    let bar = bar(&load);
    let report = runtime.block_on(async {
        let stop = Shutdown::on_signal().context("Ctrl-C can't be caught")?;
        anyhow::Ok(load::run(&plan, &stop.flag(), &mut |progress| tell(&bar, &load, progress)).await)
    })?;
    bar.finish_and_clear();
    let report = match report {
        Err(stopped @ LoadError::Stopped) => {
            eprintln!("orderflow: {stopped}");
            return Ok(STOPPED.into());
        }
        report => report?,
    };
    if args.json {
        show::json(&report)?
    } else {
        say(&report)
    }
    // Last: what was measured is shown, whatever becomes of the page.
    if let Some(path) = &args.html {
        std::fs::write(path, load::page(&report)?).with_context(|| format!("{} can't be written", path.display()))?;
    }
    Ok(match &report {
        report if !report.reconciles() => ExitCode::FAILURE,
        Report { stopped: true, .. } => STOPPED.into(),
        report if !report.holds() => LEFT.into(),
        _ => ExitCode::SUCCESS,
    })
}

/// As long as what is to be sent; a closed loop over time is as long as that.
fn bar(load: &Load) -> ProgressBar {
    let bar = ProgressBar::new(match load {
        Load::Open { arrivals, .. } => arrivals.count(),
        Load::Closed { until: Until::Orders(orders), .. } => *orders,
        Load::Closed { until: Until::Time(time), .. } => time.as_secs(),
    });
    // The template is ours and valid; without it the bar looks plainer.
    let style = ProgressStyle::with_template("{bar:20} {elapsed}  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn tell(bar: &ProgressBar, load: &Load, progress: &Progress) {
    let Progress { elapsed, sent, accepted, over, errors, accept_p99, end_to_end_p99 } = progress;
    match load {
        Load::Closed { until: Until::Time(_), .. } => bar.set_position(elapsed.as_secs()),
        _ => bar.set_position(*sent),
    }
    bar.set_message(format!(
        "sent {sent}, accepted {accepted}, ended {over}, failed {errors}; p99 accept {accept_p99:.1} ms, good end to end {end_to_end_p99:.1} ms"
    ));
}

fn say(report: &Report) {
    let Report { sent, accepted, confirmed, rejected, dead_lettered, throughput, .. } = report;
    let took = Duration::from_secs_f64(report.seconds);
    show::say(format!(
        "{sent} orders sent, {accepted} accepted: {confirmed} confirmed, {rejected} rejected, {dead_lettered} dead-lettered, in {took:.1?}: \
         {throughput:.0} orders/s"
    ));
    if let Some(shortfall) = report.pace.as_ref().and_then(Pace::shortfall) {
        show::say(format!("The load was lighter than asked for: {shortfall}"));
    }
    show::say(latencies(report));
    for (how, count) in &report.errors {
        show::say(format!("failed: {count} x {how}"));
    }
    if let Some(why) = &report.unread {
        show::say(format!("The books could not be read ({why}); this is what was heard while the load ran"));
    }
    let mood = |holds| if holds { Mood::Good } else { Mood::Bad };
    let plain = |text: String| show::cell(text, Mood::Plain);
    let verdict = |holds| show::cell(if holds { "ok" } else { "MISMATCH" }, mood(holds));
    let mut books = show::table(["The books", "Should be", "Are", ""]);
    for check in &report.checks {
        let cells = [check.what.to_owned(), check.expected.to_string(), check.found.to_string()].map(plain);
        books.add_row(cells.into_iter().chain([verdict(check.holds())]));
    }
    show::say(books);
    for what in &report.unchecked {
        show::say(format!("not checked: {what}"));
    }
    if report.assertions.is_empty() {
        return;
    }
    let mut thresholds = show::table(["Threshold", "Measured", ""]);
    for judged in &report.assertions {
        let measured = judged.measured.map_or_else(|| "nothing".to_owned(), |measured| format!("{measured:.2}"));
        let holds = show::cell(if judged.holds { "holds" } else { "DOES NOT HOLD" }, mood(judged.holds));
        thresholds.add_row([plain(judged.assertion.clone()), plain(measured), holds]);
    }
    show::say(thresholds);
}

fn latencies(report: &Report) -> comfy_table::Table {
    let mut table = show::table(["ms from when due", "Orders", "p50", "p90", "p99", "p99.9", "max"]);
    let kinds = report.by_kind.iter().map(|(kind, latency)| (format!("  {}", kind.name()), latency));
    let all = [("accepted".to_owned(), &report.accept), ("end to end".to_owned(), &report.end_to_end)];
    for (name, Latency { count, p50, p90, p99, p999, max, .. }) in all.into_iter().chain(kinds) {
        let times = [p50, p90, p99, p999, max].map(|ms| format!("{ms:.2}"));
        table.add_row([name, count.to_string()].into_iter().chain(times));
    }
    table
}
