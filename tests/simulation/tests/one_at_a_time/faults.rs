//! Every fault at every port call.

use orders::order::Content;
use orders::{Currency, Money, OrderId, Reason, RejectReason, Status};

use simulation::memory::faults::{FAULTS, Fault};
use simulation::memory::mailer::DEAD_ADDRESS;
use simulation::world::{PRICE, World};

/// An order, and the only fates it may meet.
struct Scenario {
    name: &'static str,
    change: fn(&mut Content),
    fates: &'static [(Status, Option<RejectReason>)],
    /// The customer cancels when so many port calls were made.
    cancel: bool,
}

const CONFIRMED: (Status, Option<RejectReason>) = (Status::Confirmed, None);

const fn rejected(reason: RejectReason) -> (Status, Option<RejectReason>) {
    (Status::Rejected, Some(reason))
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "good", change: |_| {}, fates: &[CONFIRMED], cancel: false },
    Scenario {
        name: "declined",
        change: |content| content.payment_method = "pm_card_chargeDeclined".into(),
        fates: &[rejected(RejectReason::PaymentDeclined)],
        cancel: false,
    },
    Scenario {
        name: "no such payment method",
        change: |content| content.payment_method = "cash".into(),
        fates: &[rejected(RejectReason::PaymentInvalid)],
        cancel: false,
    },
    Scenario {
        name: "out of stock",
        change: |content| content.lines[0].quantity = 11,
        fates: &[rejected(RejectReason::OutOfStock)],
        cancel: false,
    },
    Scenario {
        name: "price changed",
        change: |content| content.expected_total = Some(Money::new(PRICE, Currency::EUR)),
        fates: &[rejected(RejectReason::PriceChanged)],
        cancel: false,
    },
    Scenario {
        name: "dead address",
        change: |content| content.customer.email = DEAD_ADDRESS.into(),
        fates: &[CONFIRMED],
        cancel: false,
    },
    Scenario {
        name: "cancelled",
        change: |_| {},
        fates: &[CONFIRMED, rejected(RejectReason::Cancelled)],
        cancel: true,
    },
];

/// Runs the scenario with the faults; returns how many port calls it made.
async fn play(scenario: &Scenario, plan: &[(usize, Fault)], cancel_after: Option<usize>) -> usize {
    let world = World::new();
    let id = world.post("order", scenario.change).await;
    let start = world.faults.calls();
    world.faults.plan(plan.iter().map(|(call, fault)| (start + call, *fault)));
    let mut granted = None;
    while world.turn().await {
        if granted.is_none() && cancel_after.is_some_and(|calls| world.faults.calls() - start >= calls) {
            granted = Some(world.cancel(&id).await);
        }
    }
    world.run().await;
    if let (None, Some(_)) = (granted, cancel_after) {
        granted = Some(world.cancel(&id).await);
    }
    let calls = world.faults.calls() - start;
    judge(scenario, &world, &id, granted);
    calls
}

fn judge(scenario: &Scenario, world: &World, id: &OrderId, granted: Option<bool>) {
    world.check(id);
    let progress = world.order(id).progress;
    let reason = match progress.reason {
        None => None,
        Some(Reason::Business(reason)) => Some(reason),
        Some(Reason::TechnicalFailure) => panic!("{}: a technical failure, though every fault passed", scenario.name),
    };
    let fate = (progress.status, reason);
    assert!(scenario.fates.contains(&fate), "{}: {fate:?}", scenario.name);
    // A cancel that was granted is kept, and one that was refused had no effect.
    if let Some(granted) = granted {
        assert_eq!(granted, progress.status == Status::Rejected, "{}: granted {granted}, but {fate:?}", scenario.name);
    }
}

#[tokio::test(start_paused = true)]
async fn any_one_fault_at_any_port_call_leaves_money_stock_and_status_in_agreement() {
    for scenario in SCENARIOS {
        let cancels: Vec<Option<usize>> = if scenario.cancel { (0..30).map(Some).collect() } else { vec![None] };
        for cancel_after in cancels {
            let calls = play(scenario, &[], cancel_after).await;
            for call in 0..calls {
                for fault in FAULTS {
                    play(scenario, &[(call, fault)], cancel_after).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_two_faults_leave_money_stock_and_status_in_agreement() {
    for scenario in SCENARIOS.iter().filter(|scenario| !scenario.cancel) {
        let calls = play(scenario, &[], None).await;
        for first in 0..calls {
            for second in first + 1..calls + 3 {
                for (one, other) in
                    [(Fault::After, Fault::Crash), (Fault::Before, Fault::After), (Fault::After, Fault::After)]
                {
                    play(scenario, &[(first, one), (second, other)], None).await;
                }
            }
        }
    }
}
