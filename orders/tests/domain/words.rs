//! Identifiers, names on the wire, messages, cursors: what they look like, and what is not one.

use orders::message::{
    EmailMessage, InventoryMessage, Message, OrdersMessage, PaymentMessage, Task, TaskToken, WorkflowState,
};
use orders::order::Content;
use orders::ports::ops::{EntryState, ExecutionStatus, JournalledMessage, QueueDepth};
use orders::ports::{Clock as _, Outgoing, PaymentStatus, SystemClock, Unavailable};
use orders::step::QueueName;
use orders::{
    Done, IdempotencyKey, Line, OrderId, Outcome, Queue, Reason, RejectReason, Retry, Sku, Status, Step, StepError,
    Storefront, TraceId,
};
use serde_json::json;

use crate::shop::{noon, order, sku};

#[test]
fn an_identifier_is_of_its_characters_and_of_its_length() {
    let sku = |text: &str| text.parse::<Sku>().is_ok();
    for good in ["A", "a-b_c.d:9", &"x".repeat(64)] {
        assert!(sku(good), "{good}");
    }
    for bad in ["", " ", "ä", "a b", "a/b", &"x".repeat(65)] {
        assert!(!sku(bad), "{bad}");
    }
    let key = |text: &str| text.parse::<IdempotencyKey>().is_ok();
    assert!(key(" ~") && key(&"k".repeat(255)));
    assert!(!key("") && !key("\u{7f}") && !key("\t") && !key(&"k".repeat(256)));
    let trace = |text: &str| text.parse::<TraceId>().is_ok();
    assert!(trace("0123456789abcdef0123456789abcdef") && trace(&format!("{}1", "0".repeat(31))));
    for bad in ["0".repeat(32), "A".repeat(32), "g".repeat(32), "1".repeat(31), "1".repeat(33)] {
        assert!(!trace(&bad), "{bad}");
    }
    let id = |text: &str| text.parse::<OrderId>().is_ok();
    assert!(id(&format!("ord_{}", "z".repeat(26))));
    for bad in ["i", "l", "o", "u", "Z"] {
        assert!(!id(&format!("ord_{}{bad}", "z".repeat(25))), "{bad}");
    }
    assert!(!id(&"z".repeat(30)) && !id(&format!("ord_{}", "z".repeat(25))));
}

/// These are for ever: an order that was posted under a key is found under it.
#[test]
fn the_id_of_a_storefronts_key_is_for_ever() {
    let id = |storefront: &str, key: &str| {
        OrderId::derive(&storefront.parse::<Storefront>().unwrap(), &key.parse().unwrap()).to_string()
    };
    assert_eq!(id("shop", "my-first-order"), "ord_13868xsk4mt6zjtzfcs0bdrdw5");
    assert_eq!(id("shop", "my-second-order"), "ord_0mz2m70h9d7txjfzff74p7tayd");
    assert_eq!(id("other", "my-first-order"), "ord_3ng471m06ys8kh2eee2r210194");
}

#[test]
fn a_trace_id_is_a_tracing_header_too() {
    let trace: TraceId = "0123456789abcdef0123456789abcdef".parse().unwrap();
    assert_eq!(trace.to_trace_header(), "Root=1-01234567-89abcdef0123456789abcdef");
}

#[test]
fn each_name_on_the_wire_reads_back_and_no_other_does() {
    fn reads_back<T: std::str::FromStr + ToString + PartialEq + std::fmt::Debug + Copy>(all: &[T]) {
        for each in all {
            assert_eq!(each.to_string().parse().ok(), Some(*each));
        }
        assert!("Nonsense".parse::<T>().is_err() && "".parse::<T>().is_err());
    }
    reads_back(Step::ALL);
    reads_back(Status::ALL);
    reads_back(RejectReason::ALL);
    reads_back(Done::ALL);
    reads_back(Queue::ALL);
    let reasons: Vec<Reason> = RejectReason::ALL.iter().copied().map(Reason::Business).collect();
    reads_back(&[reasons, vec![Reason::TechnicalFailure]].concat());
    let declined = RejectReason::ALL.iter().copied().map(PaymentStatus::Declined);
    use PaymentStatus::{Processing, Refunded, RequiresConfirmation, Succeeded, Voided};
    reads_back(&declined.chain([RequiresConfirmation, Processing, Succeeded, Voided, Refunded]).collect::<Vec<_>>());
    let queues = Queue::ALL.iter().flat_map(|queue| [QueueName::from(*queue), QueueName::dlq(*queue)]);
    reads_back(&queues.collect::<Vec<_>>());

    assert_eq!(QueueName::dlq(Queue::Payments).to_string(), "payments-dlq");
    assert_eq!(json!(QueueName::dlq(Queue::Payments)), json!("payments-dlq"));
    assert!(serde_json::from_value::<QueueName>(json!("payments-dlq-dlq")).is_err());
    assert_eq!(serde_json::from_value::<QueueName>(json!("emails")).unwrap(), Queue::Emails.into());
    assert_eq!(json!(Reason::TechnicalFailure), json!("TechnicalFailure"));
    assert_eq!(
        serde_json::from_value::<Reason>(json!("Cancelled")).unwrap(),
        Reason::Business(RejectReason::Cancelled)
    );
    assert!(serde_json::from_value::<Reason>(json!("Tired")).is_err());
    assert_eq!(Outcome::Done(Done::Charged).to_string(), "Charged");
    assert_eq!(Outcome::Rejected(RejectReason::Cancelled).to_string(), "Cancelled");
    assert_eq!(PaymentStatus::Declined(RejectReason::PaymentDeclined).to_string(), "declined:PaymentDeclined");
    let unknown = "x".repeat(65).parse::<Step>().unwrap_err().to_string();
    let steps: Vec<&str> = Step::ALL.iter().map(|step| step.name()).collect();
    assert_eq!(unknown, format!("`{}` is not one of {}", "x".repeat(64), steps.join(", ")));
}

#[test]
fn each_step_is_carried_by_its_workers_queue() {
    let queues: Vec<(Step, Queue)> = Step::ALL.iter().map(|step| (*step, step.queue())).collect();
    assert_eq!(
        queues,
        [
            (Step::Dispatch, Queue::Orders),
            (Step::ReserveInventory, Queue::Inventory),
            (Step::ChargePayment, Queue::Payments),
            (Step::SendConfirmation, Queue::Emails),
            (Step::RefundPayment, Queue::Payments),
            (Step::ReleaseInventory, Queue::Inventory),
            (Step::NotifyRejected, Queue::Emails),
            (Step::CloseOrder, Queue::Orders),
        ]
    );
}

fn task(input: Option<WorkflowState>) -> Task {
    let placed = order(&[("MUG", 1)]).placed;
    Task {
        order_id: placed.id,
        trace_id: placed.trace_id,
        task_token: TaskToken("token".into()),
        entered_at: noon(),
        timeout_seconds: 60,
        input,
    }
}

#[test]
fn a_task_is_late_from_its_time_out_on() {
    let at = |millis| noon() + jiff::SignedDuration::from_millis(millis);
    let task = task(None);
    assert!(!task.is_late(at(-1)) && !task.is_late(at(0)) && !task.is_late(at(59_999)));
    assert!(task.is_late(at(60_000)) && task.is_late(at(60_001)));
}

#[test]
fn a_task_says_what_the_workflow_caught() {
    let caught = |error: &str| {
        let input = json!({ "failure": { "Error": error, "Cause": "told to people" }, "order_id": "more" });
        task(Some(serde_json::from_value(input).unwrap())).failure()
    };
    assert_eq!(caught("Cancelled"), Some(Reason::Business(RejectReason::Cancelled)));
    assert_eq!(caught("States.Timeout"), Some(Reason::TechnicalFailure));
    assert_eq!(task(Some(WorkflowState { failure: None })).failure(), None);
    assert_eq!(task(None).failure(), None);
}

#[test]
fn a_message_says_its_step_its_order_its_trace_and_its_task() {
    let task = task(None);
    let tell = |message: &dyn Message| {
        assert_eq!((message.order_id(), message.trace_id()), (&task.order_id, &task.trace_id));
        (message.step(), message.task_token().map(|token| token.0.clone()))
    };
    let token = || Some("token".to_owned());
    assert_eq!(tell(&OrdersMessage::CloseOrder(task.clone())), (Step::CloseOrder, token()));
    assert_eq!(tell(&InventoryMessage::ReserveInventory(task.clone())), (Step::ReserveInventory, token()));
    assert_eq!(tell(&InventoryMessage::ReleaseInventory(task.clone())), (Step::ReleaseInventory, token()));
    assert_eq!(tell(&PaymentMessage::ChargePayment(task.clone())), (Step::ChargePayment, token()));
    assert_eq!(tell(&PaymentMessage::RefundPayment(task.clone())), (Step::RefundPayment, token()));
    assert_eq!(tell(&EmailMessage::SendConfirmation(task.clone())), (Step::SendConfirmation, token()));
    assert_eq!(tell(&EmailMessage::NotifyRejected(task.clone())), (Step::NotifyRejected, token()));
    let dispatch = OrdersMessage::dispatch(task.order_id.clone(), task.trace_id.clone());
    assert_eq!(tell(&dispatch), (Step::Dispatch, None));
    assert_eq!(serde_json::from_str::<OrdersMessage>(&dispatch.body()).unwrap(), dispatch);
}

#[test]
fn lines_of_one_sku_are_one_line_where_it_first_was() {
    let lines = |lines: &[(&str, u32)]| -> Vec<Line> {
        lines.iter().map(|(name, quantity)| Line { sku: sku(name), quantity: *quantity }).collect()
    };
    let merged = Line::merge(lines(&[("MUG", 1), ("POT", 2), ("MUG", 3)]));
    assert_eq!(merged, Some(lines(&[("MUG", 4), ("POT", 2)])));
    assert_eq!(Line::merge(lines(&[("MUG", u32::MAX), ("MUG", 1)])), None);
    assert_eq!(Line::merge(lines(&[("MUG", u32::MAX), ("POT", 1)])).unwrap().len(), 2);
}

#[test]
fn equal_contents_have_one_fingerprint_and_others_have_others() {
    let content = || order(&[("MUG", 1)]).placed.content;
    assert_eq!(content().fingerprint(), content().fingerprint());
    let changes: [fn(&mut Content); 4] = [
        |content| content.lines[0].quantity = 2,
        |content| content.customer.email.push('x'),
        |content| content.expected_total = Some(crate::shop::euros(1)),
        |content| drop(content.metadata.insert("a".into(), "b".into())),
    ];
    for change in changes {
        let mut other = content();
        change(&mut other);
        assert_ne!(other.fingerprint(), content().fingerprint(), "{other:?}");
    }
}

#[test]
fn an_order_begins_accepted_and_only_its_two_ends_are_final() {
    let order = order(&[("MUG", 1)]);
    assert_eq!((order.progress.status, order.version, order.id()), (Status::Accepted, 1, &order.placed.id));
    let ends: Vec<&Status> = Status::ALL.iter().filter(|status| status.is_final()).collect();
    assert_eq!(ends, [&Status::Confirmed, &Status::Rejected]);
}

#[test]
fn a_cursor_of_the_product_listing_names_its_last_product() {
    assert_eq!(sku("MUG").to_cursor(), "after:MUG");
    assert_eq!(Sku::from_cursor("after:MUG"), Some(sku("MUG")));
    for other in ["MUG", "after:", "after:a b", ""] {
        assert_eq!(Sku::from_cursor(other), None, "{other}");
    }
}

#[test]
fn what_is_unavailable_is_tried_again_with_its_cause() {
    let unavailable = Unavailable::new("Store", "locked");
    let retry = Retry::from(unavailable.clone());
    assert_eq!((retry.error, retry.cause.as_str()), ("Unavailable", "Store is unavailable: locked"));
    assert_eq!(StepError::from(unavailable), StepError::Retry(retry));
}

#[test]
fn the_machines_clock_goes_on() {
    let before = jiff::Timestamp::now();
    assert!(SystemClock.now() >= before);
}

#[test]
fn ops_see_what_waits_what_went_wrong_and_what_is_open() {
    let depth = |visible, in_flight, delayed| QueueDepth {
        visible,
        in_flight,
        delayed,
        queue: Queue::Orders.into(),
        oldest_sent_at: None,
    };
    assert_eq!(depth(5, 3, 2).total(), 10);
    let unsuccessful: Vec<_> = ExecutionStatus::ALL.iter().filter(|status| status.is_unsuccessful()).collect();
    use ExecutionStatus::{Aborted, Failed, TimedOut};
    assert_eq!(unsuccessful, [&Failed, &TimedOut, &Aborted]);
    let open: Vec<_> = EntryState::ALL.iter().filter(|state| state.is_open()).collect();
    assert_eq!(open, [&EntryState::Intended, &EntryState::Sent]);

    let attributes = || [("dead_letter".to_owned(), "{}".to_owned())].into();
    let journalled =
        JournalledMessage { body: "{}".into(), attributes: attributes(), trace_header: Some("Root=1".into()) };
    let outgoing = Outgoing {
        body: "{}".into(),
        attributes: attributes(),
        delay: std::time::Duration::ZERO,
        trace_header: Some("Root=1".into()),
    };
    assert_eq!(Outgoing::from(journalled), outgoing);
}
