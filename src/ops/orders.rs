//! `orders`.

use std::process::ExitCode;

use anyhow::Result;
use ops::{Moment, OrderStory, OrderSummary};
use orders::Status;
use orders::ports::OrderFilter;

use super::args::{OrdersArgs, OrdersCommand};
use super::{pages, show};

pub async fn run(args: &OrdersArgs) -> Result<ExitCode> {
    let operations = args.connection.operations().await?;
    let json = args.connection.json;
    match &args.command {
        OrdersCommand::Ls { status, customer, storefront, limit } => {
            let filter = OrderFilter { status: *status, customer: customer.clone(), storefront: storefront.clone() };
            let (orders, more) = pages::collect(*limit, async |page| operations.orders(&filter, &page).await).await?;
            if json { show::json(&orders)? } else { table(&orders, more) }
        }
        OrdersCommand::Show { id } => {
            let story = operations.order(id).await?;
            if json { show::json(&story)? } else { tell(&story) }
        }
        OrdersCommand::Cancel { id } => {
            let order = operations.cancel(id).await?;
            if json {
                show::json(&order)?;
            } else {
                show::say(format!("{id} is {}; its next step heeds the cancel", order.status));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

const fn mood(status: Status) -> show::Mood {
    match status {
        Status::Confirmed => show::Mood::Good,
        Status::Rejected => show::Mood::Bad,
        _ => show::Mood::Plain,
    }
}

fn table(orders: &[OrderSummary], more: bool) {
    let mut table = show::table(["Order", "Status", "Reason", "Total", "Customer", "Storefront", "Placed"]);
    for order in orders {
        let plain = |text: String| show::cell(text, show::Mood::Plain);
        table.add_row([
            plain(order.order_id.to_string()),
            show::cell(order.status, mood(order.status)),
            plain(show::or_dash(order.reason)),
            plain(show::or_dash(order.total)),
            plain(order.customer.to_string()),
            plain(order.storefront.to_string()),
            plain(show::time(order.placed_at)),
        ]);
    }
    show::say(table);
    if more {
        show::say("There are more: --limit shows more.");
    }
}

fn tell(story: &OrderStory) {
    let OrderStory { order, trace_id, execution, timeline, .. } = story;
    let reason = order.reason.map_or(String::new(), |reason| format!(": {reason}"));
    show::say(format!("{} is {}{reason}, {}", order.order_id, order.status, show::or_dash(order.total)));
    show::say(format!("customer {}, storefront {}, trace {trace_id}", order.customer, order.storefront));
    if let Some(execution) = execution {
        let states = execution.current_states.join(", ");
        show::say(format!(
            "execution {}{}",
            execution.status,
            if states.is_empty() { states } else { format!(" in {states}") }
        ));
    }
    let mut table = show::table(["When", "After", "Who knows", "What", ""]);
    for Moment { at, source, what, detail } in timeline {
        let after = at.duration_since(order.placed_at).as_millis();
        table.add_row([at.to_string(), format!("{after} ms"), source.clone(), what.clone(), detail.clone()]);
    }
    show::say(table);
}
