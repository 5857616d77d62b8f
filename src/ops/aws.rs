//! The operations on AWS: the same as the service's own, over its other adapters, in this process and with the caller's
//! credentials.

use std::sync::Arc;

use anyhow::{Context, Result};
use ops::{Ops, Ports};
use orderflow_aws::ops::{DynamoJournal, SqsOpsQueues, Stack, StepFunctionsExecutions};
use orderflow_aws::{Clients, DynamoOrders, SqsQueues};
use orders::ports::SystemClock;

use super::args::Connection;

/// Over the stack that is named.
///
/// # Errors
/// If none is named, or it can't be found.
pub async fn operations(connection: &Connection) -> Result<Ops> {
    Ok(over(&stack(connection).await?))
}

/// The stack that is named.
///
/// # Errors
/// If none is, or it can't be found.
pub async fn stack(connection: &Connection) -> Result<Stack> {
    let name = connection.stack.as_deref().context("name the stack: --aws --stack orderflow-prod")?;
    let clients = Clients::of_profile(connection.profile.as_deref(), connection.region.clone()).await;
    Ok(Stack::find(clients, name).await?)
}

/// What changes is not told there: Step Functions and SQS tell nobody.
pub fn over(stack: &Stack) -> Ops {
    let (dynamodb, sqs, clock) = (stack.clients.dynamodb(), stack.clients.sqs(), Arc::new(SystemClock));
    let queues = Arc::new(SqsQueues::new(sqs.clone(), stack.queue_urls.clone()));
    let ports = Ports {
        queues: Arc::new(SqsOpsQueues::new(sqs, stack.queue_urls.clone())),
        orders: Arc::new(DynamoOrders::new(dynamodb.clone(), stack.tables.clone(), queues, clock.clone())),
        executions: Arc::new(StepFunctionsExecutions::new(stack.clients.step_functions(), &stack.state_machine)),
        journal: Arc::new(DynamoJournal::new(dynamodb, &stack.journal)),
        changes: None,
        backups: None,
        clock,
    };
    Ops::new(ports, &stack.caller)
}
