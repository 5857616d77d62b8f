//! The simulated payment gateway on DynamoDB, for a stage that has no Stripe account yet. No money moves.
//!
//! [`orders::sandbox`] has the payment methods it knows. A payment is one item, named by the idempotency key of its creation;
//! each later call decides on the item as it is and writes it back on condition that nobody else did. The item keeps the
//! answer to each key, and counts what was captured and refunded, so that a test sees a double charge whatever the keys did.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use orders::money::MAX_AMOUNT;
use orders::payment::PaymentId;
use orders::ports::{Clock, GatewayError, Payment, PaymentGateway, PaymentRequest, PaymentStatus, Unavailable};
use orders::sandbox::{Method, Operation};
use orders::{Money, OrderId, RejectReason};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::attributes::{Item, json, number, read, read_json, text};
use crate::failure::unavailable;

/// The simulated gateway of one stack.
pub struct SimulatedGateway {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
}

/// A payment, as the gateway keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    order_id: OrderId,
    amount: Money,
    method: String,
    status: String,
    /// How many time-outs or lost answers it has had.
    faults: u32,
    /// How often money was captured, and paid back.
    captures: u32,
    refunds: u32,
    /// What each idempotency key was answered.
    answers: BTreeMap<String, String>,
}

const INVALID: GatewayError = GatewayError::Rejected(RejectReason::PaymentInvalid);
/// So many calls at once for one payment are more than a worker makes.
const TRIES: usize = 5;

fn no_answer() -> GatewayError {
    GatewayError::Unavailable(Unavailable::new("Gateway", "no answer in time (simulated)"))
}

impl Record {
    fn status(&self) -> Result<PaymentStatus, Unavailable> {
        self.status.parse().map_err(|error| Unavailable::new("Gateway", error))
    }

    fn method(&self) -> Method {
        Method::of(&self.method).unwrap_or(Method::Succeeds)
    }

    /// Does the operation, and says what is answered. What it did stays, also when the answer is lost.
    fn operate(&mut self, operation: Operation, key: &str) -> Result<PaymentStatus, GatewayError> {
        let method = self.method();
        let mut loses = false;
        match (operation, method) {
            (_, Method::Down) => return Err(no_answer()),
            (Operation::Confirm, Method::TimesOut(times)) if self.faults < times => {
                self.faults += 1;
                return Err(no_answer());
            }
            (Operation::Confirm, Method::LosesAnswers(times)) if self.faults < times => {
                self.faults += 1;
                loses = true;
            }
            _ => {}
        }
        if !self.answers.contains_key(key) {
            let next = operation.applied(self.status()?, method).ok_or(GatewayError::WrongState)?;
            self.captures += u32::from(next == PaymentStatus::Succeeded);
            self.refunds += u32::from(next == PaymentStatus::Refunded);
            self.status = next.to_string();
            self.answers.insert(key.to_owned(), next.to_string());
        }
        let answer = self.answers[key].parse().map_err(|error| Unavailable::new("Gateway", error))?;
        if loses { Err(no_answer()) } else { Ok(answer) }
    }
}

impl SimulatedGateway {
    /// Over the table `payments`.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), clock }
    }

    async fn find(&self, id: &PaymentId) -> Result<Option<(Record, u64)>, Unavailable> {
        let get = self.client.get_item().table_name(&self.table).key("payment_id", text(&id.0)).consistent_read(true);
        let found = get.send().await.map_err(|error| unavailable("Gateway", &error))?;
        found.item.map(|item| Ok((read_json(&item, "record")?, read(&item, "version")?))).transpose()
    }

    async fn operate(&self, operation: Operation, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        for _ in 0..TRIES {
            let (before, version) = self.find(id).await?.ok_or(INVALID)?;
            let mut record = before.clone();
            let answer = record.operate(operation, key);
            if record == before || self.save(id, &record, version).await? {
                if let (Operation::Confirm, Method::Slow(wait)) = (operation, record.method()) {
                    tokio::time::sleep(wait).await;
                }
                return answer.map(|status| Payment { id: id.clone(), status });
            }
        }
        Err(Unavailable::new("Gateway", "the payment kept changing").into())
    }

    /// `false` if somebody else wrote in between.
    async fn save(&self, id: &PaymentId, record: &Record, version: u64) -> Result<bool, Unavailable> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("payment_id", text(&id.0))
            .update_expression("SET #record = :record, version = :next")
            .condition_expression("version = :version")
            .expression_attribute_names("#record", "record")
            .expression_attribute_values(":record", json(record)?)
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":next", number(version + 1));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(service) if service.is_conditional_check_failed_exception() => Ok(false),
                _ => Err(unavailable("Gateway", &error)),
            },
        }
    }

    /// Writes the payment; `false` if its key made one before.
    async fn insert(&self, id: &PaymentId, record: &Record) -> Result<bool, Unavailable> {
        let item = [
            ("payment_id", text(&id.0)),
            ("record", json(record)?),
            ("version", number(1)),
            ("created_at", text(self.clock.now())),
        ];
        let item: Item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(payment_id)").send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(unavailable("Gateway", &error)),
            },
        }
    }
}

/// The same key names the same payment.
fn id_of(key: &str) -> PaymentId {
    let digest = Sha256::digest(key);
    PaymentId(digest.iter().take(12).fold("pi_".to_owned(), |id, byte| format!("{id}{byte:02x}")))
}

#[async_trait]
impl PaymentGateway for SimulatedGateway {
    async fn create(&self, request: &PaymentRequest, key: &str) -> Result<Payment, GatewayError> {
        let PaymentRequest { order_id, amount, payment_method: method } = request.clone();
        match Method::of(&method) {
            Some(Method::Down) => return Err(no_answer()),
            Some(_) if (1..=MAX_AMOUNT).contains(&amount.amount) => {}
            _ => return Err(INVALID),
        }
        let (id, status) = (id_of(key), PaymentStatus::RequiresConfirmation);
        let (captures, refunds, faults, answers) = (0, 0, 0, BTreeMap::new());
        let record =
            Record { order_id, amount, method, status: status.to_string(), faults, captures, refunds, answers };
        if !self.insert(&id, &record).await? {
            let (made, _) = self.find(&id).await?.ok_or(INVALID)?;
            if (&made.order_id, made.amount, &made.method) != (&record.order_id, record.amount, &record.method) {
                return Err(INVALID);
            }
        }
        Ok(Payment { id, status })
    }

    async fn read(&self, id: &PaymentId) -> Result<Payment, GatewayError> {
        let (record, _) = self.find(id).await?.ok_or(INVALID)?;
        if record.method() == Method::Down {
            return Err(no_answer());
        }
        Ok(Payment { id: id.clone(), status: record.status()? })
    }

    async fn confirm(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.operate(Operation::Confirm, id, key).await
    }

    async fn void(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.operate(Operation::Void, id, key).await
    }

    async fn refund(&self, id: &PaymentId, key: &str) -> Result<Payment, GatewayError> {
        self.operate(Operation::Refund, id, key).await
    }
}
