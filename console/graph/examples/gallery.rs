//! Writes the pictures of the documentation: `cargo run -p asl-graph --example gallery -- docs`.

#[path = "../tests/story/mod.rs"]
mod story;

use std::path::PathBuf;
use std::sync::Arc;

use asl_graph::traffic::{Load, Rate};
use asl_graph::{EdgeKind, Layout, Overlay, Theme, Traffic, statuses, svg};
use statemachine::Definition;
use story::{Answer, Story, order};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("which folder?")?);
    let order = order();
    let layout = Layout::of(&order);
    let write = |name: &str, drawing: String| std::fs::write(folder.join(name), drawing);
    let told = |definition: &Arc<Definition>, story: &mut Story| {
        let execution = statuses(definition, &story.history, story.now);
        svg(&Layout::of(definition), Overlay::Execution(&execution), Theme::Auto)
    };

    write("graph.svg", svg(&layout, Overlay::Definition, Theme::Auto))?;
    let confirmed = [Answer::Done(310), Answer::Done(1_900), Answer::Done(420)];
    write("graph-confirmed.svg", told(&order, Story::start(&order).answer(confirmed)))?;
    let declined = [Answer::Done(310), Answer::Fails("PaymentDeclined", 1_400), Answer::Done(95), Answer::Done(40)];
    write("graph-declined.svg", told(&order, Story::start(&order).answer(declined).answer([Answer::Done(510)])))?;
    write("graph-running.svg", told(&order, Story::start(&order).answer([Answer::Done(310)]).pass(2_600)))?;
    let retrying = [Answer::Done(310), Answer::Fails("SQS.SdkClientException", 20)];
    write("graph-retrying.svg", told(&order, Story::start(&order).answer(retrying).pass(400)))?;
    write("graph-traffic.svg", svg(&layout, Overlay::Traffic(&traffic()), Theme::Auto))?;

    let shipping = Arc::new(Definition::parse(include_str!("../tests/shipping.asl.json"))?);
    write("graph-shipping.svg", svg(&Layout::of(&shipping), Overlay::Definition, Theme::Auto))?;
    Ok(())
}

/// A busy day on which the mail server is in trouble.
fn traffic() -> Traffic {
    let rate = |from: Option<&str>, to: Option<&str>, kind, per_minute| Rate {
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        kind,
        per_minute,
    };
    let load = |name: &str, now, failed| (name.to_owned(), Load { now, failed });
    Traffic {
        states: [
            load("ReserveInventory", 12, 0),
            load("ChargePayment", 48, 0),
            load("SendConfirmation", 1_204, 37),
            load("RefundPayment", 3, 0),
            load("CloseOrder", 1, 0),
        ]
        .into(),
        edges: vec![
            rate(None, Some("ReserveInventory"), EdgeKind::Start, 212.0),
            rate(Some("ReserveInventory"), Some("ChargePayment"), EdgeKind::Next, 198.0),
            rate(Some("ReserveInventory"), Some("ReleaseInventory"), EdgeKind::Catch, 14.0),
            rate(Some("ChargePayment"), Some("SendConfirmation"), EdgeKind::Next, 190.0),
            rate(Some("ChargePayment"), Some("RefundPayment"), EdgeKind::Catch, 8.2),
            rate(Some("SendConfirmation"), None, EdgeKind::End, 151.0),
            rate(Some("SendConfirmation"), Some("CloseOrder"), EdgeKind::Catch, 2.4),
            rate(Some("RefundPayment"), Some("ReleaseInventory"), EdgeKind::Next, 8.1),
            rate(Some("ReleaseInventory"), Some("NotifyRejected"), EdgeKind::Next, 22.0),
            rate(Some("NotifyRejected"), None, EdgeKind::End, 22.0),
        ],
    }
}
