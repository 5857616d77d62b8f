//! What the queues carry: ids and tokens, never names, addresses or emails.
//!
//! The workflow renders the step messages (`MessageBody` in `statemachine/order.asl.json`), and the accept path renders
//! [`Dispatch`]; the workers decode both. Unknown fields are ignored, so a newer definition may add some.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::outcome::Reason;
use crate::{OrderId, Step, TraceId};

/// Names the step's task at the workflow; whoever holds it can answer the step. Opaque.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskToken(pub String);

/// An order was accepted: start its execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// Which order.
    pub order_id: OrderId,
    /// Finds it in the logs.
    pub trace_id: TraceId,
}

/// The workflow asks for a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Which order.
    pub order_id: OrderId,
    /// Finds it in the logs.
    pub trace_id: TraceId,
    /// Answers the step.
    pub task_token: TaskToken,
    /// When the workflow entered the step (`$$.State.EnteredTime`).
    pub entered_at: Timestamp,
    /// The step's `TimeoutSeconds`: from `entered_at` on, so long does the workflow wait for an answer.
    pub timeout_seconds: u32,
    /// The state's input, where the step depends on what happened before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<WorkflowState>,
}

impl Task {
    /// The workflow no longer waits: no forward effect may start.
    pub fn is_late(&self, now: Timestamp) -> bool {
        now.duration_since(self.entered_at) >= SignedDuration::from_secs(i64::from(self.timeout_seconds))
    }

    /// Why the workflow is compensating, if it is.
    pub fn failure(&self) -> Option<Reason> {
        self.input.as_ref().and_then(|input| input.failure.as_ref()).map(|failure| Reason::of_error(&failure.error))
    }
}

/// What a step may need to know of the workflow's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowState {
    /// The failure that the workflow caught and is compensating for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<CaughtError>,
}

/// The error output that a `Catch` puts into the state (ASL, "Error Output"). Its `Cause` is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaughtError {
    /// The error's name: a reject reason's, or one of the `States.` errors.
    #[serde(rename = "Error")]
    pub error: String,
}

macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident($body:ty)),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "step")]
        pub enum $name { $($(#[$vdoc])* $variant($body)),+ }

        impl Message for $name {
            fn step(&self) -> Step {
                match self { $(Self::$variant(_) => Step::$variant),+ }
            }
            fn order_id(&self) -> &OrderId {
                match self { $(Self::$variant(body) => &body.order_id),+ }
            }
            fn trace_id(&self) -> &TraceId {
                match self { $(Self::$variant(body) => &body.trace_id),+ }
            }
            fn task_token(&self) -> Option<&TaskToken> {
                match self { $(Self::$variant(body) => body.token()),+ }
            }
        }
    };
}

/// What every message says about itself.
pub trait Message {
    /// The step it asks for.
    fn step(&self) -> Step;
    /// The order it is about.
    fn order_id(&self) -> &OrderId;
    /// The trace it belongs to.
    fn trace_id(&self) -> &TraceId;
    /// The task it answers, if the workflow waits for one.
    fn task_token(&self) -> Option<&TaskToken>;
}

impl Task {
    const fn token(&self) -> Option<&TaskToken> {
        Some(&self.task_token)
    }
}

impl Dispatch {
    const fn token(&self) -> Option<&TaskToken> {
        None
    }
}

messages!(
    /// A message of the `orders` queue.
    OrdersMessage {
        /// Start the execution.
        Dispatch(Dispatch),
        /// Write the final status.
        CloseOrder(Task),
    }
);
messages!(
    /// A message of the `inventory` queue.
    InventoryMessage {
        /// Take the lines from stock.
        ReserveInventory(Task),
        /// Give them back.
        ReleaseInventory(Task),
    }
);
messages!(
    /// A message of the `payments` queue.
    PaymentMessage {
        /// Charge the customer.
        ChargePayment(Task),
        /// Pay back.
        RefundPayment(Task),
    }
);
messages!(
    /// A message of the `emails` queue.
    EmailMessage {
        /// Confirm, and say so.
        SendConfirmation(Task),
        /// Reject, and say so.
        NotifyRejected(Task),
    }
);

impl OrdersMessage {
    /// The message that follows an accepted order.
    pub const fn dispatch(order_id: OrderId, trace_id: TraceId) -> Self {
        Self::Dispatch(Dispatch { order_id, trace_id })
    }

    /// As it goes into the queue.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("ids and tokens always serialise")
    }
}
