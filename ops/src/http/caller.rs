//! Who asks, as the operations on their behalf.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use producer::auth::{OpsScope, Require};
use producer::problem::Problem;

use super::Api;
use crate::Ops;

/// The operations, on behalf of whoever asks.
pub(super) struct Caller(pub(super) Ops);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Require { principal, .. } = Require::<OpsScope>::from_request_parts(parts, api).await?;
        Ok(Self(api.ops.on_behalf_of(principal.name.as_str())))
    }
}
