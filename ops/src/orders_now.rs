//! Orders as ops see them: no names and no addresses.

use jiff::Timestamp;
use orders::outcome::Reason;
use orders::ports::Saved;
use orders::ports::ops::{Action, Entry, EntryState};
use orders::{CustomerId, Money, Order, OrderId, Status, Storefront};
use serde::{Deserialize, Serialize};

use crate::{Ops, OpsError};

/// Others may write the order meanwhile; so often is it read again.
const CANCEL_TRIES: usize = 5;

/// An order on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// Its id.
    pub order_id: OrderId,
    /// Where it stands.
    pub status: Status,
    /// Why it was rejected.
    pub reason: Option<Reason>,
    /// What the customer pays.
    pub total: Option<Money>,
    /// Who posted it.
    pub storefront: Storefront,
    /// The storefront's id of its customer.
    pub customer: CustomerId,
    /// When it was accepted.
    pub placed_at: Timestamp,
    /// When somebody asked for it to be cancelled.
    pub cancel_requested_at: Option<Timestamp>,
}

impl From<&Order> for OrderSummary {
    fn from(order: &Order) -> Self {
        Self {
            order_id: order.id().clone(),
            status: order.progress.status,
            reason: order.progress.reason,
            total: order.progress.total,
            storefront: order.placed.storefront.clone(),
            customer: order.placed.content.customer.id.clone(),
            placed_at: order.placed.placed_at,
            cancel_requested_at: order.progress.cancel_requested_at,
        }
    }
}

/// Whose order it is. Every look is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal {
    /// The customer's name, if it was given.
    pub name: Option<String>,
    /// Where mails go.
    pub email: String,
}

impl Ops {
    /// The personal data of an order, which no other operation shows.
    ///
    /// # Errors
    /// [`OpsError`]: nothing is shown that could not be written down.
    pub async fn reveal(&self, id: &OrderId) -> Result<Personal, OpsError> {
        let customer = self.find_order(id).await?.placed.content.customer;
        let entry = Entry {
            id: id.to_string(),
            order_id: Some(id.clone()),
            state: EntryState::Done,
            note: Some("the customer's name and address were shown".to_owned()),
            message: None,
        };
        self.record(Action::Reveal, serde_json::Value::Null, entry).await?;
        tracing::info!(order_id = %id, by = &*self.by, "personal data was shown");
        Ok(Personal { name: customer.name, email: customer.email })
    }

    pub(crate) async fn find_order(&self, id: &OrderId) -> Result<Order, OpsError> {
        self.ports.orders.get(id).await?.ok_or_else(|| OpsError::NotFound(format!("order `{id}`")))
    }

    pub(crate) async fn cancel_order(&self, id: &OrderId) -> Result<OrderSummary, OpsError> {
        for _ in 0..CANCEL_TRIES {
            let mut order = self.find_order(id).await?;
            let before = order.progress.cancel_requested_at;
            order.request_cancel(self.ports.clock.now()).map_err(|late| OpsError::Refused(late.to_string()))?;
            let unchanged = order.progress.cancel_requested_at == before;
            if unchanged || self.ports.orders.update(&order, &[]).await? == Saved::Saved {
                let entry = Entry {
                    id: id.to_string(),
                    order_id: Some(id.clone()),
                    state: EntryState::Done,
                    note: Some("cancel requested".to_owned()),
                    message: None,
                };
                self.record(Action::Cancel, serde_json::Value::Null, entry).await?;
                return Ok(OrderSummary::from(&order));
            }
        }
        Err(OpsError::Unavailable("the order is being worked on; it was not cancelled: try again".to_owned()))
    }
}
