//! `status`, `queues` and `gateway`.

use std::process::ExitCode;

use anyhow::Result;
use comfy_table::Table;
use ops::PipelineStatus;
use orders::ports::ops::QueueDepth;

use super::args::{GatewayArgs, StatusArgs, Switch};
use super::show;

pub async fn status(args: &StatusArgs) -> Result<ExitCode> {
    let status = args.connection.operations().await?.status().await?;
    if args.connection.json {
        show::json(&status)?;
    } else {
        let PipelineStatus { backlog, in_flight, dead_letters, unsuccessful, .. } = status;
        let mut table = show::table(["Pipeline", "Now"]);
        table.add_row([show::cell("backlog", show::Mood::Plain), show::cell(backlog, show::Mood::Plain)]);
        table.add_row([show::cell("in flight", show::Mood::Plain), show::cell(in_flight, show::Mood::Plain)]);
        let oldest = show::or_dash(status.oldest_sent_at.map(show::age));
        table.add_row([show::cell("oldest message", show::Mood::Plain), show::cell(oldest, show::Mood::Plain)]);
        table.add_row([show::cell("dead letters", show::Mood::Plain), show::count(dead_letters)]);
        table.add_row([show::cell("failed executions", show::Mood::Plain), show::count(unsuccessful)]);
        let rates = format!("{:.1}/s started, {:.1}/s ended", status.started_per_second, status.ended_per_second);
        table.add_row([show::cell("executions", show::Mood::Plain), show::cell(rates, show::Mood::Plain)]);
        show::say(table);
        show::say(depths(&status.queues));
        if !status.causes.is_empty() {
            show::say(super::dlq::causes(&status.causes));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn queues(args: &StatusArgs) -> Result<ExitCode> {
    let queues = args.connection.operations().await?.queues().await?;
    if args.connection.json {
        show::json(&queues)?
    } else {
        show::say(depths(&queues))
    }
    Ok(ExitCode::SUCCESS)
}

fn depths(queues: &[QueueDepth]) -> Table {
    let mut table = show::table(["Queue", "Visible", "In flight", "Delayed", "Oldest"]);
    for depth in queues {
        let plain = |text: String| show::cell(text, show::Mood::Plain);
        let visible =
            if depth.queue.dead_letters { show::count(depth.visible) } else { plain(depth.visible.to_string()) };
        table.add_row([
            plain(depth.queue.to_string()),
            visible,
            plain(depth.in_flight.to_string()),
            plain(depth.delayed.to_string()),
            plain(show::or_dash(depth.oldest_sent_at.map(show::age))),
        ]);
    }
    table
}

pub async fn gateway(args: &GatewayArgs) -> Result<ExitCode> {
    let down = args.switch.map(|switch| switch == Switch::Down);
    let gateway = args.connection.client()?.gateway(down).await?;
    if args.connection.json {
        show::json(&gateway)?;
    } else {
        let is_down = gateway["down"].as_bool().unwrap_or_default();
        show::say(format!("the simulated gateway is {}", if is_down { "down" } else { "up" }));
    }
    Ok(ExitCode::SUCCESS)
}
