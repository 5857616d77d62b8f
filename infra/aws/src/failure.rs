//! What an SDK error means for a port: almost always that nobody knows, so try again.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use orders::ports::Unavailable;

/// `what` could not be reached, or says that it can't now.
pub(crate) fn unavailable<E, R>(what: &'static str, error: &SdkError<E, R>) -> Unavailable
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error() {
        Some(service) => {
            let code = service.code().unwrap_or("an error without a code");
            Unavailable::new(what, format_args!("{code}: {}", service.message().unwrap_or_default()))
        }
        None => Unavailable::new(what, DisplayErrorContext(error)),
    }
}
