//! The data files of `infra/aws/cost`, embedded: what a happy order uses (counted on the emulator by `tests/emulator/cost.rs`),
//! AWS's published prices, and what had to be assumed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// All that the cost is computed from.
pub struct Data {
    pub calls: Calls,
    pub prices: Prices,
    pub assumptions: BTreeMap<String, Assumption>,
}

/// What a happy order uses.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// The order's file.
    pub order: String,
    pub lines: u32,
    pub functions: BTreeMap<String, Function>,
    /// By queue.
    pub message_bytes: BTreeMap<String, u64>,
    pub product_bytes: u64,
    pub states_entered: Vec<String>,
    /// The custom metrics that it makes.
    pub metrics: Vec<String>,
    pub alarms: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// How often each operation is called, as `DynamoDB.PutItem`.
    pub calls: BTreeMap<String, u32>,
    pub log_bytes: u64,
    /// The size of the order's item when the function has written it. It only grows.
    pub order_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    pub date: String,
    pub region: String,
    pub prices: BTreeMap<String, Price>,
}

/// So many dollars for so many units, in the first tier and without a free tier.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub usd: f64,
    pub per: f64,
    pub unit: String,
    /// AWS's page.
    pub source: String,
    /// Where the figure was seen.
    pub checked: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    pub value: f64,
    pub why: String,
}

impl Data {
    pub fn embedded() -> Result<Self> {
        Ok(Self {
            calls: parse("calls", include_str!("../../infra/aws/cost/calls.json"))?,
            prices: parse("prices", include_str!("../../infra/aws/cost/prices.json"))?,
            assumptions: parse("assumptions", include_str!("../../infra/aws/cost/assumptions.json"))?,
        })
    }

    /// An assumption's value. Every name that the code has is in the file: a test computes every line.
    pub fn assumed(&self, name: &str) -> f64 {
        self.assumptions[name].value
    }

    /// A price, by a name that is in the file as well.
    pub fn price(&self, name: &str) -> &Price {
        &self.prices.prices[name]
    }
}

impl Calls {
    /// How many calls of this operation all functions make together; of all operations for an empty prefix.
    pub fn count(&self, prefix: &str) -> u32 {
        let calls = self.functions.values().flat_map(|function| &function.calls);
        calls.filter(|(call, _)| call.starts_with(prefix)).map(|(_, count)| count).sum()
    }
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).with_context(|| format!("infra/aws/cost/{name}.json"))
}
