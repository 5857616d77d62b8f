//! The function behind the HTTP API: the same router as on one machine, through `lambda_http`.

use std::sync::Arc;

use lambda_http::Error;
use orderflow_aws::jwt::VerifiedClaims;
use orderflow_aws::lambda::{self, Function};
use producer::auth::Access;
use producer::cursor::Cursors;
use tower::Service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::init().await?;
    let ports = producer::Ports {
        orders: Arc::new(function.orders()?),
        catalogue: Arc::new(function.catalogue()?),
        clock: function.clock.clone(),
        cursors: Cursors::new(function.cursor_key()?),
    };
    let access = Access::By(Arc::new(VerifiedClaims));
    let router = producer::router(ports, producer::Settings { access, ..producer::Settings::default() });
    let metrics = function.metrics();
    lambda_http::run(lambda_http::service_fn(move |request| {
        let mut router = router.clone();
        async move {
            let response = router.call(request).await;
            lambda::flush(metrics);
            response
        }
    }))
    .await
}
