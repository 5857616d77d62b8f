//! The function behind the `orders` queue: starts executions, and closes orders that could not be mailed.

use std::sync::Arc;

use lambda_runtime::Error;
use orderflow_aws::lambda::Function;
use workers::DispatchWorker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::init().await?;
    function.settings.get("STATE_MACHINE_ARN")?;
    let worker = DispatchWorker { orders: Arc::new(function.orders()?), workflow: function.workflow() };
    function.run(worker).await
}
