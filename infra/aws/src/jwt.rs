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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn principal(claims: Value) -> Option<Principal> {
        let context = json!({ "http": { "method": "GET" }, "authorizer": { "jwt": { "claims": claims } } });
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        let context = serde_json::from_value(context).expect("a request context");
        parts.extensions.insert(RequestContext::ApiGatewayV2(context));
        VerifiedClaims.authenticate(&parts)
    }

    #[test]
    fn the_client_and_its_scopes_are_who_asks() {
        let shop = principal(json!({ "client_id": "shop", "sub": "x", "scope": "openid orderflow/storefront" }));
        assert_eq!(shop, Some(Principal { name: "shop".parse().unwrap(), scope: Scope::Storefront }));
        let ops = principal(json!({ "sub": "night", "scope": "orderflow/storefront orderflow/ops" }));
        assert_eq!(ops, Some(Principal { name: "night".parse().unwrap(), scope: Scope::Ops }));
    }

    #[test]
    fn a_token_without_our_scopes_or_a_request_without_a_token_is_nobody() {
        assert_eq!(principal(json!({ "client_id": "shop", "scope": "orderflow/opsx" })), None);
        assert_eq!(principal(json!({ "client_id": "sh op", "scope": "orderflow/ops" })), None);
        assert_eq!(VerifiedClaims.authenticate(&axum::http::Request::new(()).into_parts().0), None);
    }
}
