//! Stopping and redriving executions.

use orders::payment::PaymentState;
use orders::ports::ops::{Action, Entry, EntryState, ExecutionSummary, Redriven, Stopped};
use orders::reservation::Reservation;
use orders::{Order, OrderId};
use serde_json::{Value, json};

use crate::{Ops, OpsError, StopRequest};

/// What an order's steps did that nobody has undone, if anything.
pub(crate) fn open_effects(order: &Order) -> Option<&'static str> {
    if order.progress.status.is_final() {
        return None;
    }
    match (&order.progress.payment, order.progress.reservation) {
        (PaymentState::Captured(_), _) => Some("the customer was charged"),
        (PaymentState::Charging(_) | PaymentState::Undoing(_), _) => Some("the payment is under way at the gateway"),
        (_, Reservation::Held) => Some("its lines are taken from stock"),
        _ => None,
    }
}

impl Ops {
    pub(crate) async fn find_execution(&self, name: &OrderId) -> Result<ExecutionSummary, OpsError> {
        let found = self.ports.executions.describe(name).await?;
        found.ok_or_else(|| OpsError::NotFound(format!("execution `{name}`")))
    }

    pub(crate) async fn find_history(&self, name: &OrderId) -> Result<Vec<Value>, OpsError> {
        let found = self.ports.executions.history(name).await?;
        found.ok_or_else(|| OpsError::NotFound(format!("execution `{name}`")))
    }

    /// An aborted execution undoes nothing: so it is refused while there is something to undo, unless that is asked for.
    pub(crate) async fn stop_execution(&self, name: &OrderId, request: &StopRequest) -> Result<Entry, OpsError> {
        let order = self.find_order(name).await?;
        if let Some(effect) = open_effects(&order).filter(|_| !request.compensate) {
            return Err(OpsError::Refused(format!(
                "{effect}, and a stopped execution undoes nothing: cancel the order, or stop it with --compensate"
            )));
        }
        match self.ports.executions.stop(name, &request.cause).await? {
            Stopped::Missing => return Err(OpsError::NotFound(format!("execution `{name}`"))),
            Stopped::NotRunning => return Err(OpsError::Refused("it is over already".to_owned())),
            Stopped::Stopped => {}
        }
        let entry = if request.compensate {
            self.compensate(name, &request.cause).await?
        } else {
            Entry {
                id: name.to_string(),
                order_id: Some(name.clone()),
                state: EntryState::Done,
                note: Some("stopped".to_owned()),
                message: None,
            }
        };
        self.record(Action::Stop, json!(request), entry).await
    }

    pub(crate) async fn redrive_one(&self, name: &OrderId) -> Result<Entry, OpsError> {
        match self.ports.executions.redrive(name).await? {
            Redriven::Missing => Err(OpsError::NotFound(format!("execution `{name}`"))),
            Redriven::Refused(why) => Err(OpsError::Refused(why)),
            Redriven::Redriven => {
                let entry = Entry {
                    id: name.to_string(),
                    order_id: Some(name.clone()),
                    state: EntryState::Done,
                    note: Some("redriven".to_owned()),
                    message: None,
                };
                self.record(Action::RedriveExecution, Value::Null, entry).await
            }
        }
    }
}
