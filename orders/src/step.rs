//! The steps of the workflow and the queues that carry them. Names are those of `statemachine/order.asl.json`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every one, in the order they are declared.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::step::UnknownName;
            fn from_str(text: &str) -> Result<Self, $crate::step::UnknownName> {
                Self::ALL.iter().copied().find(|each| each.name() == text).ok_or_else(|| $crate::step::UnknownName {
                    name: text.chars().take(64).collect(),
                    known: Self::ALL.iter().map(|each| each.name()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}
pub(crate) use names;

/// A name that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not one of {known}")]
pub struct UnknownName {
    pub(crate) name: String,
    pub(crate) known: String,
}

names!(
    /// One thing a worker does to an order: a state of the workflow, or `Dispatch`, which starts it.
    Step {
        /// Starts the order's execution.
        Dispatch = "Dispatch",
        /// Prices the lines and takes them from stock.
        ReserveInventory = "ReserveInventory",
        /// Charges the customer.
        ChargePayment = "ChargePayment",
        /// Writes `confirmed`, then mails.
        SendConfirmation = "SendConfirmation",
        /// Compensates `ChargePayment`.
        RefundPayment = "RefundPayment",
        /// Compensates `ReserveInventory`.
        ReleaseInventory = "ReleaseInventory",
        /// Writes `rejected`, then mails.
        NotifyRejected = "NotifyRejected",
        /// Writes the final status where the email worker could not.
        CloseOrder = "CloseOrder",
    }
);

names!(
    /// A queue of the pipeline. Each has a dead-letter queue of its own, named with the suffix `-dlq`.
    Queue {
        /// `Dispatch` and `CloseOrder`.
        Orders = "orders",
        /// `ReserveInventory` and `ReleaseInventory`.
        Inventory = "inventory",
        /// `ChargePayment` and `RefundPayment`.
        Payments = "payments",
        /// `SendConfirmation` and `NotifyRejected`.
        Emails = "emails",
    }
);

impl Step {
    /// The queue that carries this step's messages.
    pub const fn queue(self) -> Queue {
        match self {
            Step::Dispatch | Step::CloseOrder => Queue::Orders,
            Step::ReserveInventory | Step::ReleaseInventory => Queue::Inventory,
            Step::ChargePayment | Step::RefundPayment => Queue::Payments,
            Step::SendConfirmation | Step::NotifyRejected => Queue::Emails,
        }
    }
}

/// Where a message lies: a queue, or the dead letters of that queue. Displays as the queue's name on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueueName {
    /// The pipeline's queue.
    pub queue: Queue,
    /// Its DLQ rather than the queue itself.
    pub dead_letters: bool,
}

impl QueueName {
    /// The DLQ of `queue`.
    pub const fn dlq(queue: Queue) -> Self {
        Self { queue, dead_letters: true }
    }
}

impl From<QueueName> for String {
    fn from(name: QueueName) -> String {
        name.to_string()
    }
}

impl TryFrom<String> for QueueName {
    type Error = UnknownName;
    fn try_from(text: String) -> Result<Self, UnknownName> {
        text.parse()
    }
}

impl From<Queue> for QueueName {
    fn from(queue: Queue) -> Self {
        Self { queue, dead_letters: false }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.queue, if self.dead_letters { "-dlq" } else { "" })
    }
}

impl FromStr for QueueName {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text.strip_suffix("-dlq") {
            Some(queue) => Ok(Self::dlq(queue.parse()?)),
            None => Ok(Self::from(text.parse::<Queue>()?)),
        }
    }
}
