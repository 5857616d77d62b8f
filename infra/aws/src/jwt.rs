//! Who asks, on AWS: the claims that API Gateway's JWT authorizer has verified.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>

use axum::http::request::Parts;
use lambda_http::request::RequestContext;
use orders::Storefront;
use producer::auth::{Authenticate, Principal, Scope};

/// The scope that posts orders.
const STOREFRONT: &str = "orderflow/storefront";
/// The scope that may do everything.
const OPS: &str = "orderflow/ops";

/// Reads the verified claims: the storefront is `client_id` (else `sub`), its scopes are in `scope`.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedClaims;

impl Authenticate for VerifiedClaims {
    fn authenticate(&self, request: &Parts) -> Option<Principal> {
        let RequestContext::ApiGatewayV2(context) = request.extensions.get::<RequestContext>()? else { return None };
        let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
        let name: Storefront = claims.get("client_id").or_else(|| claims.get("sub"))?.parse().ok()?;
        let scopes = claims.get("scope").map(String::as_str).unwrap_or_default();
        let has = |scope| scopes.split(' ').any(|each| each == scope);
        let scope = match (has(OPS), has(STOREFRONT)) {
            (true, _) => Scope::Ops,
            (false, true) => Scope::Storefront,
            (false, false) => return None,
        };
        Some(Principal { name, scope })
    }
}
