//! What a trace says of a port call's answer.

use std::fmt::Debug;

use orders::payment::PaymentState;
use orders::ports::{Acceptance, Changed, Page, Payment, Saved, Started};
use orders::{Order, Product};

/// An answer in a few words.
pub trait Told: Debug {
    /// The words.
    fn told(&self) -> String;
}

impl Told for () {
    fn told(&self) -> String {
        "ok".into()
    }
}

macro_rules! as_debug {
    ($($answer:ty),+) => { $(impl Told for $answer {
        fn told(&self) -> String {
            format!("{self:?}")
        }
    })+ };
}
as_debug!(bool, Saved, Acceptance, Started);

impl Told for Order {
    fn told(&self) -> String {
        let progress = &self.progress;
        let cancel = if progress.cancel_requested_at.is_some() { ", cancel requested" } else { "" };
        let records: Vec<String> =
            progress.steps.iter().map(|record| format!("{}: {}", record.step, record.outcome)).collect();
        format!(
            "v{} {}, goods {:?}, {}{cancel} [{}]",
            self.version,
            progress.status,
            progress.reservation,
            payment(&progress.payment),
            records.join(", ")
        )
    }
}

fn payment(state: &PaymentState) -> String {
    match state {
        PaymentState::None => "no payment".into(),
        PaymentState::Charging(None) => "Charging".into(),
        PaymentState::Charging(Some(id)) => format!("Charging {}", id.0),
        PaymentState::Captured(id) => format!("Captured {}", id.0),
        PaymentState::Declined => "Declined".into(),
        PaymentState::Refused => "Refused".into(),
        PaymentState::Undoing(id) => format!("Undoing {}", id.0),
        PaymentState::Undone(id) => format!("Undone {}", id.0),
    }
}

impl Told for Option<Order> {
    fn told(&self) -> String {
        self.as_ref().map_or_else(|| "no such order".into(), Told::told)
    }
}

impl Told for Payment {
    fn told(&self) -> String {
        format!("{} {}", self.id.0, self.status)
    }
}

impl Told for Product {
    fn told(&self) -> String {
        format!("{}: {} in stock, {} reserved", self.sku, self.stock, self.reserved)
    }
}

impl Told for Vec<Product> {
    fn told(&self) -> String {
        self.iter().map(Told::told).collect::<Vec<_>>().join("; ")
    }
}

impl Told for Changed {
    fn told(&self) -> String {
        match self {
            Changed::Missing => "missing".into(),
            Changed::Done(product) => product.told(),
            Changed::Conflict(product) | Changed::OutOfRange(product) | Changed::Reserved(product) => {
                format!("refused: {}", product.told())
            }
        }
    }
}

impl<T: Debug> Told for Page<T> {
    fn told(&self) -> String {
        format!("{} items", self.items.len())
    }
}
