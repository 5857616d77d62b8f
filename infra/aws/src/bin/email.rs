//! The function behind the `emails` queue: writes the final status, and mails it.

use std::sync::Arc;

use lambda_runtime::Error;
use orderflow_aws::SesMailer;
use orderflow_aws::lambda::Function;
use workers::EmailWorker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::init().await?;
    let (from, configuration_set) =
        (function.settings.get("MAIL_FROM")?, function.settings.find("MAIL_CONFIGURATION_SET"));
    let worker = EmailWorker {
        orders: Arc::new(function.orders()?),
        catalogue: Arc::new(function.catalogue()?),
        mailer: Arc::new(SesMailer::new(function.clients.ses(), from, configuration_set)),
    };
    function.run(worker).await
}
