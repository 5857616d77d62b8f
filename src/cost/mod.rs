//! `orderflow cost`: what happy orders cost on AWS, computed from what an order uses and from AWS's prices.
//!
//! Not for a bill: no free tier, no volume discount, and orders that fail cost more. docs/COST.md is this, with its sources.

mod bill;
mod data;
mod dynamodb;
mod markdown;

use std::process::ExitCode;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use self::bill::{Design, Line, by_service, total};
use self::data::{Data, Prices};
use crate::args::CostArgs;
use crate::output;

/// Prints it.
///
/// # Errors
/// If a data file is not what it should be, which a test excludes.
pub fn run(args: &CostArgs) -> Result<ExitCode> {
    let data = Data::embedded()?;
    let text = match args {
        CostArgs { markdown: true, .. } => markdown::page(&data),
        CostArgs { json: true, .. } => format!("{:#}\n", report(&data, args.orders)),
        CostArgs { orders, .. } => tables(&data, *orders),
    };
    output::write(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn report(data: &Data, orders: u64) -> Value {
    let priced = |lines: Vec<Line>, times: f64| -> Vec<Value> {
        let line = |line: Line| json!({ "usd": line.usd(data) * times, "line": line });
        lines.into_iter().map(line).collect()
    };
    let times = orders as f64;
    let design = |design: Design| {
        let (order, month) = (design.per_order(data), design.per_month(data));
        json!({
            "design": design,
            "usd": total(&order, data) * times,
            "usd_per_month": total(&month, data),
            "services": by_service(&order, data).into_iter()
                .map(|(service, usd)| json!({ "service": service, "usd": usd * times })).collect::<Vec<_>>(),
            "lines": priced(order, times),
            "lines_per_month": priced(month, 1.0),
        })
    };
    json!({
        "orders": orders,
        "region": data.prices.region,
        "date": data.prices.date,
        "designs": Design::ALL.map(design),
    })
}

fn tables(data: &Data, orders: u64) -> String {
    let (lines, times) = (Design::Standard.per_order(data), orders as f64);
    let all = total(&lines, data);
    let mut services = table(["Service", "USD", "Share"]);
    for (service, usd) in by_service(&lines, data).into_iter().chain([("Total", all)]) {
        services.add_row([service.to_owned(), dollars(usd * times), format!("{:.0} %", usd / all * 100.0)]);
    }
    let mut designs = table(["Design", "USD", "USD a month"]);
    for design in Design::ALL {
        let month = total(&design.per_month(data), data);
        let usd = total(&design.per_order(data), data) * times;
        designs.add_row([design.name().to_owned(), dollars(usd), dollars(month)]);
    }
    let (orders, Prices { region, date, .. }) = (amount(times), &data.prices);
    format!(
        "{orders} happy orders in {region}, with the prices of {date}:\n{services}\n\
         The same in other designs, and what each costs a month without orders:\n{designs}\n\
         Line by line, with formulas, assumptions and sources: docs/COST.md, or --markdown.\n"
    )
}

fn table(header: [&str; 3]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn dollars(usd: f64) -> String {
    format!("{usd:.2}")
}

/// Whole, with commas, where it is large.
fn amount(value: f64) -> String {
    if value < 1000.0 {
        return if value.fract() == 0.0 { value.to_string() } else { format!("{value:.2}") };
    }
    let digits = format!("{value:.0}");
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests;
