//! `/currencies`: what an amount means in each currency. A router of its own: a console without this API needs it, too.

use std::sync::LazyLock;

use ::orders::money::{CODES, decimals, read_currency};
use axum::Router;
use axum::http::{HeaderName, header};
use axum::middleware::{from_extractor_with_state, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{Access, Require, StorefrontScope};
use crate::openapi::refusals::{Foreign, Internal, Invalid, Unauthenticated, Unavailable};
use crate::{REQUEST_TIMEOUT, guarded, params};

/// All currencies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Currencies {
    /// By their codes, in alphabetical order.
    currencies: Vec<Currency>,
}

/// What an amount of a currency means.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"code": "HUF", "decimals": 2, "accepted": true}))]
pub(crate) struct Currency {
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    code: &'static str,
    /// How many of an amount's digits follow the point, by ISO 4217: an amount of 129900 HUF is 1299.00.
    #[schema(minimum = 0, maximum = 4)]
    decimals: u16,
    /// Whether orders and products can be in it. Funds, metals, codes for tests and currencies that were withdrawn can't.
    accepted: bool,
}

static CURRENCIES: LazyLock<Bytes> = LazyLock::new(|| {
    let currency = |it: &::orders::Currency| Currency {
        code: it.code(),
        decimals: decimals(*it),
        accepted: read_currency(it.code()).is_ok(),
    };
    let all = Currencies { currencies: CODES.iter().map(currency).collect() };
    serde_json::to_vec(&all).unwrap_or_default().into()
});

/// It changes with the binary only.
const KEEP: (HeaderName, &str) = (header::CACHE_CONTROL, "private, max-age=60");

/// The route, for whoever has any key.
pub fn router(access: Access) -> Router {
    let handlers = get(list).route_layer(from_fn(params::none));
    let handlers = handlers.route_layer(from_extractor_with_state::<Require<StorefrontScope>, Access>(access));
    Router::new().route("/currencies", guarded(handlers, REQUEST_TIMEOUT))
}

/// List currencies
///
/// An amount is in minor units. Enter and show it with the decimals given here, and not with those of a browser or a
/// phone: their tables (CLDR's) differ from ISO 4217's, for HUF or IDR by a factor of a hundred.
#[utoipa::path(
    get,
    path = "/currencies",
    tag = "products",
    operation_id = "listCurrencies",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "All of them.", body = Currencies),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthenticated),
        (status = 403, response = Foreign),
        (status = 500, response = Internal),
        (status = 503, response = Unavailable),
    )
)]
pub(crate) async fn list() -> Response {
    ([(header::CONTENT_TYPE, "application/json"), KEEP], CURRENCIES.clone()).into_response()
}
