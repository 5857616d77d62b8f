//! A deployed stack: where its queues, tables and state machine are, as the template's outputs tell.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_cloudformation::error::DisplayErrorContext;
use orders::Queue;
use orders::step::QueueName;

use crate::Clients;
use crate::stock::Tables;

/// The stack can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// CloudFormation does not answer, or knows no such stack.
    #[error("the stack `{stack}` can't be described: {cause}")]
    Unavailable {
        /// Its name.
        stack: String,
        /// What CloudFormation says.
        cause: String,
    },
    /// It was not made from infra/aws/template.yaml, or from an older one.
    #[error("the stack `{stack}` has no output `{output}`: deploy it with the infra/aws/template.yaml of this version")]
    MissingOutput {
        /// Its name.
        stack: String,
        /// What is missing.
        output: &'static str,
    },
    /// Who is calling is not known.
    #[error("AWS does not say who you are: {0}; check the profile's credentials")]
    Identity(String),
}

/// A deployed stack, and who works on it.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Makes the clients.
    pub clients: Clients,
    /// The queues and DLQs.
    pub queue_urls: BTreeMap<QueueName, String>,
    /// The tables of orders and products.
    pub tables: Tables,
    /// The table of the journal.
    pub journal: String,
    /// The state machine, or its alias.
    pub state_machine: String,
    /// The caller, for the audit log: the last part of their ARN.
    pub caller: String,
}

impl Stack {
    /// Finds the stack of this name.
    ///
    /// # Errors
    /// [`StackError`], which says what to do.
    pub async fn find(clients: Clients, name: &str) -> Result<Self, StackError> {
        let outputs = Outputs { stack: name, values: outputs(&clients, name).await? };
        let mut queue_urls = BTreeMap::new();
        for (queue, url, dlq) in [
            (Queue::Orders, "OrdersQueueUrl", "OrdersDlqUrl"),
            (Queue::Inventory, "InventoryQueueUrl", "InventoryDlqUrl"),
            (Queue::Payments, "PaymentsQueueUrl", "PaymentsDlqUrl"),
            (Queue::Emails, "EmailsQueueUrl", "EmailsDlqUrl"),
        ] {
            queue_urls.insert(queue.into(), outputs.get(url)?);
            queue_urls.insert(QueueName::dlq(queue), outputs.get(dlq)?);
        }
        Ok(Self {
            queue_urls,
            tables: Tables { orders: outputs.get("OrdersTableName")?, products: outputs.get("ProductsTableName")? },
            journal: outputs.get("JournalTableName")?,
            state_machine: outputs.get("StateMachineArn")?,
            caller: caller(&clients).await?,
            clients,
        })
    }
}

/// What the template says of a stack.
struct Outputs<'a> {
    stack: &'a str,
    values: HashMap<String, String>,
}

impl Outputs<'_> {
    fn get(&self, output: &'static str) -> Result<String, StackError> {
        let missing = || StackError::MissingOutput { stack: self.stack.to_owned(), output };
        self.values.get(output).cloned().ok_or_else(missing)
    }
}

async fn outputs(clients: &Clients, stack: &str) -> Result<HashMap<String, String>, StackError> {
    let described = aws_sdk_cloudformation::Client::new(clients.config()).describe_stacks().stack_name(stack).send();
    let described = described.await.map_err(|error| StackError::Unavailable {
        stack: stack.to_owned(),
        cause: DisplayErrorContext(error).to_string(),
    })?;
    let stacks = described.stacks.unwrap_or_default().into_iter();
    let outputs = stacks.flat_map(|stack| stack.outputs.unwrap_or_default());
    Ok(outputs.filter_map(|output| Some((output.output_key?, output.output_value?))).collect())
}

async fn caller(clients: &Clients) -> Result<String, StackError> {
    let identity = aws_sdk_sts::Client::new(clients.config()).get_caller_identity().send().await;
    let identity = identity.map_err(|error| StackError::Identity(DisplayErrorContext(error).to_string()))?;
    let arn = identity.arn.unwrap_or_default();
    Ok(arn.rsplit('/').next().unwrap_or_default().to_owned())
}
