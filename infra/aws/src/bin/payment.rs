//! The function behind the `payments` queue: charges and refunds, at Stripe or at the simulated gateway.

use std::sync::Arc;

use lambda_runtime::Error;
use orderflow_aws::lambda::Function;
use workers::PaymentWorker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::init().await?;
    let worker = PaymentWorker { orders: Arc::new(function.orders()?), gateway: function.gateway().await? };
    function.run(worker).await
}
