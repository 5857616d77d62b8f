//! What a call did to an order, in words: all that changed, and nothing else.

use orders::closing::TooLate;
use orders::mail::MailRecord;
use orders::order::Attempt;
use orders::payment::{PaymentId, PaymentState};
use orders::{Money, Order, Outcome, Progress, StockChange};

use crate::shop::noon;

/// What a call does beside changing the order.
#[derive(Debug, Default)]
pub struct Effect {
    pub stock: Vec<StockChange>,
    pub refused: Option<TooLate>,
}

impl From<Vec<StockChange>> for Effect {
    fn from(stock: Vec<StockChange>) -> Self {
        Self { stock, refused: None }
    }
}

impl From<Result<(), TooLate>> for Effect {
    fn from(result: Result<(), TooLate>) -> Self {
        Self { stock: Vec::new(), refused: result.err() }
    }
}

/// When the calls whose effects are told are made: not when the orders were made that they change.
pub fn now() -> Attempt {
    Attempt { at: noon() + jiff::SignedDuration::from_hours(1), number: 3 }
}

/// Nothing changes.
pub const NOTHING: &str = "–";

pub fn told(before: &Order, after: &Order, effect: &Effect) -> String {
    assert_eq!((&before.placed, before.version), (&after.placed, after.version), "no call changes these");
    let (old, new) = (&before.progress, &after.progress);
    // Whole, so that a new field is told, too.
    let Progress { status, reason, total, unit_prices, cancel_requested_at, reservation, payment, mail, steps } = new;
    let mut words = Vec::new();
    let records = steps.strip_prefix(old.steps.as_slice()).expect("records are only added");
    for record in records {
        assert_eq!((record.at, record.attempts), (now().at, now().number), "{record:?}");
        words.push(match record.outcome {
            Outcome::Done(done) => format!("done: {done}"),
            Outcome::Rejected(reason) => format!("rejected: {reason}"),
        });
    }
    if *status != old.status {
        words.push(format!("status `{status}`"));
    }
    if *reason != old.reason {
        words.push(format!("reason {}", reason.expect("no reason is taken back")));
    }
    if *reservation != old.reservation {
        words.push(format!("reservation `{reservation:?}`"));
    }
    if *payment != old.payment {
        words.push(format!("payment `{}`", payment_in(payment, before.payment_id())));
    }
    if (total, unit_prices) != (&old.total, &old.unit_prices) {
        let total = total.expect("no total is taken back");
        let each: Vec<String> =
            unit_prices.iter().map(|amount| Money::new(*amount, total.currency).to_string()).collect();
        words.push(format!("total {total} (each {})", each.join(", ")));
    }
    if *cancel_requested_at != old.cancel_requested_at {
        assert_eq!((old.cancel_requested_at, *cancel_requested_at), (None, Some(now().at)));
        words.push("cancel requested".to_owned());
    }
    if *mail != old.mail {
        words.push(mailed(old.mail.as_ref(), mail.as_ref().expect("no mail is forgotten")));
    }
    words.extend(effect.stock.iter().map(|change| match change {
        StockChange::Take { sku, quantity, price } => format!("takes {quantity} {sku} at {price}"),
        StockChange::Return { sku, quantity } => format!("returns {quantity} {sku}"),
        StockChange::Settle { sku, quantity } => format!("settles {quantity} {sku}"),
    }));
    words.extend(effect.refused.map(|why| format!("refused: {why}")));
    if words.is_empty() { NOTHING.to_owned() } else { words.join("; ") }
}

fn mailed(old: Option<&MailRecord>, new: &MailRecord) -> String {
    let attempts = old.map_or(0, |mail| mail.attempts);
    if new.attempts == attempts {
        let old = old.unwrap();
        assert_eq!((new.kind, new.last_attempt_at, old.result), (old.kind, old.last_attempt_at, None));
        return format!("mail {}", new.result.unwrap());
    }
    assert_eq!((new.attempts, new.last_attempt_at, new.result), (attempts + 1, now().at, None));
    format!("an attempt to mail the {}", new.kind)
}

/// The state's name, with `id` for the payment that is known and `new` for another.
pub fn payment_in(state: &PaymentState, known: Option<&PaymentId>) -> String {
    let name = |id: &PaymentId| if known == Some(id) { "id" } else { "new" };
    match state {
        PaymentState::None => "None".into(),
        PaymentState::Charging(None) => "Charging".into(),
        PaymentState::Charging(Some(id)) => format!("Charging({})", name(id)),
        PaymentState::Captured(id) => format!("Captured({})", name(id)),
        PaymentState::Declined => "Declined".into(),
        PaymentState::Refused => "Refused".into(),
        PaymentState::Undoing(id) => format!("Undoing({})", name(id)),
        PaymentState::Undone(id) => format!("Undone({})", name(id)),
    }
}
