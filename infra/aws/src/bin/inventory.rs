//! The function behind the `inventory` queue: reserves and releases stock.

use std::sync::Arc;

use lambda_runtime::Error;
use orderflow_aws::lambda::Function;
use workers::InventoryWorker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::init().await?;
    let worker = InventoryWorker { orders: Arc::new(function.orders()?), catalogue: Arc::new(function.catalogue()?) };
    function.run(worker).await
}
