//! What a load sells: products of its own, so that their stock tells of this load alone.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::json;

use super::LoadError;
use super::connection::{Connection, Target, refusal};
use super::mix::Kind;

/// So many products share the orders.
pub(super) const PRODUCTS: usize = 10;
/// Nobody buys that much.
pub(super) const STOCK: u64 = 1_000_000_000;
const CUSTOMERS: u64 = 1_000;

/// The products of one load, and the orders for them.
pub(super) struct Shop {
    run: String,
}

impl Shop {
    /// Opens it under a name that no other load has had.
    ///
    /// # Errors
    /// [`LoadError::Service`] if the products can't be made.
    pub(super) async fn open(target: &Target, run: String) -> Result<Self, LoadError> {
        let shop = Self { run };
        let mut connection = Connection::to(target);
        let stocked = (0..PRODUCTS).map(|index| (shop.sku(index), STOCK));
        for (sku, stock) in stocked.chain([(shop.sold_out(), 0)]) {
            let product = json!({
                "sku": sku, "name": "Load test", "price": { "amount": 1299, "currency": "EUR" }, "stock": stock,
            });
            let path = format!("/products/{sku}");
            let made = connection.send(Method::PUT, &path, None, product.to_string()).await;
            let failed = |why: String| LoadError::Service { what: format!("PUT {path}"), why };
            match made.map_err(|failure| failed(failure.to_string()))? {
                (StatusCode::CREATED, _) => {}
                (status, body) => return Err(failed(refusal(status, &body))),
            }
        }
        Ok(shop)
    }

    /// Takes its products away, as far as no order holds any.
    pub(super) async fn close(&self, target: &Target, patience: Duration) {
        let mut connection = Connection::to(target).patient(patience);
        for sku in (0..PRODUCTS).map(|index| self.sku(index)).chain([self.sold_out()]) {
            let path = format!("/products/{sku}");
            match connection.send(Method::DELETE, &path, None, String::new()).await {
                Ok((status, _)) if status.is_success() => {}
                Ok((status, body)) => tracing::warn!(sku, why = refusal(status, &body), "a product stays"),
                Err(failure) => {
                    tracing::warn!(sku, %failure, "the products stay from this one on");
                    return;
                }
            }
        }
    }

    pub(super) fn sku(&self, product: usize) -> String {
        format!("LOAD-{}-{product}", self.run)
    }

    fn sold_out(&self) -> String {
        format!("LOAD-{}-SOLD-OUT", self.run)
    }

    /// Which product the `n`th order is for.
    pub(super) const fn product(n: u64) -> usize {
        (n % PRODUCTS as u64) as usize
    }

    pub(super) fn key(&self, n: u64) -> String {
        format!("load-{}-{n}", self.run)
    }

    /// The `n`th order: one piece of one product, as a storefront posts it.
    pub(super) fn order(&self, n: u64, kind: Kind) -> String {
        let sku = if kind == Kind::OutOfStock { self.sold_out() } else { self.sku(Self::product(n)) };
        let method = match kind {
            Kind::Declined => "pm_card_chargeDeclined",
            Kind::Flaky => "pm_sim_timeout_2",
            _ => "pm_card_visa",
        };
        let customer = n % CUSTOMERS;
        // Text and no tree: nothing in it needs to be escaped, and the driver must be cheap.
        format!(
            "{{\"customer\":{{\"id\":\"load-{customer}\",\"email\":\"load-{customer}@example.com\",\"name\":\"Load Test\"}},\
             \"lines\":[{{\"sku\":\"{sku}\",\"quantity\":1}}],\"currency\":\"EUR\",\"payment_method\":\"{method}\"}}"
        )
    }

    /// A message that nobody can read; it says whose it is.
    pub(super) fn poison(&self) -> String {
        format!("poison of load {}", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_order_is_json_and_asks_for_its_fate() {
        let shop = Shop { run: "7".to_owned() };
        let order = |kind| serde_json::from_str::<serde_json::Value>(&shop.order(12, kind)).unwrap();
        assert_eq!(order(Kind::Good)["lines"][0]["sku"], "LOAD-7-2");
        assert_eq!(order(Kind::OutOfStock)["lines"][0]["sku"], "LOAD-7-SOLD-OUT");
        assert_eq!(order(Kind::Declined)["payment_method"], "pm_card_chargeDeclined");
        assert!(serde_json::from_str::<serde_json::Value>(&shop.poison()).is_err());
    }
}
