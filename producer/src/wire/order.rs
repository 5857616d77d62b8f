//! Orders on the wire: as posted, as accepted, as read.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use garde::Validate;
use jiff::Timestamp;
use orders::mail::{MailKind, MailResult};
use orders::order::Content;
use orders::{Outcome, Reason, Status, Step};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{AdditionalProperties, Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{Money, rules, schemas};
use crate::body::WireBody;
use crate::object;
use crate::problem::Fault;

/// The most of one SKU in an order, over all its lines.
const MAX_QUANTITY: u32 = 999;

/// An order to be placed. Unknown fields are refused.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "customer": {"id": "c-42", "email": "ada@example.com", "name": "Ada"},
    "lines": [{"sku": "MUG-BLUE", "quantity": 2}],
    "currency": "EUR",
    "payment_method": "pm_card_visa"
}))]
pub(crate) struct PlaceOrder {
    /// Who orders.
    #[serde(deserialize_with = "object::one")]
    #[garde(dive)]
    customer: Customer,
    /// What is ordered. Lines of one SKU are merged; one SKU may come to 999 in all.
    #[serde(deserialize_with = "object::many")]
    #[garde(length(min = 1, max = 50), dive)]
    #[schema(min_items = 1, max_items = 50)]
    lines: Vec<PlaceLine>,
    /// What the customer pays in; the products must be priced in it.
    #[garde(custom(rules::currency))]
    #[schema(value_type = schemas::CurrencyCode)]
    currency: String,
    /// The payment gateway's name for how, such as `pm_card_visa`. A reference, never a card number.
    #[garde(length(chars, min = 1, max = 128), custom(rules::payment_method))]
    #[schema(value_type = schemas::PaymentMethod)]
    payment_method: String,
    /// Where the goods go.
    #[serde(default, deserialize_with = "object::optional")]
    #[garde(dive)]
    shipping_address: Option<Address>,
    /// What the storefront showed as the total, in the order's currency; a different total rejects the order (`PriceChanged`).
    #[serde(default, deserialize_with = "object::optional")]
    #[garde(dive)]
    expected_total: Option<Money>,
    /// The storefront's own notes, given back as they came.
    #[garde(dive)]
    metadata: Option<Metadata>,
}

/// Who orders.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Customer {
    /// The storefront's id for them.
    #[garde(custom(rules::customer_id))]
    #[schema(value_type = schemas::CustomerId)]
    id: String,
    /// Where the mails go.
    #[garde(custom(rules::email))]
    #[schema(value_type = schemas::Email)]
    email: String,
    /// How the mails address them.
    #[garde(length(chars, min = 1, max = 200), inner(custom(rules::text)))]
    #[schema(value_type = Option<schemas::PersonName>)]
    name: Option<String>,
}

/// One line of an order to be placed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceLine {
    /// The product.
    #[garde(custom(rules::sku))]
    #[schema(value_type = schemas::Sku)]
    sku: String,
    /// How many.
    #[garde(range(min = 1, max = i64::from(MAX_QUANTITY)))]
    #[schema(minimum = 1, maximum = 999)]
    quantity: i64,
}

/// Where the goods go.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// Street and number, and more where needed.
    #[garde(length(min = 1, max = 5), inner(length(chars, min = 1, max = 200), custom(rules::text)))]
    #[schema(min_items = 1, max_items = 5, value_type = Vec<schemas::AddressLine>)]
    lines: Vec<String>,
    /// City.
    #[garde(length(chars, min = 1, max = 100), custom(rules::text))]
    #[schema(value_type = schemas::City)]
    city: String,
    /// Postal code.
    #[garde(length(chars, min = 1, max = 20), inner(custom(rules::text)))]
    #[schema(value_type = Option<schemas::PostalCode>)]
    postal_code: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    #[garde(custom(rules::country))]
    #[schema(value_type = schemas::CountryCode)]
    country: String,
}

/// The storefront's own notes. A key that is there twice is refused, as it would be elsewhere.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Metadata(BTreeMap<String, String>);

const MAX_ENTRIES: usize = 20;
const MAX_KEY: usize = 40;
const MAX_VALUE: usize = 500;

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Metadata;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    if entries.insert(key, value).is_some() {
                        return Err(de::Error::custom("a key is here twice"));
                    }
                }
                Ok(Metadata(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Validate for Metadata {
    type Context = ();

    fn validate_into(&self, ctx: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        if self.0.len() > MAX_ENTRIES {
            report.append(parent(), garde::Error::new(format!("more than {MAX_ENTRIES} entries")));
        }
        for (key, value) in &self.0 {
            let mut check = |faulty: Result<(), garde::Error>| {
                if let Err(error) = faulty {
                    report.append(parent().join(key.as_str()), error);
                }
            };
            check(length("the key", key, 1, MAX_KEY));
            check(rules::text(key, ctx));
            check(length("the value", value, 0, MAX_VALUE));
            check(rules::text(value, ctx));
        }
    }
}

fn length(what: &str, text: &str, min: usize, max: usize) -> garde::Result {
    if (min..=max).contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(garde::Error::new(format!("{what} has {min} to {max} characters")))
    }
}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let string = || ObjectBuilder::new().schema_type(Type::String).pattern(Some(schemas::TEXT));
        ObjectBuilder::new()
            .description(Some("The storefront's own notes, given back as they came."))
            .max_properties(Some(MAX_ENTRIES))
            .property_names(Some(string().min_length(Some(1)).max_length(Some(MAX_KEY))))
            .additional_properties(Some(AdditionalProperties::RefOr(string().max_length(Some(MAX_VALUE)).into())))
            .build()
            .into()
    }
}

impl ToSchema for Metadata {}

impl WireBody for PlaceOrder {
    fn faults_across_fields(&self) -> Vec<Fault> {
        let mut faults = self.merged_quantity_faults();
        if self.expected_total.as_ref().is_some_and(|expected| expected.currency != self.currency) {
            faults.push(Fault::at("/expected_total/currency", "not the order's currency"));
        }
        faults
    }
}

impl PlaceOrder {
    /// Lines of one SKU are one line, so their sum has the limit of one: a fault at each of them.
    fn merged_quantity_faults(&self) -> Vec<Fault> {
        let mut totals: HashMap<&str, i64> = HashMap::new();
        let in_range = |line: &PlaceLine| (1..=i64::from(MAX_QUANTITY)).contains(&line.quantity);
        for line in self.lines.iter().filter(|line| in_range(line)) {
            *totals.entry(&line.sku).or_default() += line.quantity;
        }
        let total = |line: &PlaceLine| totals.get(line.sku.as_str()).copied().filter(|_| in_range(line));
        let over = |line| total(line).filter(|total| *total > i64::from(MAX_QUANTITY));
        self.lines
            .iter()
            .enumerate()
            .filter_map(|(i, line)| {
                let total = over(line)?;
                let detail = format!("the lines of this SKU come to {total}; {MAX_QUANTITY} at most");
                Some(Fault::at(format!("/lines/{i}/quantity"), detail))
            })
            .collect()
    }

    /// The domain's order. The rules were checked, so a fault here is one that they don't know.
    pub(crate) fn into_content(self) -> Result<Content, Fault> {
        let lines = self.lines.into_iter().enumerate().map(|(i, line)| {
            let sku = line.sku.parse().map_err(|error| Fault::at(format!("/lines/{i}/sku"), error))?;
            let quantity = u32::try_from(line.quantity);
            let quantity = quantity.map_err(|error| Fault::at(format!("/lines/{i}/quantity"), error))?;
            Ok(orders::Line { sku, quantity })
        });
        let lines = lines.collect::<Result<Vec<_>, Fault>>()?;
        let Customer { id, email, name } = self.customer;
        let id = id.parse().map_err(|error| Fault::at("/customer/id", error))?;
        Ok(Content {
            customer: orders::Customer { id, email, name },
            lines: orders::Line::merge(lines).ok_or_else(|| Fault::at("/lines", "the quantities are too large"))?,
            currency: orders::money::read_currency(&self.currency).map_err(|error| Fault::at("/currency", error))?,
            payment_method: self.payment_method,
            shipping_address: self.shipping_address.map(|address| orders::Address {
                lines: address.lines,
                city: address.city,
                postal_code: address.postal_code,
                country: address.country,
            }),
            expected_total: self.expected_total.map(|total| total.into_domain("/expected_total")).transpose()?,
            metadata: self.metadata.unwrap_or_default().0,
        })
    }
}

/// The order is durably stored, and its message durably queued.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"order_id": "ord_2v6m0ef8w3k1x5q7r9t4y2z0ab", "status": "accepted"}))]
pub(crate) struct Accepted {
    /// What to ask for it by.
    #[schema(value_type = schemas::OrderId)]
    pub(crate) order_id: orders::OrderId,
    /// Always `accepted`, also when the order was posted before.
    #[schema(value_type = schemas::OrderStatus)]
    pub(crate) status: Status,
}

/// The wish to cancel is durably stored. An order that was not charged yet ends rejected as `Cancelled`; one that was is refunded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"order_id": "ord_2v6m0ef8w3k1x5q7r9t4y2z0ab", "status": "reserved", "cancel_requested": true}))]
pub(crate) struct CancelRequested {
    /// The order.
    #[schema(value_type = schemas::OrderId)]
    pub(crate) order_id: orders::OrderId,
    /// Where it stands now.
    #[schema(value_type = schemas::OrderStatus)]
    pub(crate) status: Status,
    /// Always true.
    pub(crate) cancel_requested: bool,
}

/// An order, and how far it got.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "order_id": "ord_2v6m0ef8w3k1x5q7r9t4y2z0ab",
    "status": "confirmed",
    "reason": null,
    "total": {"amount": 2598, "currency": "EUR"},
    "currency": "EUR",
    "lines": [{
        "sku": "MUG-BLUE", "quantity": 2,
        "unit_price": {"amount": 1299, "currency": "EUR"}, "amount": {"amount": 2598, "currency": "EUR"}
    }],
    "customer": {"id": "c-42", "email": "ada@example.com", "name": "Ada"},
    "shipping_address": null,
    "expected_total": null,
    "payment_method": "pm_card_visa",
    "metadata": {},
    "storefront": "shop",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "placed_at": "2026-05-05T08:00:00Z",
    "cancel_requested_at": null,
    "timeline": [
        {"step": "ReserveInventory", "at": "2026-05-05T08:00:01Z", "outcome": "Reserved", "attempts": 1},
        {"step": "ChargePayment", "at": "2026-05-05T08:00:02Z", "outcome": "Charged", "attempts": 1},
        {"step": "SendConfirmation", "at": "2026-05-05T08:00:03Z", "outcome": "MailSent", "attempts": 1}
    ],
    "mail": {"kind": "confirmation", "attempts": 1, "last_attempt_at": "2026-05-05T08:00:03Z", "result": "sent"}
}))]
pub(crate) struct Order {
    /// Its id.
    #[schema(value_type = schemas::OrderId)]
    order_id: orders::OrderId,
    /// Where it stands.
    #[schema(value_type = schemas::OrderStatus)]
    status: Status,
    /// Why it was rejected; null unless it was.
    #[schema(value_type = Option<schemas::RejectionReason>, required)]
    reason: Option<Reason>,
    /// What the customer pays; null until the lines are reserved.
    #[schema(required)]
    total: Option<OrderAmount>,
    /// What the customer pays in.
    #[schema(value_type = schemas::CurrencyCode)]
    currency: String,
    /// What was ordered, each SKU once.
    lines: Vec<Line>,
    /// Who ordered.
    customer: Customer,
    /// Where the goods go.
    #[schema(required)]
    shipping_address: Option<Address>,
    /// What the storefront showed as the total.
    #[schema(required)]
    expected_total: Option<Money>,
    /// The payment gateway's name for how.
    #[schema(value_type = schemas::PaymentMethod)]
    payment_method: String,
    /// The storefront's own notes.
    metadata: Metadata,
    /// Who posted it.
    #[schema(value_type = schemas::StorefrontName)]
    storefront: String,
    /// Finds it in every log.
    #[schema(value_type = schemas::TraceId)]
    trace_id: String,
    /// When it was accepted.
    placed_at: Timestamp,
    /// When its customer asked to cancel.
    #[schema(required)]
    cancel_requested_at: Option<Timestamp>,
    /// Every step that has an outcome, oldest first.
    timeline: Vec<TimelineEntry>,
    /// The mail about its outcome; null before the first attempt.
    #[schema(required)]
    mail: Option<Mail>,
}

/// A sum of money. It has no upper limit, as a single price has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderAmount {
    /// In the currency's minor unit.
    amount: i64,
    /// ISO 4217 code.
    #[schema(value_type = schemas::CurrencyCode)]
    currency: String,
}

/// One SKU of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    /// The product.
    #[schema(value_type = schemas::Sku)]
    sku: String,
    /// How many.
    quantity: u32,
    /// The price of one; null until the lines are reserved.
    #[schema(required)]
    unit_price: Option<OrderAmount>,
    /// The price of all; null until the lines are reserved.
    #[schema(required)]
    amount: Option<OrderAmount>,
}

/// What one step did, and when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimelineEntry {
    /// Which step.
    #[schema(value_type = schemas::StepName)]
    step: Step,
    /// When its outcome was recorded.
    at: Timestamp,
    /// What it came to.
    #[schema(value_type = schemas::StepOutcome)]
    outcome: Outcome,
    /// How often its message was received until then.
    attempts: u32,
}

/// The attempts to send the order's mail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mail {
    /// Which mail.
    #[schema(value_type = schemas::MailSubject)]
    kind: MailKind,
    /// How often it was handed to the mail service, or was about to be.
    attempts: u32,
    /// When it last was.
    last_attempt_at: Timestamp,
    /// How it ended; null while it hasn't.
    #[schema(value_type = Option<schemas::MailOutcome>, required)]
    result: Option<MailResult>,
}

/// One page of orders, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderPage {
    /// The orders. There may be fewer than the limit although more follow.
    pub(crate) orders: Vec<Order>,
    /// Asks for what follows; null at the end.
    #[schema(value_type = Option<schemas::Cursor>, required)]
    pub(crate) next_cursor: Option<String>,
}

impl From<orders::Money> for OrderAmount {
    fn from(money: orders::Money) -> Self {
        Self { amount: money.amount, currency: money.currency.code().to_owned() }
    }
}

impl From<orders::Order> for Order {
    fn from(order: orders::Order) -> Self {
        let orders::NewOrder { id, storefront, placed_at, trace_id, content } = order.placed;
        let progress = order.progress;
        let mut prices = progress.unit_prices.into_iter();
        let lines = content.lines.into_iter().map(|line| {
            let price = prices.next().map(|amount| orders::Money::new(amount, content.currency));
            Line {
                sku: line.sku.into(),
                quantity: line.quantity,
                unit_price: price.map(Into::into),
                amount: price.and_then(|price| price.times(line.quantity)).map(Into::into),
            }
        });
        Self {
            order_id: id,
            status: progress.status,
            reason: progress.reason,
            total: progress.total.map(Into::into),
            currency: content.currency.code().to_owned(),
            lines: lines.collect(),
            customer: Customer {
                id: content.customer.id.into(),
                email: content.customer.email,
                name: content.customer.name,
            },
            shipping_address: content.shipping_address.map(|address| Address {
                lines: address.lines,
                city: address.city,
                postal_code: address.postal_code,
                country: address.country,
            }),
            expected_total: content.expected_total.map(Into::into),
            payment_method: content.payment_method,
            metadata: Metadata(content.metadata),
            storefront: storefront.into(),
            trace_id: trace_id.into(),
            placed_at,
            cancel_requested_at: progress.cancel_requested_at,
            timeline: progress
                .steps
                .into_iter()
                .map(|record| TimelineEntry {
                    step: record.step,
                    at: record.at,
                    outcome: record.outcome,
                    attempts: record.attempts,
                })
                .collect(),
            mail: progress.mail.map(|mail| Mail {
                kind: mail.kind,
                attempts: mail.attempts,
                last_attempt_at: mail.last_attempt_at,
                result: mail.result,
            }),
        }
    }
}
