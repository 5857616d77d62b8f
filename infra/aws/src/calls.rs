//! Tells each call to AWS as it is made, retries included: what an order costs is computed from this (docs/COST.md), and what
//! a function may call is checked against it. A log line at `debug` and not a metric, which would cost more than it tells.

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// The log target: `ORDERFLOW_LOG=info,aws_calls=debug` shows them.
pub const AWS_CALLS: &str = "aws_calls";

/// The interceptor that tells.
#[derive(Debug)]
pub(crate) struct TellCalls;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for TellCalls {
    fn name(&self) -> &'static str {
        "TellCalls"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = config.load::<Metadata>() {
            tracing::debug!(target: AWS_CALLS, service = operation.service(), operation = operation.name());
        }
        Ok(())
    }
}
