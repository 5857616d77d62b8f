//! Pictures for the documentation, and to look at.

use std::sync::Arc;

use asl_graph::traffic::{Load, Rate};
use asl_graph::{EdgeKind, Layout, Overlay, Theme, Traffic, statuses, svg};
use statemachine::Definition;

use super::{Answer, Story, order};

/// A picture's name, and how it is drawn.
type Picture = (&'static str, fn() -> String);

/// All of them. Those called graph are in docs/, made by `cargo xtask picture`.
pub const PICTURES: [Picture; 7] = [
    ("graph", || drawn(&order(), Overlay::Definition)),
    ("graph-compensation", || {
        told(Story::start(&order()).answer([
            Answer::Done(310),
            Answer::Fails("PaymentDeclined", 1_400),
            Answer::Done(95),
            Answer::Done(40),
            Answer::Done(510),
        ]))
    }),
    ("graph-traffic", || drawn(&order(), Overlay::Traffic(&traffic()))),
    ("confirmed", || told(Story::start(&order()).answer([Answer::Done(310), Answer::Done(1_900), Answer::Done(420)]))),
    ("running", || told(Story::start(&order()).answer([Answer::Done(310)]).pass(2_600))),
    ("retrying", || {
        told(Story::start(&order()).answer([Answer::Done(310), Answer::Fails("SQS.SdkClientException", 20)]).pass(400))
    }),
    ("shipping", || drawn(&shipping(), Overlay::Definition)),
];

/// Every kind of state that the engine runs, a loop, and branches in branches.
pub fn shipping() -> Arc<Definition> {
    Arc::new(Definition::parse(include_str!("../shipping.asl.json")).unwrap())
}

fn drawn(definition: &Definition, overlay: Overlay<'_>) -> String {
    svg(&Layout::of(definition), overlay, Theme::Auto)
}

fn told(story: &Story) -> String {
    drawn(&order(), Overlay::Execution(&statuses(&order(), &story.history, story.now)))
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
