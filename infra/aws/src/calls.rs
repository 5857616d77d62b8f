//! Counts the calls to AWS as they are made: what an order costs is computed from this (`docs/COST.md`), and what a function
//! may call is checked against it.

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use metrics::counter;

/// The counter: one per service and operation, retries included.
pub const AWS_CALLS: &str = "orderflow_aws_calls_total";

/// The interceptor that counts.
#[derive(Debug)]
pub(crate) struct CountCalls;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for CountCalls {
    fn name(&self) -> &'static str {
        "CountCalls"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = config.load::<Metadata>() {
            let labels = [("service", operation.service().to_owned()), ("operation", operation.name().to_owned())];
            counter!(AWS_CALLS, &labels).increment(1);
        }
        Ok(())
    }
}
