//! Products on the wire.

use garde::Validate;
use orders::product::MAX_STOCK;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Money, rules, schemas};
use crate::body::WireBody;
use crate::object;
use crate::problem::Fault;

/// A product of the catalogue. Unknown fields are refused.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "sku": "MUG-BLUE", "name": "Blue mug", "description": null, "price": {"amount": 1299, "currency": "EUR"}, "stock": 100
}))]
pub(crate) struct Product {
    /// Its key.
    #[garde(custom(rules::sku))]
    #[schema(value_type = schemas::Sku)]
    pub(crate) sku: String,
    /// What people call it.
    #[garde(length(chars, min = 1, max = 200), custom(rules::text))]
    #[schema(value_type = schemas::ProductName)]
    name: String,
    /// More about it.
    #[garde(length(chars, min = 1, max = 2000), inner(custom(rules::text)))]
    #[schema(value_type = Option<schemas::ProductDescription>)]
    description: Option<String>,
    /// Price of one.
    #[serde(deserialize_with = "object::one")]
    #[garde(dive)]
    price: Money,
    /// How many can still be sold.
    #[garde(range(min = 0, max = i64::from(MAX_STOCK)))]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    stock: i64,
}

impl WireBody for Product {}

impl Product {
    /// The domain's product; the store knows what is reserved and which version it is.
    pub(crate) fn into_domain(self) -> Result<orders::Product, Fault> {
        Ok(orders::Product {
            sku: self.sku.parse().map_err(|error| Fault::at("/sku", error))?,
            name: self.name,
            description: self.description,
            price: self.price.into_domain("/price")?,
            stock: self.stock.try_into().map_err(|error| Fault::at("/stock", error))?,
            reserved: 0,
            version: 0,
        })
    }
}

impl From<orders::Product> for Product {
    fn from(product: orders::Product) -> Self {
        Self {
            sku: product.sku.into(),
            name: product.name,
            description: product.description,
            price: product.price.into(),
            stock: product.stock.into(),
        }
    }
}

/// A change to a product's stock.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"delta": -3}))]
pub(crate) struct ChangeStock {
    /// How many more there are; negative for fewer.
    #[garde(range(min = -i64::from(MAX_STOCK), max = i64::from(MAX_STOCK)))]
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000)]
    pub(crate) delta: i64,
}

impl WireBody for ChangeStock {}

/// One page of products, by SKU.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProductPage {
    /// The products.
    pub(crate) products: Vec<Product>,
    /// Asks for what follows; null at the end.
    #[schema(value_type = Option<schemas::Cursor>, required)]
    pub(crate) next_cursor: Option<String>,
}
